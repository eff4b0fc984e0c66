#include "gateway/route_index.h"

#include <algorithm>
#include <span>

namespace godwit::gateway {
namespace {

RouteIndex::Node& existing(std::unique_ptr<RouteIndex::Node>& node) {
  if (node == nullptr) node = std::make_unique<RouteIndex::Node>();
  return *node;
}

// Collects what is in conflict with one pattern. Recursion is as deep as a pattern is long.
class Search final {
 public:
  using Node = RouteIndex::Node;

  explicit Search(const RoutePattern& pattern) : pattern_(pattern) {}

  void visit(const Node& node, std::span<const PatternSegment> left) {
    if (left.empty()) return collect(node.exact);
    collect(node.rest);  // takes whatever is left
    switch (left.front().kind) {
      case SegmentKind::kRest: return visit_all_below(node);
      case SegmentKind::kEnd: return collect(node.end);
      case SegmentKind::kWildcard:
        for (const auto& [text, child] : node.literals) visit(*child, left.subspan(1));
        break;
      case SegmentKind::kLiteral:
        if (const auto child = node.literals.find(left.front().text);
            child != node.literals.end()) {
          visit(*child->second, left.subspan(1));
        }
        break;
    }
    if (node.wildcard != nullptr) visit(*node.wildcard, left.subspan(1));
  }
  std::vector<RouteIndex::Id> take() {
    std::sort(found_.begin(), found_.end());
    return std::move(found_);
  }

 private:
  // Below a slash that the pattern's rest stands for.
  void visit_all_below(const Node& node) {
    collect(node.end);
    const auto visit_all = [&](const Node& child) {
      collect(child.exact);
      collect(child.rest);
      visit_all_below(child);
    };
    for (const auto& [text, child] : node.literals) visit_all(*child);
    if (node.wildcard != nullptr) visit_all(*node.wildcard);
  }
  // That they meet in the tree says nothing of methods, nor of who is more specific.
  void collect(const std::vector<RouteIndex::Item>& items) {
    for (const RouteIndex::Item& item : items) {
      if (in_conflict(*item.pattern, pattern_)) found_.push_back(item.id);
    }
  }

  const RoutePattern& pattern_;
  std::vector<RouteIndex::Id> found_;
};

}  // namespace

std::vector<RouteIndex::Id> RouteIndex::conflicts_of(const RoutePattern& pattern) const {
  Search search(pattern);
  const auto methods = hosts_.find(pattern.host());
  if (methods == hosts_.end()) return {};
  for (const auto& [method, root] : methods->second) {
    const bool may_meet = pattern.method().empty() || method.empty() ||
                          method == pattern.method() || method == "GET" || method == "HEAD";
    if (may_meet) search.visit(root, pattern.segments());
  }
  return search.take();
}

void RouteIndex::add(const RoutePattern& pattern, Id id) {
  const Item item{.id = id, .pattern = &pattern};
  Node* node = &hosts_[pattern.host()][pattern.method()];
  for (const PatternSegment& segment : pattern.segments()) {
    switch (segment.kind) {
      case SegmentKind::kRest: return node->rest.push_back(item);
      case SegmentKind::kEnd: return node->end.push_back(item);
      case SegmentKind::kLiteral: node = &existing(node->literals[segment.text]); break;
      case SegmentKind::kWildcard: node = &existing(node->wildcard); break;
    }
  }
  node->exact.push_back(item);
}

}  // namespace godwit::gateway
