// Any bytes as patterns and paths, a line each, an empty line between them: what is parsed keeps
// its promises, and the table serves what the definition says.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "gateway/route_table.h"
#include "gateway/test_routes.h"

namespace {

using namespace godwit;
using namespace godwit::gateway;

constexpr std::size_t kMaxLines = 12;  // all pairs are compared

void check_pattern(const RoutePattern& pattern) {
  const auto segments = pattern.segments();
  CHECK(!segments.empty() && segments.size() <= kMaxPatternSegments, segments.size());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const PatternSegment& segment = segments[i];
    CHECK(is_utf8(segment.text) && segment.text.find('\0') == std::string::npos);
    const bool last_only = segment.kind == SegmentKind::kRest || segment.kind == SegmentKind::kEnd;
    CHECK(!last_only || i + 1 == segments.size(), i);
    const bool literal = segment.kind == SegmentKind::kLiteral;
    CHECK(!literal || !segment.text.empty());
    const bool named = !literal && !segment.text.empty();
    CHECK(!named || segment.text.starts_with("PATH_PARAM_"), segment.text);
  }
  const auto again = RoutePattern::parse(pattern.text());
  CHECK(again && relation(*again, pattern) == Relation::kEqual, pattern.text());
}

void check_pair(const RoutePattern& first, const RoutePattern& second) {
  const Relation there = relation(first, second);
  const Relation back = relation(second, first);
  CHECK((there == Relation::kMoreSpecific) == (back == Relation::kMoreGeneral));
  CHECK((there == Relation::kMoreGeneral) == (back == Relation::kMoreSpecific));
  CHECK((there == Relation::kEqual) == (back == Relation::kEqual));
  CHECK((there == Relation::kDisjoint) == (back == Relation::kDisjoint));
  if (there != Relation::kDisjoint) CHECK(!common_request(first, second).empty());
}

void check_request(const RouteTable& table, const test::Reference& reference,
                   const RoutePath& path) {
  for (const char* method : {"GET", "HEAD", "POST"}) {
    const RouteTable::Query query{.host = "h:80", .method = method, .path = path};
    const auto match = table.match(query);
    const std::size_t place = reference.find(method, "h", path.raw());
    if (!match) {
      CHECK(place == test::Reference::kNone, place);
    } else if (match->action == RouteMatch::Action::kServe) {
      CHECK(match->route->name == std::to_string(place), match->route->name, place);
      CHECK(std::string(match->script_name) + std::string(match->path_info) == path.text());
      std::vector<PathParameter> parameters;
      RouteTable::read_parameters(*match, path, parameters);
      for (const PathParameter& parameter : parameters) CHECK(is_utf8(parameter.value));
    } else {
      const std::size_t below = reference.find(method, "h", std::string(path.raw()) + "/");
      CHECK(match->route->name == std::to_string(below), match->route->name, below);
    }
    (void)table.allowed_methods(query);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view left(reinterpret_cast<const char*>(data), size);
  std::vector<RoutePattern> patterns;
  std::vector<std::string_view> paths;
  bool blank_seen = false;
  for (std::size_t lines = 0; !left.empty() && lines < kMaxLines; ++lines) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    blank_seen |= line.empty();
    if (blank_seen) {
      paths.push_back(line);
      continue;
    }
    auto pattern = RoutePattern::parse(line);
    if (!pattern) {
      CHECK(pattern.error().code == ErrorCode::kConfigBadValue && is_utf8(pattern.error().detail));
      continue;
    }
    check_pattern(*pattern);
    for (const RoutePattern& other : patterns) check_pair(other, *pattern);
    patterns.push_back(std::move(*pattern));
  }
  std::vector<Route> routes;
  for (const RoutePattern& pattern : patterns) {
    routes.emplace_back();
    routes.back().name = std::to_string(routes.size() - 1);
    routes.back().patterns.push_back(pattern);
  }
  const RouteTable table(routes);
  const test::Reference reference(patterns);
  RoutePath path;
  for (const std::string_view raw : paths) {
    if (path.parse(raw)) check_request(table, reference, path);
  }
  return 0;
}
