#include "gateway/route_table.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

Route served(std::string name) {
  Route route;
  route.name = name;
  route.function = std::make_shared<const runtime::Function>(
      runtime::Function{.spec = {.name = std::move(name)}, .module = nullptr, .gate = nullptr});
  return route;
}

Route unavailable(std::string name) {
  Route route;
  route.name = std::move(name);
  route.unavailable = Error{ErrorCode::kUnknownImport, "env.foo", {}};
  return route;
}

Route routed(std::string name, const std::vector<std::string>& patterns) {
  Route route = served(std::move(name));
  for (const std::string& text : patterns) {
    auto pattern = RoutePattern::parse(text);
    EXPECT_TRUE(pattern) << (pattern ? "" : pattern.error().detail);
    if (pattern) route.patterns.push_back(std::move(*pattern));
  }
  return route;
}

// A table and the path of the last request, to which a match refers.
class Requests final {
 public:
  explicit Requests(const std::vector<Route>& routes) : table_(routes) {}

  std::optional<RouteMatch> match(std::string_view raw, std::string_view method = "GET",
                                  std::string_view host = "h") {
    if (!path_.parse(raw)) return std::nullopt;
    return table_.match({.host = host, .method = method, .path = path_});
  }
  std::string allowed(std::string_view raw, std::string_view method = "GET",
                      std::string_view host = "h") {
    EXPECT_FALSE(match(raw, method, host)) << raw;
    return table_.allowed_methods({.host = host, .method = method, .path = path_});
  }
  // "name|script_name|path_info|ID=7", "name +/" for a redirect, "" for nothing.
  std::string text(std::string_view raw, std::string_view method = "GET",
                   std::string_view host = "h") {
    const auto found = match(raw, method, host);
    if (!found) return "";
    if (found->action == RouteMatch::Action::kAddSlash) return found->route->name + " +/";
    std::string all = found->route->name + "|" + std::string(found->script_name) + "|" +
                      std::string(found->path_info);
    EXPECT_EQ(std::string(found->script_name) + std::string(found->path_info), path_.text());
    EXPECT_FALSE(found->script_name.ends_with('/') && !path_.has_encoded_slash()) << raw;
    EXPECT_TRUE(found->path_info.empty() || found->path_info.starts_with('/')) << raw;
    RouteTable::read_parameters(*found, path_, parameters_);
    for (const PathParameter& parameter : parameters_) {
      EXPECT_TRUE(parameter.variable.starts_with("PATH_PARAM_"));
      all += "|" + std::string(parameter.variable.substr(11)) + "=" + std::string(parameter.value);
    }
    return all;
  }
  const RouteTable& table() const { return table_; }

 private:
  RouteTable table_;
  RoutePath path_;
  std::vector<PathParameter> parameters_;
};

std::vector<Route> table() {
  return {served(""),          served("greet"),   served("shop"),
          served("shop/cart"), served("a.b-c_d"), unavailable("broken")};
}

TEST(RouteTable, TheLongestNameWins) {
  Requests routes(table());
  const struct {
    std::string path;
    std::string name;
    std::string path_info;
  } rows[] = {
      {"/greet", "greet", ""},
      {"/greet/", "greet", "/"},
      {"/greet/more/path", "greet", "/more/path"},
      {"/greet//x", "greet", "//x"},
      {"/shop", "shop", ""},
      {"/shop/cart", "shop/cart", ""},
      {"/shop/cart/7", "shop/cart", "/7"},
      {"/shop/carts", "shop", "/carts"},
      {"/shop//cart", "shop", "//cart"},
      {"/shop/", "shop", "/"},
      {"/shop/cart/", "shop/cart", "/"},
      {"/a.b-c_d/x", "a.b-c_d", "/x"},
      {"/broken/x", "broken", "/x"},
      {"/greet/\xC3\xA9 \\ ?", "greet", "/\xC3\xA9 \\ ?"},
      {"/", "", "/"},
  };
  for (const auto& row : rows) {
    const auto match = routes.match(row.path);
    ASSERT_TRUE(match) << row.path;
    EXPECT_EQ(match->route->name, row.name) << row.path;
    EXPECT_EQ(match->path_info, row.path_info) << row.path;
    EXPECT_EQ(std::string(match->script_name) + std::string(match->path_info), row.path);
    EXPECT_TRUE(match->by_name);
  }
}

TEST(RouteTable, WhatIsNotServed) {
  Requests routes(table());
  for (const std::string_view path :
       {"", "greet", "*", "//", "//greet", "/ greet", "/Greet", "/greeting", "/gree", "/nothing",
        "/nothing/greet", "/.", "/..", "/../greet", "/./greet", "///", "/cart"}) {
    EXPECT_FALSE(routes.match(path)) << path;
  }
  EXPECT_FALSE(routes.match(std::string_view("/greet\0", 7)));
  EXPECT_FALSE(routes.match(std::string_view("/\0", 2)));
}

// The root's index is a page, not a catch-all; without it "/" is nothing.
TEST(RouteTable, TheRootAnswersOnlyItself) {
  Requests with(table());
  EXPECT_TRUE(with.match("/"));
  EXPECT_FALSE(with.match("/anything"));
  EXPECT_EQ(with.match("/")->script_name, "");
  EXPECT_EQ(with.match("/")->path_info, "/");
  Requests without({served("greet")});
  EXPECT_FALSE(without.match("/"));
}

TEST(RouteTable, LongHostilePathsEndSoon) {
  Requests routes(table());
  std::string deep;
  while (deep.size() < 8192) deep += "/a";
  EXPECT_FALSE(routes.match(deep));
  EXPECT_FALSE(routes.match(std::string(8192, '/')));
  EXPECT_FALSE(routes.match("/" + std::string(8192, 'a')));
  const auto below = routes.match("/shop/cart" + deep);
  ASSERT_TRUE(below);
  EXPECT_EQ(below->route->name, "shop/cart");
  EXPECT_EQ(below->path_info.size(), deep.size());
}

TEST(RouteTable, AnUnavailableFunctionKeepsItsReason) {
  Requests routes(table());
  const auto match = routes.match("/broken");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->route->function, nullptr);
  ASSERT_TRUE(match->route->unavailable);
  EXPECT_EQ(match->route->unavailable->code, ErrorCode::kUnknownImport);
  EXPECT_EQ(routes.table().available(), 5u);
  EXPECT_EQ(routes.table().routes().size(), 6u);
}

// What a request holds is this table's own: no counter that other workers write.
TEST(RouteTable, HasFunctionsOfItsOwnButSharesModuleAndGate) {
  Route route = served("greet");
  auto gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{});
  route.function = std::make_shared<const runtime::Function>(
      runtime::Function{.spec = {.name = "greet"}, .module = nullptr, .gate = gate});
  const std::vector<RouteTable> copies(2, RouteTable({route}));
  RoutePath path;
  ASSERT_TRUE(path.parse("/greet"));
  const auto in_a = copies[0].match({.host = "", .method = "GET", .path = path});
  const auto in_b = copies[1].match({.host = "", .method = "GET", .path = path});
  EXPECT_NE(in_a->route, in_b->route);
  EXPECT_NE(in_a->route->function, route.function);
  EXPECT_NE(in_a->route->function, in_b->route->function);
  EXPECT_EQ(in_a->route->function->gate, gate);
  EXPECT_EQ(in_a->pattern, in_b->pattern) << "patterns are shared";
}

TEST(RouteTable, TheRouteOfAMatchOutlivesTheTable) {
  std::optional<RouteMatch> match;
  {
    Requests routes(table());
    match = routes.match("/shop/cart");
  }
  EXPECT_EQ(match->route->function->spec.name, "shop/cart");
}

// --- Patterns -----------------------------------------------------------------------------------

TEST(RouteTable, WhatAFunctionSees) {
  Requests routes({routed("img", {"/img/{id}", "/img/{id}/{size}/"}),
                   routed("files", {"/files/{rest...}", "/both/{id}/x/{rest...}"}),
                   routed("tree", {"/tree/"}), routed("end", {"/end/{$}"}),
                   routed("literal", {"/a%2Fb/c%20d"}), served("shop")});
  const struct {
    const char* path;
    const char* seen;
  } rows[] = {
      {"/img/7", "img|/img/7||ID=7"},
      {"/img/a%20b", "img|/img/a b||ID=a b"},
      {"/img/a%2Fb", "img|/img/a/b||ID=a/b"},
      {"/img/%252F", "img|/img/%2F||ID=%2F"},
      {"/img/a%2F", "img|/img/a/||ID=a/"},
      {"/%69mg/7", "img|/img/7||ID=7"},
      {"/img/7/small/", "img|/img/7/small|/|ID=7|SIZE=small"},
      {"/img/7/small/a//b", "img|/img/7/small|/a//b|ID=7|SIZE=small"},
      {"/img/7/small", "img +/"},
      {"/img/", ""},
      {"/img", ""},
      {"/img//", ""},
      {"/img//small/", ""},
      {"/files/", "files|/files|/|REST="},
      {"/files/a", "files|/files|/a|REST=a"},
      {"/files/a/b%2Fc/", "files|/files|/a/b/c/|REST=a/b/c/"},
      {"/files//", "files|/files|//|REST=/"},
      {"/files", "files +/"},
      {"/both/1/x/2/3", "files|/both/1/x|/2/3|ID=1|REST=2/3"},
      {"/tree/", "tree|/tree|/"},
      {"/tree/a/b", "tree|/tree|/a/b"},
      {"/tree", "tree +/"},
      {"/end/", "end|/end|/"},
      {"/end", "end +/"},
      {"/end/x", ""},
      {"/a%2fb/c%20d", "literal|/a/b/c d|"},
      {"/a/b/c%20d", ""},
      {"/shop", "shop|/shop|"},
      {"/shop/", "shop|/shop|/"},
      {"/shop/x", "shop|/shop|/x"},
      {"/files%2Fa", ""},
      {"/literal", ""},  // with routes there is no /NAME
      {"/img2/7", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(routes.text(row.path), row.seen) << row.path;
}

TEST(RouteTable, TheMostSpecificWins) {
  Requests routes({routed("all", {"/"}), routed("any", {"/{x}"}), routed("a", {"/a"}),
                   routed("tree", {"/a/"}), routed("one", {"/a/{x}"}), routed("ab", {"/a/b"}),
                   routed("abz", {"/a/b/z"}), routed("axc", {"/a/{x}/c"}),
                   routed("end", {"/a/{$}"})});
  const struct {
    const char* path;
    const char* name;
  } rows[] = {{"/", "all"},         {"/a", "a"},       {"/b", "any"},      {"/b/", "all"},
              {"/b/c", "all"},      {"/a/", "end"},    {"/a/b", "ab"},     {"/a/c", "one"},
              {"/a/b/z", "abz"},    {"/a/b/c", "axc"}, {"/a/b/d", "tree"}, {"/a/b/z/", "tree"},
              {"/a/b/c/d", "tree"}, {"/a//", "tree"},  {"/a//c", "tree"},  {"//", "all"},
              {"//a", "all"}};
  for (const auto& row : rows) {
    const auto match = routes.match(row.path);
    ASSERT_TRUE(match) << row.path;
    EXPECT_EQ(match->route->name, row.name) << row.path;
    EXPECT_EQ(match->action, RouteMatch::Action::kServe) << row.path;
  }
}

TEST(RouteTable, Methods) {
  Requests routes({routed("get", {"GET /x", "GET /tree/"}), routed("post", {"POST /x"}),
                   routed("head", {"HEAD /x/y"}), routed("get-y", {"GET /x/y"}),
                   routed("any", {"/any"}), routed("del", {"DELETE h/x"}),
                   routed("put", {"PUT /any/{id}"})});
  EXPECT_EQ(routes.text("/x"), "get|/x|");
  EXPECT_EQ(routes.text("/x", "HEAD"), "get|/x|");
  EXPECT_EQ(routes.text("/x", "POST"), "post|/x|");
  EXPECT_EQ(routes.text("/x/y", "HEAD"), "head|/x/y|");
  EXPECT_EQ(routes.text("/x/y", "GET"), "get-y|/x/y|");
  EXPECT_EQ(routes.text("/any", "BREW"), "any|/any|");
  EXPECT_EQ(routes.text("/tree"), "get +/");
  EXPECT_EQ(routes.text("/tree", "HEAD"), "get +/");
  EXPECT_EQ(routes.allowed("/x", "PUT"), "DELETE, GET, HEAD, POST");
  EXPECT_EQ(routes.allowed("/x", "PUT", "other"), "GET, HEAD, POST");
  EXPECT_EQ(routes.allowed("/x/y", "POST"), "GET, HEAD");
  EXPECT_EQ(routes.allowed("/any/1", "GET"), "PUT");
  EXPECT_EQ(routes.allowed("/tree", "POST"), "GET, HEAD") << "where GET would be sent on";
  EXPECT_EQ(routes.allowed("/tree/a", "POST"), "GET, HEAD");
  EXPECT_EQ(routes.allowed("/nothing", "POST"), "");
  EXPECT_EQ(routes.allowed("/x/y/z", "POST"), "");
  EXPECT_EQ(routes.allowed("/x", "get"), "DELETE, GET, HEAD, POST") << "methods have a case";
}

TEST(RouteTable, Hosts) {
  Requests routes({routed("here", {"Example.com/a", "example.com/sub/"}), routed("all", {"/a"}),
                   routed("all-x", {"/{x}"}), routed("six", {"[::1]/a"}),
                   routed("post", {"POST example.com/b"})});
  for (const char* host : {"example.com", "EXAMPLE.COM", "example.com:8080", "Example.Com:1"}) {
    EXPECT_EQ(routes.text("/a", "GET", host), "here|/a|") << host;
  }
  for (const char* host : {"", "example.org", "www.example.com", "example.co", "example.com.",
                           "example.comm", "[::2]", ":80"}) {
    EXPECT_EQ(routes.text("/a", "GET", host), "all|/a|") << host;
  }
  EXPECT_EQ(routes.text("/a", "GET", "[::1]:80"), "six|/a|");
  EXPECT_EQ(routes.text("/a", "GET", "[::1]"), "six|/a|");
  EXPECT_EQ(routes.text("/sub/x", "GET", "example.com"), "here|/sub|/x");
  EXPECT_EQ(routes.text("/sub/x", "GET", "h"), "");
  EXPECT_EQ(routes.text("/b", "GET", "example.com"), "all-x|/b||X=b") << "the host has no GET";
  EXPECT_EQ(routes.text("/sub", "GET", "example.com"), "all-x|/sub||X=sub") << "exact, so served";
  EXPECT_EQ(routes.text("/a", "GET", std::string(5000, 'a')), "all|/a|");
}

// Only patterns that somebody wrote send clients elsewhere.
TEST(RouteTable, ASlashIsAddedForWrittenSubtreesOnly) {
  Requests routes({served(""), served("shop"), routed("cart", {"/shop/cart/"}),
                   routed("tree", {"/tree/"}), routed("leaf", {"/tree/leaf"})});
  EXPECT_EQ(routes.text("/shop"), "shop|/shop|");
  EXPECT_EQ(routes.text("/shop/cart"), "cart +/") << "nearer than /shop/";
  EXPECT_EQ(routes.text("/shop/cart/"), "cart|/shop/cart|/");
  EXPECT_EQ(routes.text("/shop/carts"), "shop|/shop|/carts");
  EXPECT_EQ(routes.text("/tree"), "tree +/");
  EXPECT_EQ(routes.text("/tree/leaf"), "leaf|/tree/leaf|");
  EXPECT_EQ(routes.text("/tree/x"), "tree|/tree|/x");
  EXPECT_EQ(routes.text("//tree"), "");
  EXPECT_EQ(routes.text("/tree%2F"), "");
}

TEST(RouteTable, NamesAndPatternsAreOneSet) {
  Requests routes({served("img"), routed("one", {"/img/{id}"}), routed("all", {"/{x...}"})});
  EXPECT_EQ(routes.text("/img"), "img|/img|");
  EXPECT_EQ(routes.text("/img/7"), "one|/img/7||ID=7");
  EXPECT_EQ(routes.text("/img/7/8"), "img|/img|/7/8");
  EXPECT_EQ(routes.text("/img/"), "img|/img|/");
  EXPECT_EQ(routes.text("/other/7"), "all||/other/7|X=other/7");
  EXPECT_EQ(routes.text("/"), "all||/|X=");
}

// --- Conflicts ----------------------------------------------------------------------------------

std::vector<std::string> conflicts(const std::vector<Route>& routes) {
  std::vector<std::string> found;
  for (const RouteConflict& conflict : find_conflicts(routes)) {
    EXPECT_EQ(conflict.error.code, ErrorCode::kRouteConflict);
    EXPECT_EQ(routes[conflict.first.route].name, conflict.first.name);
    EXPECT_EQ(routes[conflict.second.route].name, conflict.second.name);
    for (const auto& side : {conflict.first, conflict.second}) {
      EXPECT_NE(conflict.error.detail.find('"' + side.pattern + '"'), std::string::npos);
    }
    found.push_back(conflict.first.name + " " + conflict.first.pattern + ", " +
                    conflict.second.name + " " + conflict.second.pattern);
  }
  return found;
}

TEST(RouteTable, FindsConflicts) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(conflicts(table()), Texts());
  EXPECT_EQ(conflicts({served("img"), routed("a", {"/img/{id}"}), routed("b", {"GET h/img/"})}),
            Texts());
  EXPECT_EQ(conflicts({routed("a", {"/x", "/y"}), routed("b", {"/y"})}), Texts({"a /y, b /y"}));
  EXPECT_EQ(conflicts({routed("a", {"/{x}/b", "/a/{y}"})}), Texts({"a /{x}/b, a /a/{y}"}))
      << "of one function";
  EXPECT_EQ(
      conflicts({served("img"), routed("b", {"GET /", "/img/"})}),
      Texts({"img /img, b GET /", "img /img/, b GET /", "img /img/, b /img/", "b GET /, b /img/"}));
  EXPECT_EQ(conflicts({routed("a", {"/{$}"}), served("")}), Texts({"a /{$},  /{$}"}));
  EXPECT_EQ(conflicts({routed("a", {"/{a}/x"}), routed("b", {"/b/{b}"}), routed("c", {"/b/{c}"})}),
            Texts({"a /{a}/x, b /b/{b}", "a /{a}/x, c /b/{c}", "b /b/{b}, c /b/{c}"}))
      << "every pair";
  const auto one = find_conflicts({served(""), routed("b", {"/{$}"})});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].error.detail,
            "\"/{$}\" of index and \"/{$}\" of b match the same requests (for instance GET /)");
}

TEST(RouteTable, ManyConflictsAreListedUpToABound) {
  std::vector<Route> routes;
  for (int i = 0; i < 100; ++i) routes.push_back(routed("f" + std::to_string(i), {"/same"}));
  EXPECT_EQ(find_conflicts(routes).size(), kMaxListedConflicts);
  Requests table(routes);
  EXPECT_EQ(table.text("/same"), "f0|/same|");
}

// The catalogue refuses such sets; if one comes here all the same, it must be served sanely.
TEST(RouteTable, OfPatternsInConflictTheFirstIsServed) {
  Requests routes({routed("a", {"/s/{x}/b"}), routed("b", {"/s/a/{y}", "/s/b/{y}/c", "/only"}),
                   routed("c", {"/s/a/{z}"}), served("only"), served("only")});
  EXPECT_EQ(routes.text("/s/a/b"), "a|/s/a/b||X=a");
  EXPECT_EQ(routes.text("/s/a/c"), "") << "/s/a/{y} is not served at all, /s/a/{z} neither";
  EXPECT_EQ(routes.text("/s/b/1/c"), "b|/s/b/1/c||Y=1") << "its other patterns are";
  EXPECT_EQ(routes.text("/only"), "b|/only|");
  EXPECT_EQ(routes.text("/only/x"), "only|/only|/x");
  EXPECT_EQ(routes.table().routes().size(), 5u);
}

}  // namespace
}  // namespace godwit::gateway
