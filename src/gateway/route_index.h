// RouteIndex: a growing set of patterns that tells which of them a new one is in conflict with. It
// is the control plane's: it allocates. RouteTree is made of it for requests.
//
//   RouteIndex index;
//   for (RouteIndex::Id id = 0; id < patterns.size(); ++id) {
//     if (index.conflicts_of(patterns[id]).empty()) index.add(patterns[id], id);
//   }
//
// A pattern is looked for only where patterns can meet it: at the same literals and at wildcards.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/route_pattern.h"

namespace godwit::gateway {

class RouteIndex final {
 public:
  using Id = std::uint32_t;  // chosen by the caller

  struct Item {
    Id id = 0;
    const RoutePattern* pattern = nullptr;
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> wildcard;
    // Patterns that end with this segment, and those that have a rest or an end after it.
    std::vector<Item> exact;
    std::vector<Item> rest;
    std::vector<Item> end;
  };
  using Methods = std::map<std::string, Node, std::less<>>;   // "": all
  using Hosts = std::map<std::string, Methods, std::less<>>;  // "": all

  // The patterns in here that are in conflict with `pattern`, by id.
  std::vector<Id> conflicts_of(const RoutePattern& pattern) const;
  // `pattern` must outlive this.
  void add(const RoutePattern& pattern, Id id);

  const Hosts& hosts() const { return hosts_; }

 private:
  Hosts hosts_;
};

}  // namespace godwit::gateway
