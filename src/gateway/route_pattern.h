// RoutePattern: which requests a route takes, in the language of Go's net/http.ServeMux (1.22 and
// later): "[METHOD ][HOST]/[PATH]", where a segment of PATH is a literal, `{name}` (one segment),
// `{rest...}` (all that is left, last only) or `{$}` (the end, last only), and a trailing slash is
// a nameless `{rest...}`.
//
//   auto pattern = RoutePattern::parse("GET example.com/b/{bucket}/o/{object...}");
//   if (!pattern) return fail(std::move(pattern.error()));
//   if (in_conflict(*pattern, other)) …             // neither is more specific
//
// Other than in Go: a host is compared without case and may have no port; a path that no request
// of ours can match (".", "..", "//", NUL) is an error for every method; a name is ASCII, and two
// names may not differ by case alone, because `{id}` becomes the variable PATH_PARAM_ID.
// Values; no thread-safety of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "manifest/function_spec.h"

namespace godwit::gateway {

inline constexpr std::size_t kMaxPatternBytes = 1024;
// What a trailing slash or "{$}" stands for counts as a segment.
inline constexpr std::size_t kMaxPatternSegments = 64;
// Of one function.
inline constexpr std::size_t kMaxPatterns = 64;

enum class SegmentKind : std::uint8_t {
  kLiteral,   // "tree": exactly that
  kWildcard,  // "{id}": one segment that is not empty
  kRest,      // "{rest...}" or a trailing slash: whatever is left, also nothing
  kEnd,       // "{$}": nothing after the slash
};

struct PatternSegment {
  SegmentKind kind = SegmentKind::kLiteral;
  // kLiteral: decoded. kWildcard, kRest: the variable "PATH_PARAM_ID", empty without a name.
  std::string text;
};

class RoutePattern final {
 public:
  // Errors: kConfigBadValue; the detail quotes the pattern and says what is wrong where.
  static Result<RoutePattern> parse(std::string_view text);
  // Patterns of a path that is taken literally, for all methods and hosts: exactly that path
  // ("/greet", and "/" for "/{$}"), and what is below it ("/greet/").
  // REQUIRES: `path` begins with '/' and has fewer than kMaxPatternSegments segments.
  static RoutePattern exactly(std::string_view path);
  static RoutePattern below(std::string_view path);

  const std::string& text() const { return text_; }      // as it was written
  const std::string& method() const { return method_; }  // empty: all; GET takes HEAD too
  const std::string& host() const { return host_; }      // lower case; empty: all
  // At least one; kRest and kEnd stand last only.
  std::span<const PatternSegment> segments() const { return segments_; }
  bool has_rest() const { return segments_.back().kind == SegmentKind::kRest; }

 private:
  RoutePattern() = default;

  std::string text_;
  std::string method_;
  std::string host_;
  std::vector<PatternSegment> segments_;
};

// The patterns of `spec.routes`. Errors: kConfigBadValue (parse's, with the place; more than
// kMaxPatterns).
Result<std::vector<RoutePattern>> parse_routes(const manifest::FunctionSpec& spec);

// How two patterns stand to each other: what ServeMux calls precedence.
enum class Relation : std::uint8_t {
  kEqual,         // both take the same requests
  kMoreSpecific,  // the first wins: it takes a part of what the second takes; or only the first
                  // names a host, and there are requests that both take
  kMoreGeneral,   // the other way round
  kDisjoint,      // no request is taken by both
  kOverlap,       // each takes requests that the other does not, and there are some that both do
};

Relation relation(const RoutePattern& first, const RoutePattern& second);
// kEqual or kOverlap: nobody could say which is meant.
bool in_conflict(const RoutePattern& first, const RoutePattern& second);
// A request that both take ("GET /a/b"). REQUIRES: they are not disjoint.
std::string common_request(const RoutePattern& first, const RoutePattern& second);

}  // namespace godwit::gateway
