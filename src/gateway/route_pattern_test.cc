#include "gateway/route_pattern.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

using testing::HasSubstr;

RoutePattern parsed(std::string_view text) {
  auto pattern = RoutePattern::parse(text);
  EXPECT_TRUE(pattern) << text << ": " << (pattern ? "" : pattern.error().detail);
  return pattern ? *pattern : RoutePattern::exactly("/the-pattern-did-not-parse");
}

// "GET|host|a|{PATH_PARAM_X}|…|$": everything that was understood.
std::string shown(const RoutePattern& pattern) {
  std::string text = pattern.method() + "|" + pattern.host();
  for (const PatternSegment& segment : pattern.segments()) {
    switch (segment.kind) {
      case SegmentKind::kLiteral: text += "|" + segment.text; break;
      case SegmentKind::kWildcard: text += "|{" + segment.text + "}"; break;
      case SegmentKind::kRest: text += "|..." + segment.text; break;
      case SegmentKind::kEnd: text += "|$" + segment.text; break;
    }
  }
  return text;
}

TEST(RoutePattern, Parses) {
  const struct {
    const char* text;
    const char* meaning;
  } rows[] = {
      {"/", "||..."},
      {"/a", "||a"},
      {"/a/", "||a|..."},
      {"/path/to/something", "||path|to|something"},
      {"/{w1}/lit/{w2}", "||{PATH_PARAM_W1}|lit|{PATH_PARAM_W2}"},
      {"/{w1}/lit/{w2}/", "||{PATH_PARAM_W1}|lit|{PATH_PARAM_W2}|..."},
      {"/{$}", "||$"},
      {"/foo/{$}", "||foo|$"},
      {"/{a}/foo/{rest...}", "||{PATH_PARAM_A}|foo|...PATH_PARAM_REST"},
      {"/{_}/{camelCase}/{SHOUT9}", "||{PATH_PARAM__}|{PATH_PARAM_CAMELCASE}|{PATH_PARAM_SHOUT9}"},
      {"example.com/", "|example.com|..."},
      {"Example.COM/", "|example.com|..."},
      {"[::1]/x", "|[::1]|x"},
      {"GET /", "GET||..."},
      {"POST example.com/foo/{w}", "POST|example.com|foo|{PATH_PARAM_W}"},
      {"DELETE example.com/a/{foo12}/{$}", "DELETE|example.com|a|{PATH_PARAM_FOO12}|$"},
      {"GET\t  /", "GET||..."},
      {"POST \t  example.com/foo/{w}", "POST|example.com|foo|{PATH_PARAM_W}"},
      {" /a", "||a"},
      {"PROPFIND /a", "PROPFIND||a"},
      {"GET /a b", "GET||a b"},
      // Literals are decoded, one by one.
      {"/%61%62/%7b/x", "||ab|{|x"},
      {"/a%2Fb/100%25", "||a/b|100%"},
      {"/a%2fb/", "||a/b|..."},
      {"/%C3%A9/\xC3\xA9", "||\xC3\xA9|\xC3\xA9"},
      {"/%/%zz/%6", "||%|%zz|%6"},  // malformed: as they stand
      {"/a%20%zz", "||a%20%zz"},
      {"/.a/..b/.../c.", "||.a|..b|...|c."},
      {"/a}/b", "||a}|b"},
      {"/$", "||$"},
  };
  for (const auto& row : rows) {
    const RoutePattern pattern = parsed(row.text);
    EXPECT_EQ(shown(pattern), row.meaning) << row.text;
    EXPECT_EQ(pattern.text(), row.text);
  }
}

TEST(RoutePattern, SaysWhatIsWrong) {
  const struct {
    std::string text;
    const char* why;
  } rows[] = {
      {"", "it is empty"},
      {" ", "it has no path"},
      {"GET", "it has no path"},
      {"GET ", "it has no path"},
      {"example.com", "it has no path"},
      {"A=B /", "\"A=B\" is no method"},
      {"GE\xC3\x89T /", "is no method"},
      {"GET,POST /", "\"GET,POST\" is no method"},
      {"/a b", "\"/a\" is no method"},
      {"{a}/b", "the host holds a { (is the / before it missing?)"},
      {"GET {a}/b", "the host holds a {"},
      {"example.com:8080/", "the host has a port"},
      {"::1/", "the host has a port"},
      {"[::1]:80/", "the host is no IPv6 address in brackets"},
      {"[]/", "the host is no IPv6 address in brackets"},
      {"GET POST /", "the host is not a host name"},
      {"user@example.com/", "the host is not a host name"},
      {"ex%61mple.com/", "the host is not a host name"},
      {"*.example.com/", "the host is not a host name"},
      {"//", "an empty segment (//)"},
      {"/a//b", "an empty segment (//)"},
      {"example.com//a", "an empty segment (//)"},
      {"/./a", "no request with a . or .. segment"},
      {"/a/..", "no request with a . or .. segment"},
      {"/a/../b/", "no request with a . or .. segment"},
      {"/%2e%2E/b", "no request with a . or .. segment"},
      {"/a%2F../b", "no request with a . or .. segment"},
      {"/a%00", "%00"},
      {"/%ff", "does not decode to UTF-8"},
      {"/%c0%af", "does not decode to UTF-8"},
      {"/a\nb", "holds a control character"},
      {std::string("/a\0b", 4), "holds a control character"},
      {"/a\x7f", "holds a control character"},
      {"/\xff", "is not UTF-8"},
      {"/{w}x", "the segment \"{w}x\" does not end with }"},
      {"/x{w}", "the segment \"x{w}\" has text before its {"},
      {"/{wx", "the segment \"{wx\" does not end with }"},
      {"/{", "the segment \"{\" does not end with }"},
      {"/a/{/}/c", "the segment \"{\" does not end with }"},
      {"/a/{%61}/c", "the segment \"{%61}\" has a bad name"},
      {"/{a$}", "has a bad name"},
      {"/{1a}", "has a bad name"},
      {"/{a-b}", "has a bad name"},
      {"/{a b}", "is no method"},
      {"GET /{a b}", "has a bad name"},
      {"/{\xC3\xA9}", "has a bad name"},
      {"/{a}{b}", "has a bad name"},
      {"/{{a}}", "has a bad name"},
      {"/{a....}", "has a bad name"},
      {"/{a.}", "has a bad name"},
      {"/{}", "has no name"},
      {"/{...}", "has no name"},
      {"/{$}/", "the segment \"{$}\" is not at the end"},
      {"/{$}/x", "the segment \"{$}\" is not at the end"},
      {"/{$...}", "has a bad name"},
      {"/{a...}/", "the segment \"{a...}\" is not at the end"},
      {"/{a...}/x", "the segment \"{a...}\" is not at the end"},
      {"/{a}/b/{a}", "repeats a name; both would be the variable PATH_PARAM_A"},
      {"/{id}/{Id}", "repeats a name; both would be the variable PATH_PARAM_ID"},
      {"/{rest}/{rest...}", "repeats a name; both would be the variable PATH_PARAM_REST"},
      {"/" + std::string(kMaxPatternBytes, 'a'), "longer than 1024 bytes"},
  };
  for (const auto& row : rows) {
    const auto pattern = RoutePattern::parse(row.text);
    ASSERT_FALSE(pattern) << row.text;
    EXPECT_EQ(pattern.error().code, ErrorCode::kConfigBadValue) << row.text;
    EXPECT_THAT(pattern.error().detail, HasSubstr(row.why)) << row.text;
    EXPECT_THAT(pattern.error().detail, testing::StartsWith("route \"")) << row.text;
    for (const char c : pattern.error().detail) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    EXPECT_LT(pattern.error().detail.size(), 500u);
  }
}

TEST(RoutePattern, HasBounds) {
  std::string most;
  for (std::size_t i = 0; i < kMaxPatternSegments; ++i) most += "/a";
  EXPECT_EQ(parsed(most).segments().size(), kMaxPatternSegments);
  for (const char* one_more : {"/", "/a", "/{x}", "/{x...}", "/{$}"}) {
    const auto pattern = RoutePattern::parse(most + one_more);
    ASSERT_FALSE(pattern) << one_more;
    EXPECT_THAT(pattern.error().detail, HasSubstr("more than 64 segments"));
  }
  EXPECT_TRUE(RoutePattern::parse("/" + std::string(kMaxPatternBytes - 1, 'a')));
  EXPECT_TRUE(RoutePattern::parse(std::string(kMaxPatternBytes - 1, 'h') + "/"));
}

TEST(RoutePattern, OfAName) {
  EXPECT_EQ(shown(RoutePattern::exactly("/")), "||$");
  EXPECT_EQ(RoutePattern::exactly("/").text(), "/{$}");
  EXPECT_EQ(shown(RoutePattern::exactly("/shop/cart")), "||shop|cart");
  EXPECT_EQ(shown(RoutePattern::below("/shop/cart")), "||shop|cart|...");
  EXPECT_EQ(RoutePattern::below("/shop/cart").text(), "/shop/cart/");
  EXPECT_EQ(shown(RoutePattern::exactly("/%61{x}")), "||%61{x}") << "literally";
}

TEST(RoutePattern, OfTheSettings) {
  manifest::FunctionSpec spec;
  EXPECT_TRUE(parse_routes(spec)->empty());
  spec.routes = {{"/a", "f.toml:1:1"}, {"GET /{x}", "f.toml:2:1"}};
  const auto patterns = parse_routes(spec);
  ASSERT_TRUE(patterns);
  ASSERT_EQ(patterns->size(), 2u);
  EXPECT_EQ((*patterns)[1].text(), "GET /{x}");
  spec.routes.push_back({"/{x", "f.toml:3:14"});
  const auto bad = parse_routes(spec);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kConfigBadValue);
  EXPECT_THAT(bad.error().detail, HasSubstr("f.toml:3:14: route \"/{x\": the segment"));
  spec.routes.assign(kMaxPatterns + 1, {"/a", "f.toml:9:9"});
  ASSERT_FALSE(parse_routes(spec));
  EXPECT_THAT(parse_routes(spec).error().detail, HasSubstr("f.toml:9:9: more than 64 routes"));
  spec.routes.pop_back();
  EXPECT_TRUE(parse_routes(spec));
}

// --- Precedence ---------------------------------------------------------------------------------

std::string_view text(Relation how) {
  switch (how) {
    case Relation::kEqual: return "=";
    case Relation::kMoreSpecific: return "<";
    case Relation::kMoreGeneral: return ">";
    case Relation::kDisjoint: return "disjoint";
    case Relation::kOverlap: return "overlap";
  }
  return "?";
}

// "<": the first is more specific. The examples of ServeMux's documentation come first.
TEST(RoutePattern, Relations) {
  const struct {
    const char* first;
    const char* how;
    const char* second;
  } rows[] = {
      {"/images/thumbnails/", "<", "/images/"},
      {"GET /", "overlap", "/index.html"},
      {"/b/{bucket}/o/{objectname...}", "<", "/b/{x}/"},
      {"example.com/{$}", "<", "example.com/"},
      {"/index.html", "<", "/"},
      {"GET /static/", "<", "/static/"},
      // Methods.
      {"/", "=", "/"},
      {"GET /", "<", "/"},
      {"HEAD /", "<", "GET /"},
      {"HEAD /", "<", "/"},
      {"POST /", "disjoint", "GET /"},
      {"POST /", "disjoint", "HEAD /"},
      {"GET /a", "<", "GET /{x}"},
      {"HEAD /a", "<", "GET /{x}"},
      {"HEAD /{x}", "overlap", "GET /a"},
      {"HEAD /{x}", "overlap", "/a"},
      {"/a", "overlap", "GET /{x}"},
      {"/{x}", ">", "GET /a"},
      {"POST /a/b", "disjoint", "GET /a/{x}"},
      // Segments.
      {"/a", "=", "/a"},
      {"/a", "disjoint", "/b"},
      {"/a", "disjoint", "/a/"},
      {"/a", "disjoint", "/a/{$}"},
      {"/a", "disjoint", "/a/b"},
      {"/a", "disjoint", "/{x}/{y}"},
      {"/a", "<", "/{x}"},
      {"/a", "<", "/"},
      {"/a", "<", "/{x...}"},
      {"/{x}", "=", "/{y}"},
      {"/{x}", "<", "/"},
      {"/{x}", "disjoint", "/{$}"},
      {"/{x}", "disjoint", "/{y}/"},
      {"/{$}", "=", "/{$}"},
      {"/{$}", "<", "/"},
      {"/{$}", "<", "/{x...}"},
      {"/{$}", "disjoint", "/a/{$}"},
      {"/", "=", "/{x...}"},
      {"/a/", "=", "/a/{rest...}"},
      {"/a/", "<", "/"},
      {"/a/", "<", "/{x}/"},
      {"/a/", "disjoint", "/b/"},
      {"/a/{$}", "<", "/a/"},
      {"/a/{$}", "<", "/{x}/"},
      {"/a/{$}", "<", "/{x}/{$}"},
      {"/a/{$}", "disjoint", "/a/{x}"},
      {"/a/b", "<", "/a/"},
      {"/a/b", "<", "/a/{x}"},
      {"/a/b", "<", "/{x}/b"},
      {"/a/{x}", "overlap", "/{x}/b"},
      {"/a/{x}", "<", "/{x}/{y}"},
      {"/a/{x}", "<", "/a/"},
      {"/a/{x}", "<", "/a/{rest...}"},
      {"/a/{x}/c", "disjoint", "/{x}/b/d"},
      {"/a/{x}/c", "disjoint", "/a/b/z"},
      {"/a/b/{x...}", "overlap", "/{x}/b/c"},
      {"/a/{x...}", "overlap", "/{x}/b"},
      {"/{x}/b/", "overlap", "/a/"},
      {"/{x}/b/", "disjoint", "/a/{y}"},
      {"/%61", "=", "/a"},
      {"/a%2Fb", "disjoint", "/a/b"},
      // Hosts.
      {"example.com/", "=", "EXAMPLE.com/"},
      {"example.com/", "disjoint", "example.org/"},
      {"example.com/", "<", "/"},
      {"example.com/", "<", "/a"} /* would be an overlap, but for the host */,
      {"example.com/a", "<", "/a"},
      {"example.com/a", "disjoint", "/b"},
      {"GET example.com/", "<", "/a"},
      {"GET example.com/", "disjoint", "POST /"},
      {"h/a/{x}", "overlap", "h/{x}/b"},
  };
  for (const auto& row : rows) {
    const RoutePattern first = parsed(row.first);
    const RoutePattern second = parsed(row.second);
    const std::string_view mirrored = row.how == std::string_view("<")   ? ">"
                                      : row.how == std::string_view(">") ? "<"
                                                                         : row.how;
    EXPECT_EQ(text(relation(first, second)), row.how) << row.first << " and " << row.second;
    EXPECT_EQ(text(relation(second, first)), mirrored) << row.second << " and " << row.first;
    const std::string_view how = row.how;
    EXPECT_EQ(in_conflict(first, second), how == "=" || how == "overlap");
  }
}

TEST(RoutePattern, ARequestThatBothTake) {
  const struct {
    const char* first;
    const char* second;
    const char* request;
  } rows[] = {
      {"GET /", "/index.html", "GET /index.html"},
      {"/a/{x}", "/{y}/b", "GET /a/b"},
      {"HEAD /{x}", "GET /{y}", "HEAD /x"},
      {"POST /a/{rest...}", "/{x}/b/{$}", "POST /a/b/"},
      {"h/a/", "h/{x}/", "GET h/a/"},
      {"/", "/", "GET /"},
      {"/{x}/%25%2F%20/", "/{x...}", "GET /x/%25%2F%20/"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(common_request(parsed(row.first), parsed(row.second)), row.request);
    EXPECT_EQ(common_request(parsed(row.second), parsed(row.first)), row.request);
  }
}

}  // namespace
}  // namespace godwit::gateway
