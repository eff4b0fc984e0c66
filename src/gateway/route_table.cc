#include "gateway/route_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace godwit::gateway {
namespace {

// Is there a slash at the end of what it takes, and maybe more?
bool has_tail(const RoutePattern& pattern) {
  const SegmentKind last = pattern.segments().back().kind;
  return last == SegmentKind::kRest || last == SegmentKind::kEnd;
}

// Does the pattern take all of the path by name, nothing by a rest?
bool is_exact(const RoutePattern& pattern, const RoutePath& path) {
  return !pattern.has_rest() ||
         (pattern.segments().size() == path.size() && path.ends_with_slash());
}

RouteConflict::Side side_of(const std::vector<Route>& routes, std::size_t route,
                            const RoutePattern& pattern) {
  return {.route = route, .name = routes[route].name, .pattern = pattern.text()};
}

std::string side_text(const RouteConflict::Side& side) {
  return fmt::format("\"{}\" of {}", side.pattern, side.name.empty() ? "index" : side.name);
}

Error conflict_error(const RouteConflict::Side& first, const RouteConflict::Side& second,
                     const RoutePattern& a, const RoutePattern& b) {
  const bool equal = relation(a, b) == Relation::kEqual;
  return {ErrorCode::kRouteConflict,
          fmt::format("{} and {} {} (for instance {})", side_text(first), side_text(second),
                      equal ? "match the same requests"
                            : "match some of the same requests, and neither is more specific",
                      common_request(a, b)),
          {}};
}

}  // namespace

std::vector<RoutePattern> patterns_of(const Route& route) {
  if (!route.patterns.empty()) return route.patterns;
  if (route.name.empty()) return {RoutePattern::exactly("/")};
  const std::string path = "/" + route.name;
  return {RoutePattern::exactly(path), RoutePattern::below(path)};
}

std::string routes_text(const Route& route) {
  if (route.patterns.empty()) return "/" + route.name;
  std::string text;
  for (const RoutePattern& pattern : route.patterns) {
    if (!text.empty()) text += ", ";
    text += pattern.text();
  }
  return text;
}

std::vector<RouteConflict> find_conflicts(const std::vector<Route>& routes) {
  std::vector<std::pair<RoutePattern, std::size_t>> all;  // with the route's place
  for (std::size_t i = 0; i < routes.size(); ++i) {
    for (RoutePattern& pattern : patterns_of(routes[i])) all.emplace_back(std::move(pattern), i);
  }
  std::vector<RouteConflict> conflicts;
  RouteIndex index;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [pattern, route] = all[i];
    const auto second = side_of(routes, route, pattern);
    for (const RouteIndex::Id id : index.conflicts_of(pattern)) {
      if (conflicts.size() == kMaxListedConflicts) return conflicts;
      const auto first = side_of(routes, all[id].second, all[id].first);
      conflicts.push_back({.first = first,
                           .second = second,
                           .error = conflict_error(first, second, all[id].first, pattern)});
    }
    index.add(pattern, static_cast<RouteIndex::Id>(i));
  }
  return conflicts;
}

std::shared_ptr<const RouteTable::Shared> RouteTable::share(const std::vector<Route>& routes) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const bool by_name = routes[i].patterns.empty();
    for (RoutePattern& pattern : patterns_of(routes[i])) {
      entries.push_back({std::move(pattern), static_cast<std::uint32_t>(i), by_name});
    }
  }
  RouteIndex index;
  bool has_subtrees = false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const RoutePattern& pattern = entries[i].pattern;
    if (!index.conflicts_of(pattern).empty()) continue;
    index.add(pattern, static_cast<RouteIndex::Id>(i));
    has_subtrees |= !entries[i].by_name && has_tail(pattern);
  }
  RouteTree tree(index);
  return std::make_shared<const Shared>(Shared{std::move(entries), std::move(tree), has_subtrees});
}

RouteTable::RouteTable(const std::vector<Route>& routes) : shared_(share(routes)) {
  for (const Route& route : routes) add_route(route);
}

RouteTable::RouteTable(const RouteTable& other) : shared_(other.shared_) {
  for (const auto& route : other.routes_) add_route(*route);
}

void RouteTable::add_route(const Route& route) {
  auto copy = std::make_shared<Route>(route);
  if (route.function != nullptr) {
    // A control block of this table's own: a request's reference count stays on this worker.
    copy->function = std::make_shared<const runtime::Function>(*route.function);
  }
  routes_.push_back(std::move(copy));
}

std::size_t RouteTable::available() const {
  return static_cast<std::size_t>(
      std::count_if(routes_.begin(), routes_.end(),
                    [](const auto& route) { return route->function != nullptr; }));
}

RouteMatch RouteTable::make_match(const Entry& entry, const RoutePath& path) const {
  RouteMatch match{.route = routes_[entry.route],
                   .pattern = &entry.pattern,
                   .by_name = entry.by_name,
                   .script_name = path.text()};
  if (has_tail(entry.pattern)) {
    const std::size_t tail = entry.pattern.segments().size() - 1;
    match.script_name = path.before(tail);
    match.path_info = path.from(tail);
  }
  return match;
}

std::optional<RouteMatch> RouteTable::match(const Query& query) const {
  const RouteTree::Found found = shared_->tree.find(query);
  const Entry* const entry =
      found.pattern == RouteTree::kNone ? nullptr : &shared_->entries[found.pattern];
  const RoutePath& path = query.path;
  const bool exact = entry != nullptr && is_exact(entry->pattern, path);
  if (!exact && shared_->has_subtrees && !path.ends_with_slash()) {
    Query longer = query;
    longer.slash = FinalSlash::kAdded;
    const RouteTree::Found below = shared_->tree.find(longer);
    if (below.pattern != RouteTree::kNone) {
      const Entry& subtree = shared_->entries[below.pattern];
      if (!subtree.by_name && subtree.pattern.segments().size() == path.size() + 1) {
        return RouteMatch{.route = routes_[subtree.route],
                          .pattern = &subtree.pattern,
                          .action = RouteMatch::Action::kAddSlash};
      }
    }
  }
  if (entry == nullptr) return std::nullopt;
  return make_match(*entry, path);
}

void RouteTable::read_parameters(const RouteMatch& match, const RoutePath& path,
                                 std::vector<PathParameter>& out) {
  out.clear();
  const auto segments = match.pattern->segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].kind == SegmentKind::kWildcard) {
      out.push_back({segments[i].text, path.segment(i)});
    } else if (segments[i].kind == SegmentKind::kRest && !segments[i].text.empty()) {
      out.push_back({segments[i].text, path.from(i).substr(1)});
    }
  }
}

std::string RouteTable::allowed_methods(const Query& query) const {
  std::vector<std::string> names = shared_->tree.methods(query);
  if (shared_->has_subtrees && !query.path.ends_with_slash()) {
    // With another method the client would be sent to the subtree.
    Query longer = query;
    longer.slash = FinalSlash::kAdded;
    const auto more = shared_->tree.methods(longer);
    names.insert(names.end(), more.begin(), more.end());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace godwit::gateway
