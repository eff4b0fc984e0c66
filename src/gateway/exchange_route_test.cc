// What an exchange makes of a request's path, method and host: which function runs with which
// variables, and what is answered where none does.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/test_exchange.h"

namespace godwit::gateway {
namespace {

using test::TestExchange;
using testing::HasSubstr;

constexpr const char* kTell =
    "arg 0\nwrite 1 |\nenv SCRIPT_NAME\nwrite 1 |\nenv PATH_INFO\nwrite 1 |\nenv PATH_PARAM_ID\n"
    "write 1 |\nenv PATH_PARAM_REST\n";

std::string head(std::string_view method, std::string_view target, std::string_view host = "h") {
  return std::string(method) + " " + std::string(target) +
         " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

TEST(ExchangeRoute, TheFunctionGetsWhatTheWildcardsTook) {
  const struct {
    const char* target;
    const char* told;
  } rows[] = {
      {"/img/7?PATH_PARAM_ID=evil", "img|/img/7||7|"},
      {"/img/a%20b", "img|/img/a b||a b|"},
      {"/img/a%2Fb", "img|/img/a/b||a/b|"},
      {"/img/%C3%A9", "img|/img/\xC3\xA9||\xC3\xA9|"},
      {"/files/a%2fb/c/", "files|/files|/a/b/c/||a/b/c/"},
      {"/files/", "files|/files|/||"},
      {"/other/x", "other|/other|/x||"},
  };
  for (const auto& row : rows) {
    TestExchange t;
    t.serve_at("img", {"/img/{id}"}, kTell);
    t.serve_at("files", {"GET /files/{rest...}"}, kTell);
    t.serve("other", kTell);
    t.get(row.target);
    EXPECT_EQ(t.writer.status, 200) << row.target;
    EXPECT_EQ(t.take_body(), row.told) << row.target;
    t.close();
  }
}

TEST(ExchangeRoute, PathsThatAreRefused) {
  const struct {
    const char* target;
    int status;
    const char* code;
  } rows[] = {
      {"/img/%00", 400, "E1007"},
      {"/img/%FF", 400, "E1007"},
      {"/img/%ED%A0%80", 400, "E1007"},
      {"/img/%", 400, "E1007"},
      {"/img/%2e%2e", 400, "E1007"},
      {"/img/..%2Fetc", 400, "E1007"},
      {"/img/a%2F..%2F..%2Fetc", 400, "E1007"},
      {"/files/..%2F..%2Fetc/passwd", 400, "E1007"},
      {"/files/a/%2e%2e%2fb", 400, "E1007"},
      {"/folder/a%2Fb", 400, "E1007"},
      {"/folder%2Fb", 400, "E1007"},
      {"/nothing%2F", 400, "E1007"},
      {"/img", 404, "E1008"},
      {"/img/", 404, "E1008"},
      {"/img/7/", 404, "E1008"},
      {"/img//7", 404, "E1008"},
  };
  for (const auto& row : rows) {
    TestExchange t;
    t.serve_at("img", {"/img/{id}"}, kTell);
    t.serve_at("files", {"/files/{rest...}"}, kTell);
    t.serve("folder", kTell);
    t.open(head("GET", row.target));
    ASSERT_TRUE(t.exchange->responded()) << row.target;
    SCOPED_TRACE(row.target);
    t.expect_problem(row.status, row.code);
    t.close();
  }
}

TEST(ExchangeRoute, AnotherMethodIs405WithThoseThatAreAllowed) {
  TestExchange t;
  t.serve_at("img", {"GET /img/{id}", "PUT /img/{id}", "DELETE example.com/img/{id}"}, kTell);
  t.open(head("POST", "/img/7"));
  EXPECT_EQ(t.writer.field("Allow"), "GET, HEAD, PUT");
  EXPECT_EQ(std::count(t.writer.names.begin(), t.writer.names.end(), "Allow"), 1);
  t.expect_problem(405, "E1012");
  t.close();
  EXPECT_THAT(t.log.text(), HasSubstr("POST /img/7 status=405 code=E1012"));
  t.writer = {};
  t.open(head("POST", "/img/a%2Fb", "Example.com:80"));
  EXPECT_EQ(t.writer.field("Allow"), "DELETE, GET, HEAD, PUT");
  t.expect_problem(405, "E1012");
  t.close();
  t.writer = {};
  t.request(head("HEAD", "/img/7"));
  EXPECT_EQ(t.writer.status, 200);
  t.close();
}

TEST(ExchangeRoute, SendsTheClientToTheSubtree) {
  const struct {
    const char* target;
    const char* location;
  } rows[] = {
      {"/tree", "/tree/"},
      {"/tree?a=1&b=%20", "/tree/?a=1&b=%20"},
      {"/tree?", "/tree/"},
      {"/%74ree", "/%74ree/"},
      {"http://other/tree?x", "/tree/?x"},
      {"/x/a%2F%2fb", "/x/a%2F%2fb/"},
      {"/x/\\evil.example", "/x/%5Cevil.example/"},
      {"/x/%0d%0aSet-Cookie:a=b", "/x/%0d%0aSet-Cookie:a=b/"},
      {"/x/\"<>^`{|}?\"<>\\^`{|}", "/x/%22%3C%3E%5E%60%7B%7C%7D/?%22%3C%3E%5C%5E%60%7B%7C%7D"},
      {"/end", "/end/"},
  };
  for (const auto& row : rows) {
    TestExchange t;
    t.serve_at("tree", {"/tree/", "/x/{id}/{rest...}", "/end/{$}"}, kTell);
    t.open(head("GET", row.target));
    ASSERT_TRUE(t.exchange->responded()) << row.target;
    EXPECT_EQ(t.writer.status, 307) << row.target;
    EXPECT_EQ(t.writer.field("Location"), row.location);
    EXPECT_EQ(t.writer.field("x-request-id"), t.exchange->request_id());
    EXPECT_EQ(t.writer.length, 0u);
    EXPECT_TRUE(t.body_is_whole());
    EXPECT_TRUE(t.exchange->request_body().abandoned());
    t.close();
    EXPECT_THAT(t.log.text(), HasSubstr(" status=307 "));
  }
}

// A path that begins with two slashes names another host when a browser is sent there.
TEST(ExchangeRoute, NobodyIsSentToAnotherSite) {
  for (const char* target :
       {"//evil.example", "///evil.example", "/\\evil.example", "/\\/evil.example", "//",
        "/%2Fevil.example", "/%5Cevil.example", "http://h//evil.example", "//evil.example/x"}) {
    TestExchange t;
    t.serve_at("any", {"/{id}/", "/{id}/{rest}/{$}"}, kTell);
    t.request(head("GET", target));
    const std::string location = t.writer.field("Location");
    if (t.writer.status == 307) {
      ASSERT_GE(location.size(), 2u);
      EXPECT_EQ(location[0], '/') << location;
      EXPECT_NE(location[1], '/') << location;
      EXPECT_EQ(location.find('\\'), std::string::npos) << location;
    } else {
      EXPECT_EQ(location, "(none)");
    }
    t.close();
  }
}

TEST(ExchangeRoute, TheLongestTargetCanBeSentBack) {
  TestExchange t;
  t.serve_at("tree", {"/tree/"}, kTell);
  t.open(head("GET", "/tree?" + std::string(8000, '|')));
  EXPECT_EQ(t.writer.status, 307);
  EXPECT_EQ(t.writer.field("Location").size(), 7 + 3 * 8000u);
  t.close();
}

TEST(ExchangeRoute, SecretsReachTheFunctionAndNotTheLog) {
  TestExchange t;
  auto grants = std::make_shared<capability::Grants>();
  grants->secrets.push_back(
      {.name = "API_KEY", .value = std::make_shared<const Secret>("hunter2")});
  const auto made = t.functions.make("env API_KEY\n", {.name = "f"});
  auto function = std::make_shared<runtime::Function>(*made);
  function->spec.secrets = {{"API_KEY", "f.toml:1:1"}};
  function->grants = grants;
  Route route;
  route.name = "f";
  route.function = function;
  t.add(route);
  t.get("/f?API_KEY=evil");
  EXPECT_EQ(t.take_body(), "hunter2");
  t.close();
  EXPECT_THAT(t.log.text(), testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace godwit::gateway
