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

RouteTable table() {
  return RouteTable({served(""), served("greet"), served("shop"), served("shop/cart"),
                     served("a.b-c_d"), unavailable("broken")});
}

TEST(RouteTable, TheLongestNameWins) {
  const RouteTable routes = table();
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
    EXPECT_EQ(match->route->script_name + std::string(match->path_info), row.path);
  }
}

TEST(RouteTable, WhatIsNotServed) {
  const RouteTable routes = table();
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
  const RouteTable with = table();
  EXPECT_TRUE(with.match("/"));
  EXPECT_FALSE(with.match("/anything"));
  EXPECT_EQ(with.match("/")->route->script_name, "");
  const RouteTable without({served("greet")});
  EXPECT_FALSE(without.match("/"));
}

TEST(RouteTable, LongHostilePathsEndSoon) {
  const RouteTable routes = table();
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
  const RouteTable routes = table();
  const auto match = routes.match("/broken");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->route->function, nullptr);
  ASSERT_TRUE(match->route->unavailable);
  EXPECT_EQ(match->route->unavailable->code, ErrorCode::kUnknownImport);
  EXPECT_EQ(routes.available(), 5u);
  EXPECT_EQ(routes.routes().size(), 6u);
}

// What a request holds is this table's own: no counter that other workers write.
TEST(RouteTable, HasFunctionsOfItsOwnButSharesModuleAndGate) {
  Route route = served("greet");
  auto gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{});
  route.function = std::make_shared<const runtime::Function>(
      runtime::Function{.spec = {.name = "greet"}, .module = nullptr, .gate = gate});
  const RouteTable a({route});
  const RouteTable b({route});
  const auto in_a = a.match("/greet")->route->function;
  EXPECT_NE(in_a, route.function);
  EXPECT_NE(in_a, b.match("/greet")->route->function);
  EXPECT_EQ(in_a->gate, gate);
}

TEST(RouteTable, AMatchOutlivesTheTable) {
  std::optional<RouteMatch> match;
  {
    const RouteTable routes = table();
    match = routes.match("/shop/cart");
  }
  EXPECT_EQ(match->route->function->spec.name, "shop/cart");
}

}  // namespace
}  // namespace godwit::gateway
