// For tests: what ServeMux's documentation says of matching and precedence, in the plainest way:
// every pattern is held against the request, and of those that match the most specific is looked
// for by comparing all pairs. What the tree finds must be the same.
//
//   const Reference reference(patterns);
//   reference.find("GET", "h", "/a/b");       // the place of a pattern, or kNone
//
// One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "gateway/route_pattern.h"
#include "http/ascii.h"

namespace godwit::gateway::test {

inline std::string decoded(std::string_view raw) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out += raw[i];
      continue;
    }
    out += static_cast<char>(http::hex_value(raw[i + 1]) * 16 + http::hex_value(raw[i + 2]));
    i += 2;
  }
  return out;
}

// Does the pattern from segment `index` on take `left`, which is empty or begins with a slash?
inline bool path_matches(const RoutePattern& pattern, std::size_t index, std::string_view left) {
  if (index == pattern.segments().size()) return left.empty();
  if (left.empty()) return false;
  const PatternSegment& segment = pattern.segments()[index];
  if (segment.kind == SegmentKind::kRest) return true;
  if (segment.kind == SegmentKind::kEnd) return left == "/";
  left.remove_prefix(1);
  const std::string_view raw = left.substr(0, left.find('/'));
  left.remove_prefix(raw.size());
  if (raw.empty()) return false;
  if (segment.kind == SegmentKind::kLiteral && decoded(raw) != segment.text) return false;
  return path_matches(pattern, index + 1, left);
}

inline bool matches(const RoutePattern& pattern, std::string_view method, std::string_view host,
                    std::string_view raw_path) {
  const bool method_matches = pattern.method().empty() || pattern.method() == method ||
                              (pattern.method() == "GET" && method == "HEAD");
  const bool host_matches =
      pattern.host().empty() || http::equals_ignoring_case(pattern.host(), host);
  return method_matches && host_matches && path_matches(pattern, 0, raw_path);
}

class Reference final {
 public:
  static constexpr std::size_t kNone = SIZE_MAX;

  // Takes those that are in conflict with none before; `places` are those of `all`.
  explicit Reference(const std::vector<RoutePattern>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      bool conflict = false;
      for (const auto& [place, earlier] : served_) conflict |= in_conflict(*earlier, all[i]);
      if (!conflict) served_.emplace_back(i, &all[i]);
    }
  }

  // `raw_path` is one that RoutePath accepts.
  std::size_t find(std::string_view method, std::string_view host,
                   std::string_view raw_path) const {
    std::vector<std::pair<std::size_t, const RoutePattern*>> matching;
    for (const auto& [place, pattern] : served_) {
      if (matches(*pattern, method, host, raw_path)) matching.emplace_back(place, pattern);
    }
    for (const auto& [place, pattern] : matching) {
      bool best = true;
      for (const auto& [other_place, other] : matching) {
        if (other_place != place) best &= relation(*pattern, *other) == Relation::kMoreSpecific;
      }
      if (best) return place;
    }
    CHECK(matching.empty(), "none of those that match is the most specific", raw_path);
    return kNone;
  }

 private:
  std::vector<std::pair<std::size_t, const RoutePattern*>> served_;
};

}  // namespace godwit::gateway::test
