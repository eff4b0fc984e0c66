#include "gateway/route_tree.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "http/ascii.h"
#include "http/request.h"

namespace godwit::gateway {
namespace {

// The first eight bytes as a number that is ordered as they are.
std::uint64_t start_of(std::string_view text) {
  std::uint64_t start = 0;
  if (text.size() >= sizeof start) {
    for (std::size_t i = 0; i < sizeof start; ++i) {  // one load and one swap
      start = start << 8 | static_cast<unsigned char>(text[i]);
    }
    return start;
  }
  for (const char c : text) start = start << 8 | static_cast<unsigned char>(c);
  return text.empty() ? 0 : start << 8 * (sizeof start - text.size());
}

}  // namespace

// --- Making it ----------------------------------------------------------------------------------

class RouteTree::Builder final {
 public:
  explicit Builder(RouteTree& tree) : tree_(tree) {}

  std::uint32_t add(const RouteIndex::Node& source) {
    Node node{
        .exact = the_one(source.exact), .rest = the_one(source.rest), .end = the_one(source.end)};
    std::vector<Literal> literals;  // a node's stand together, so its children's come first
    for (const auto& [text, child] : source.literals) {
      const std::uint32_t index = add(*child);
      literals.push_back({.start = start_of(text),
                          .text_begin = static_cast<std::uint32_t>(tree_.texts_.size()),
                          .text_bytes = static_cast<std::uint32_t>(text.size()),
                          .node = index});
      tree_.texts_ += text;
    }
    if (source.wildcard != nullptr) node.wildcard = add(*source.wildcard);
    node.literals_begin = static_cast<std::uint32_t>(tree_.literals_.size());
    tree_.literals_.insert(tree_.literals_.end(), literals.begin(), literals.end());
    node.literals_end = static_cast<std::uint32_t>(tree_.literals_.size());
    tree_.nodes_.push_back(node);
    return static_cast<std::uint32_t>(tree_.nodes_.size() - 1);
  }

 private:
  static RouteIndex::Id the_one(const std::vector<RouteIndex::Item>& items) {
    CHECK(items.size() <= 1, items.size());
    return items.empty() ? kNone : items.front().id;
  }

  RouteTree& tree_;
};

RouteTree::RouteTree(const RouteIndex& index) {
  Builder builder(*this);
  for (const auto& [name, methods] : index.hosts()) {
    Host host{.name = name, .methods = {}};
    for (const auto& [method, root] : methods) {
      host.methods.push_back({.name = method, .root = builder.add(root)});
    }
    if (name.empty()) {
      every_host_ = std::move(host);
    } else {
      longest_host_bytes_ = std::max(longest_host_bytes_, name.size());
      hosts_.push_back(std::move(host));
    }
  }
  nodes_.shrink_to_fit();
  literals_.shrink_to_fit();
  texts_.shrink_to_fit();
}

// --- Looking up ---------------------------------------------------------------------------------

// One search below one root. Recursion is as deep as the longest pattern.
class RouteTree::Walk final {
 public:
  Walk(const RouteTree& tree, const Query& query)
      : tree_(tree),
        path_(query.path),
        size_(query.path.size() + (query.slash == FinalSlash::kAdded ? 1 : 0)) {}

  // The most specific pattern below `node` that takes the segments from `index` on.
  RouteIndex::Id find(const Node& node, std::size_t index) {
    ++steps_;
    if (index == size_) return node.exact;
    const std::string_view segment = index < path_.size() ? path_.segment(index) : "";
    if (segment.empty()) {
      // After the last slash, or between two: no literal is empty and no wildcard takes nothing.
      const bool last = index + 1 == size_;
      return last && node.end != kNone ? node.end : node.rest;
    }
    if (const Node* child = tree_.find_literal(node, segment); child != nullptr) {
      if (const RouteIndex::Id found = find(*child, index + 1); found != kNone) return found;
    }
    if (node.wildcard != kNoNode) {
      const RouteIndex::Id found = find(tree_.nodes_[node.wildcard], index + 1);
      if (found != kNone) return found;
    }
    return node.rest;
  }
  std::size_t steps() const { return steps_; }

 private:
  const RouteTree& tree_;
  const RoutePath& path_;
  const std::size_t size_;
  std::size_t steps_ = 0;
};

const RouteTree::Node* RouteTree::find_literal(const Node& node, std::string_view text) const {
  const std::uint64_t start = start_of(text);
  const auto begin = literals_.begin() + node.literals_begin;
  const auto end = literals_.begin() + node.literals_end;
  const auto found = std::partition_point(begin, end, [&](const Literal& literal) {
    if (literal.start != start) return literal.start < start;
    return std::string_view(texts_).substr(literal.text_begin, literal.text_bytes) < text;
  });
  if (found == end || found->start != start ||
      std::string_view(texts_).substr(found->text_begin, found->text_bytes) != text) {
    return nullptr;
  }
  return &nodes_[found->node];
}

const RouteTree::Host* RouteTree::host_of(std::string_view authority) const {
  if (hosts_.empty()) return nullptr;
  const std::string_view name = http::host_name(authority);
  std::array<char, kMaxPatternBytes> lower;  // no host of a pattern is longer than a pattern
  if (name.empty() || name.size() > longest_host_bytes_) return nullptr;
  std::transform(name.begin(), name.end(), lower.begin(), http::to_lower);
  const std::string_view wanted(lower.data(), name.size());
  const auto found =
      std::lower_bound(hosts_.begin(), hosts_.end(), wanted,
                       [](const Host& host, std::string_view text) { return host.name < text; });
  return found != hosts_.end() && found->name == wanted ? &*found : nullptr;
}

// GET takes HEAD too, and a method is more specific than none.
RouteTree::Found RouteTree::find_in(const Host& host, const Query& query) const {
  Found found;
  // Nearly always: functions that are served by name.
  const bool all_methods_only = host.methods.size() == 1 && host.methods.front().name.empty();
  const auto found_with = [&](std::string_view name) {
    const auto method = std::lower_bound(
        host.methods.begin(), host.methods.end(), name,
        [](const Method& each, std::string_view text) { return each.name < text; });
    if (method == host.methods.end() || method->name != name) return false;
    Walk walk(*this, query);
    found.pattern = walk.find(nodes_[method->root], 0);
    found.steps += walk.steps();
    return found.pattern != kNone;
  };
  if (!all_methods_only) {
    if (found_with(query.method)) return found;
    if (query.method == "HEAD" && found_with("GET")) return found;
  }
  found_with("");
  return found;
}

RouteTree::Found RouteTree::find(const Query& query) const {
  Found found;
  if (const Host* host = host_of(query.host); host != nullptr) found = find_in(*host, query);
  if (found.pattern != kNone) return found;
  const Found anywhere = find_in(every_host_, query);
  return {.pattern = anywhere.pattern, .steps = found.steps + anywhere.steps};
}

std::vector<std::string> RouteTree::methods(const Query& query) const {
  std::vector<std::string> names;
  const Host* const own = host_of(query.host);
  for (const Host* host : {own, &every_host_}) {
    if (host == nullptr) continue;
    for (const Method& method : host->methods) {
      if (method.name.empty()) continue;
      if (Walk(*this, query).find(nodes_[method.root], 0) == kNone) continue;
      names.push_back(method.name);
      if (method.name == "GET") names.emplace_back("HEAD");
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace godwit::gateway
