// RouteTree: finds the pattern that takes a request, of a set without conflicts: the most specific
// of those that match. Immutable; workers share one.
//
//   RouteTree tree(index);
//   tree.find({.host = "h", .method = "GET", .path = path}).pattern;      // an Id, or kNone
//
// By host, then method, then segment by segment, each step the most specific first: a literal,
// a wildcard, a rest. When a step leads nowhere the next one is tried. Without conflicts what is
// found first is the most specific (two patterns that match one path are nested, so at the first
// segment where they differ the one with the literal is inside the one with the wildcard).
//
// Work is bounded by the tree, not by the path: a node stands at one depth and has one parent, so
// a search comes to it at most once and compares one segment there. A literal match without a
// wildcard beside it takes one step per segment. Nothing is allocated. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/route_index.h"
#include "gateway/route_path.h"

namespace godwit::gateway {

enum class FinalSlash : std::uint8_t {
  kAsSent,
  kAdded,  // as if the path had one more, empty segment. REQUIRES: it does not end with a slash
};

class RouteTree final {
 public:
  static constexpr RouteIndex::Id kNone = UINT32_MAX;

  struct Query {
    std::string_view host;  // as the request has it: with a port, in any case; may be empty
    std::string_view method;
    const RoutePath& path;
    FinalSlash slash = FinalSlash::kAsSent;
  };
  struct Found {
    RouteIndex::Id pattern = kNone;
    std::size_t steps = 0;  // nodes that were looked at
  };

  // REQUIRES: no two patterns of `index` are in conflict.
  explicit RouteTree(const RouteIndex& index);

  Found find(const Query& query) const;
  // Whatever the method of `query` is: the methods with which patterns would match, sorted, GET
  // with HEAD. Empty when the path matches with none; of no use when a pattern without a method
  // matches.
  std::vector<std::string> methods(const Query& query) const;

  std::size_t nodes() const { return nodes_.size(); }

 private:
  static constexpr std::uint32_t kNoNode = UINT32_MAX;

  struct Node {
    std::uint32_t literals_begin = 0;
    std::uint32_t literals_end = 0;
    std::uint32_t wildcard = kNoNode;
    RouteIndex::Id exact = kNone;
    RouteIndex::Id rest = kNone;
    RouteIndex::Id end = kNone;
  };
  // Sorted among those of a node. `start` has the first bytes of the text, so that most
  // comparisons touch nothing else.
  struct Literal {
    std::uint64_t start = 0;
    std::uint32_t text_begin = 0;
    std::uint32_t text_bytes = 0;
    std::uint32_t node = kNoNode;
  };
  struct Method {
    std::string name;
    std::uint32_t root = kNoNode;
  };
  struct Host {
    std::string name;
    std::vector<Method> methods;
  };
  class Builder;
  class Walk;

  const Host* host_of(std::string_view authority) const;
  const Node* find_literal(const Node& node, std::string_view text) const;
  Found find_in(const Host& host, const Query& query) const;

  std::vector<Node> nodes_;
  std::vector<Literal> literals_;
  std::string texts_;        // of all literals
  std::vector<Host> hosts_;  // sorted, without the one below
  Host every_host_;
  std::size_t longest_host_bytes_ = 0;
};

}  // namespace godwit::gateway
