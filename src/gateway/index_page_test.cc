#include "gateway/index_page.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

Route served(std::string name, std::string source) {
  Route route;
  route.name = name;
  route.function = std::make_shared<const runtime::Function>(
      runtime::Function{.spec = {.name = std::move(name), .source = std::move(source)},
                        .module = nullptr,
                        .gate = nullptr});
  return route;
}

TEST(IndexPage, ListsWhatIsServedAndWhatIsNot) {
  Route broken;
  broken.name = "broken";
  broken.unavailable = Error{ErrorCode::kUnknownImport, "env.foo", {}};
  const std::string page = index_page(
      RouteTable({served("greet", "greet.wasm"), served("", "index.wat"), broken}), 48000);
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_THAT(page, HasSubstr("2 of 3 functions are ready"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/greet\">/greet</a>"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/\">/</a>"));
  EXPECT_THAT(page, HasSubstr("128MiB"));
  EXPECT_THAT(page, HasSubstr("10s"));
  EXPECT_THAT(page, HasSubstr("greet.wasm"));
  EXPECT_THAT(page, HasSubstr("E2003"));
  EXPECT_THAT(page, HasSubstr("env.foo"));
  EXPECT_THAT(page, Not(HasSubstr("href=\"/broken\"")));
}

TEST(IndexPage, ListsPatternsAndLinksThoseThatCanBeFollowed) {
  Route route = served("img", "img.wasm");
  for (const char* text : {"/gallery", "/tree/", "GET /plain", "/img/{id}", "POST /gallery/new",
                           "example.com/x", "/end/{$}", "/rest/{rest...}", "/a\"><b>"}) {
    route.patterns.push_back(*RoutePattern::parse(text));
  }
  Route broken = route;
  broken.name = "broken";
  broken.function = nullptr;
  broken.unavailable = Error{ErrorCode::kUnknownImport, "env.foo", {}};
  const std::string page = index_page(RouteTable({route}), 48'000);
  EXPECT_THAT(page, HasSubstr("<a href=\"/gallery\">/gallery</a>"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/tree/\">/tree/</a>"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/plain\">GET /plain</a>"));
  EXPECT_THAT(page, HasSubstr("<br>/img/{id}<br>POST /gallery/new<br>example.com/x<br>/end/{$}"
                              "<br>/rest/{rest...}<br>"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/a&quot;&gt;&lt;b&gt;\">"));
  EXPECT_THAT(page, Not(HasSubstr("href=\"/img")));
  EXPECT_THAT(index_page(RouteTable({broken}), 48'000), Not(HasSubstr("<a href")));
}

// Names are checked where files are found; import names come from inside a module.
TEST(IndexPage, EscapesEverything) {
  Route broken;
  broken.name = "x\"><script>alert(1)</script>";
  broken.unavailable =
      Error{ErrorCode::kUnknownImport, "<img src=x onerror='alert(2)'> & more", {}};
  const std::string page = index_page(
      RouteTable({broken, served("a\" onclick=\"b", "<script>alert(3)</script>.wasm")}), 48000);
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("\" onclick=\"")));
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=&#39;alert(2)&#39;&gt; &amp; more"));
  EXPECT_THAT(page, HasSubstr("/a&quot; onclick=&quot;b"));
}

TEST(IndexPage, StaysWithinItsBoundAndCountsTheRest) {
  std::vector<Route> routes;
  for (int i = 0; i < 2000; ++i) routes.push_back(served("f" + std::to_string(i), "f.wasm"));
  for (const std::size_t max_bytes :
       {std::size_t{3000}, std::size_t{10'000}, std::size_t{48'000}}) {
    const std::string page = index_page(RouteTable(routes), max_bytes);
    EXPECT_LE(page.size(), max_bytes);
    EXPECT_THAT(page, HasSubstr(" more</td>"));
    EXPECT_TRUE(page.ends_with("</html>\n"));
  }
}

TEST(IndexPage, OneRouteTooLongIsCounted) {
  const std::string page = index_page(RouteTable({served("f", std::string(60'000, '<'))}), 48'000);
  EXPECT_LE(page.size(), 48'000u);
  EXPECT_THAT(page, HasSubstr("and 1 more"));
}

TEST(IndexPage, WithoutFunctions) {
  const std::string page = index_page(RouteTable({}), 48'000);
  EXPECT_THAT(page, HasSubstr("0 of 0 functions are ready"));
}

}  // namespace
}  // namespace godwit::gateway
