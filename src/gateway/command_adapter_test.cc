#include "gateway/command_adapter.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/test_request.h"

namespace godwit::gateway {
namespace {

using test::ParsedRequest;

class CommandAdapterTest : public testing::Test {
 protected:
  Result<void> decode(const std::string& text) {
    const ParsedRequest parsed(text);
    return adapter_.decode({.spec = spec_,
                            .request = parsed.request(),
                            .client = client_,
                            .script_name = "/shop/cart",
                            .path_info = "/7",
                            .request_id = "0123",
                            .path_parameters = parameters_,
                            .grants = grants_.get()});
  }
  // A GET of that query.
  Result<void> decode_query(const std::string& query) {
    return decode("GET /shop/cart/7?" + query + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  std::string variable(std::string_view name) const {
    return std::string(adapter_.environment().value_of(name).value_or("(not set)"));
  }
  // At which place in the environment it stands.
  std::size_t place_of(std::string_view name) const {
    return as_text(adapter_.environment().block()).find(std::string(name) + "=");
  }
  int count_of(std::string_view name) const {
    int count = 0;
    const std::string_view block = as_text(adapter_.environment().block());
    for (std::size_t at = 0; at < block.size(); at = block.find('\0', at) + 1) {
      if (block.substr(at).starts_with(std::string(name) + "=")) ++count;
    }
    return count;
  }

  manifest::FunctionSpec spec_{.name = "shop/cart"};
  void grant(std::string name, std::string_view value) {
    if (grants_ == nullptr) grants_ = std::make_unique<capability::Grants>();
    grants_->secrets.push_back(
        {.name = std::move(name), .value = std::make_shared<const Secret>(value)});
  }

  ClientAddress client_{.text = "192.0.2.1", .local_port = 8080};
  std::vector<PathParameter> parameters_;
  std::unique_ptr<capability::Grants> grants_;
  CommandAdapter adapter_;
};

TEST_F(CommandAdapterTest, TheCgiVariables) {
  ASSERT_TRUE(
      decode("POST /shop/cart/7?a=%20b HTTP/1.1\r\nHost: example.com:81\r\n"
             "Content-Type: text/x\r\nContent-Length: 12\r\nAccept-Language: de\r\n\r\n"));
  const struct {
    const char* name;
    const char* value;
  } rows[] = {{"GATEWAY_INTERFACE", "CGI/1.1"},
              {"SERVER_SOFTWARE", "godwit"},
              {"SERVER_PROTOCOL", "HTTP/1.1"},
              {"SERVER_NAME", "example.com"},
              {"SERVER_PORT", "81"},
              {"REQUEST_METHOD", "POST"},
              {"QUERY_STRING", "a=%20b"},
              {"SCRIPT_NAME", "/shop/cart"},
              {"PATH_INFO", "/7"},
              {"REMOTE_ADDR", "192.0.2.1"},
              {"CONTENT_TYPE", "text/x"},
              {"CONTENT_LENGTH", "12"},
              {"GODWIT_REQUEST_ID", "0123"},
              {"HTTP_HOST", "example.com:81"},
              {"HTTP_ACCEPT_LANGUAGE", "de"},
              {"HTTP_CONTENT_TYPE", "(not set)"},
              {"HTTP_CONTENT_LENGTH", "(not set)"},
              {"a", " b"}};
  for (const auto& row : rows) EXPECT_EQ(variable(row.name), row.value) << row.name;
}

TEST_F(CommandAdapterTest, WhatIsNotKnownIsNotSet) {
  ASSERT_TRUE(decode("GET /x HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(variable("SERVER_NAME"), "localhost");
  EXPECT_EQ(variable("SERVER_PORT"), "8080");
  EXPECT_EQ(variable("SERVER_PROTOCOL"), "HTTP/1.0");
  EXPECT_EQ(variable("QUERY_STRING"), "");
  EXPECT_EQ(variable("CONTENT_TYPE"), "(not set)");
  EXPECT_EQ(variable("CONTENT_LENGTH"), "(not set)");
  ASSERT_TRUE(decode("POST /x HTTP/1.1\r\nHost: [::1]:9\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_EQ(variable("CONTENT_LENGTH"), "(not set)");
  EXPECT_EQ(variable("HTTP_TRANSFER_ENCODING"), "(not set)");
  EXPECT_EQ(variable("SERVER_NAME"), "[::1]");
  ASSERT_TRUE(decode("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(variable("CONTENT_LENGTH"), "0");
}

TEST_F(CommandAdapterTest, ArgumentsAreTheNameAndWhatIsConfigured) {
  spec_.arguments = {"-v", "two words", ""};
  ASSERT_TRUE(decode_query("x=1"));
  EXPECT_EQ(as_text(adapter_.arguments().block()),
            std::string_view("shop/cart\0-v\0two words\0\0", 24));
  EXPECT_EQ(adapter_.arguments().count(), 4u);
  spec_ = {};
  ASSERT_TRUE(decode_query(""));
  EXPECT_EQ(as_text(adapter_.arguments().block()), std::string_view("index\0", 6));
}

TEST_F(CommandAdapterTest, TheQueryIsTheEnvironment) {
  ASSERT_TRUE(decode_query("name=Ada+Lovelace&greeting=%C3%A9%26%3D&empty=&flag&=no-name&1x=bad"));
  EXPECT_EQ(variable("name"), "Ada Lovelace");
  EXPECT_EQ(variable("greeting"), "\xC3\xA9&=");
  EXPECT_EQ(variable("empty"), "");
  EXPECT_EQ(variable("flag"), "");
  EXPECT_EQ(variable("1x"), "(not set)");
}

TEST_F(CommandAdapterTest, TheLastOfSeveralWinsAndIsThereOnce) {
  ASSERT_TRUE(decode_query("x=1&y=2&x=3&%78=4"));
  EXPECT_EQ(variable("x"), "4");
  EXPECT_EQ(count_of("x"), 1);
  // The same with so many that another way is taken.
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "v" + std::to_string(i % 40) + "=" + std::to_string(i) + "&";
  ASSERT_TRUE(decode_query(many));
  EXPECT_EQ(variable("v0"), "80");
  EXPECT_EQ(variable("v19"), "99");
  EXPECT_EQ(variable("v20"), "60");
  EXPECT_EQ(count_of("v0"), 1);
}

TEST_F(CommandAdapterTest, AQueryCannotPoseAsTheServer) {
  spec_.environment = {{"QUALITY", "80"}};
  ASSERT_TRUE(
      decode_query("REMOTE_ADDR=1.2.3.4&HTTP_HOST=evil&PATH_INFO=/etc&QUALITY=1&"
                   "HTTP_PROXY=http://evil&https_proxy=e&LD_PRELOAD=x&GODWIT_REQUEST_ID=9&"
                   "REMOTE_USER=root&HTTP_X_ADMIN=1&PYTHONPATH=/tmp&%50ATH=/tmp"));
  EXPECT_EQ(variable("REMOTE_ADDR"), "192.0.2.1");
  EXPECT_EQ(variable("HTTP_HOST"), "h");
  EXPECT_EQ(variable("PATH_INFO"), "/7");
  EXPECT_EQ(variable("QUALITY"), "80");
  EXPECT_EQ(variable("GODWIT_REQUEST_ID"), "0123");
  for (const char* name : {"HTTP_PROXY", "https_proxy", "LD_PRELOAD", "REMOTE_USER", "HTTP_X_ADMIN",
                           "PYTHONPATH", "PATH"}) {
    EXPECT_EQ(variable(name), "(not set)") << name;
  }
}

TEST_F(CommandAdapterTest, ABrokenQueryIsRefusedWhoeverWouldTakeIt) {
  for (const char* query : {"x=%00", "%00=x", "x=%FF", "x=%C0%AF", "x=%ED%A0%80", "x=%", "x=%2",
                            "x=%zz", "PATH=%00", "1bad=%FF"}) {
    const auto decoded = decode_query(query);
    ASSERT_FALSE(decoded) << query;
    EXPECT_EQ(decoded.error().code, ErrorCode::kBadQuery) << query;
  }
  spec_.query_environment.policy = manifest::QueryEnvironment::Policy::kNone;
  EXPECT_FALSE(decode_query("x=%00"));
  ASSERT_TRUE(decode_query("x=1"));
  EXPECT_EQ(variable("x"), "(not set)");
  EXPECT_EQ(variable("QUERY_STRING"), "x=1");
}

TEST_F(CommandAdapterTest, HeadersThatCouldLieAreLeftOut) {
  ASSERT_TRUE(
      decode("GET /x HTTP/1.1\r\nHost: h\r\nProxy: http://evil\r\nPROXY: x\r\n"
             "X_Forwarded_User: evil\r\nX-Real-Ip: 5.6.7.8\r\nContent_Length: 9\r\n"
             "Connection: keep-alive\r\nX-A!b: c\r\n\r\n"));
  EXPECT_EQ(variable("HTTP_PROXY"), "(not set)");
  EXPECT_EQ(variable("HTTP_X_FORWARDED_USER"), "(not set)");
  EXPECT_EQ(variable("HTTP_CONTENT_LENGTH"), "(not set)");
  EXPECT_EQ(variable("HTTP_CONNECTION"), "(not set)");
  EXPECT_EQ(variable("HTTP_X_REAL_IP"), "5.6.7.8");
  EXPECT_EQ(as_text(adapter_.environment().block()).find("X_A!"), std::string_view::npos);
}

TEST_F(CommandAdapterTest, RepeatedHeadersAreJoined) {
  ASSERT_TRUE(
      decode("GET /x HTTP/1.1\r\nHost: h\r\nAccept: a\r\nCookie: x=1\r\naccept: b\r\n"
             "COOKIE: y=2\r\nAccept: c\r\n\r\n"));
  EXPECT_EQ(variable("HTTP_ACCEPT"), "a, b, c");
  EXPECT_EQ(variable("HTTP_COOKIE"), "x=1; y=2");
  EXPECT_EQ(count_of("HTTP_ACCEPT"), 1);
}

// The operator's word stands alone: nothing that a client sends, or that we make, is beside it.
TEST_F(CommandAdapterTest, WhatIsConfiguredIsThereOnce) {
  spec_.environment = {{"HTTP_X_TENANT", "mine"}, {"SERVER_NAME", "configured"}};
  ASSERT_TRUE(decode("GET /x HTTP/1.1\r\nHost: h\r\nX-Tenant: theirs\r\n\r\n"));
  EXPECT_EQ(variable("HTTP_X_TENANT"), "mine");
  EXPECT_EQ(variable("SERVER_NAME"), "configured");
  EXPECT_EQ(count_of("HTTP_X_TENANT"), 1);
  EXPECT_EQ(count_of("SERVER_NAME"), 1);
}

TEST_F(CommandAdapterTest, PathParametersAreVariables) {
  parameters_ = {{"PATH_PARAM_ID", "a/b \xC3\xA9"}, {"PATH_PARAM_REST", ""}};
  ASSERT_TRUE(decode_query("PATH_PARAM_ID=evil&PATH_PARAM_OTHER=evil"));
  EXPECT_EQ(variable("PATH_PARAM_ID"), "a/b \xC3\xA9");
  EXPECT_EQ(variable("PATH_PARAM_REST"), "");
  EXPECT_EQ(variable("PATH_PARAM_OTHER"), "(not set)");
  EXPECT_EQ(count_of("PATH_PARAM_ID"), 1);
  spec_.environment = {{"PATH_PARAM_ID", "configured"}};
  ASSERT_TRUE(decode_query(""));
  EXPECT_EQ(variable("PATH_PARAM_ID"), "configured");
  EXPECT_EQ(count_of("PATH_PARAM_ID"), 1);
  spec_.request_environment = manifest::RequestEnvironment::kLeftOut;
  ASSERT_TRUE(decode_query(""));
  EXPECT_EQ(variable("PATH_PARAM_REST"), "(not set)");
}

// --- Secrets ------------------------------------------------------------------------------------

TEST_F(CommandAdapterTest, SecretsFollowWhatIsConfigured) {
  spec_.environment = {{"QUALITY", "80"}};
  spec_.secrets = {{"API_KEY", "f.toml:1:1"}, {"EMPTY", "f.toml:1:2"}};
  grant("API_KEY", "hunter2 = \xFF");
  grant("EMPTY", "");
  ASSERT_TRUE(decode_query("name=Ada"));
  EXPECT_EQ(variable("API_KEY"), "hunter2 = \xFF") << "a secret is any bytes but NUL";
  EXPECT_EQ(variable("EMPTY"), "");
  EXPECT_LT(place_of("QUALITY"), place_of("API_KEY"));
  EXPECT_LT(place_of("API_KEY"), place_of("GATEWAY_INTERFACE"));
  EXPECT_LT(place_of("GATEWAY_INTERFACE"), place_of("name"));
  spec_.request_environment = manifest::RequestEnvironment::kLeftOut;
  ASSERT_TRUE(decode_query("name=Ada"));
  EXPECT_EQ(variable("API_KEY"), "hunter2 = \xFF");
  EXPECT_EQ(adapter_.environment().count(), 3u);
}

TEST_F(CommandAdapterTest, NothingOfARequestReplacesASecret) {
  grant("API_KEY", "hunter2");  // granted, whatever the settings say
  grant("HTTP_AUTHORIZATION", "Bearer ours");
  grant("REQUEST_METHOD", "SECRET");
  parameters_ = {{"PATH_PARAM_ID", "theirs"}};
  grant("PATH_PARAM_ID", "ours");
  ASSERT_TRUE(
      decode("GET /x?API_KEY=evil&%41PI_KEY=evil HTTP/1.1\r\nHost: h\r\n"
             "Authorization: Bearer theirs\r\n\r\n"));
  const std::pair<const char*, const char*> rows[] = {{"API_KEY", "hunter2"},
                                                      {"HTTP_AUTHORIZATION", "Bearer ours"},
                                                      {"REQUEST_METHOD", "SECRET"},
                                                      {"PATH_PARAM_ID", "ours"}};
  for (const auto& [name, value] : rows) {
    EXPECT_EQ(variable(name), value) << name;
    EXPECT_EQ(count_of(name), 1) << name;
  }
}

// A client must not be able to pose as the operator where the secret is missing.
TEST_F(CommandAdapterTest, ASecretThatWasNotGrantedIsNotSetByTheRequest) {
  spec_.secrets = {{"API_KEY", "f.toml:1:1"}, {"HTTP_X_KEY", "f.toml:1:2"}};
  ASSERT_TRUE(decode("GET /x?API_KEY=evil HTTP/1.1\r\nHost: h\r\nX-Key: evil\r\n\r\n"));
  EXPECT_EQ(variable("API_KEY"), "(not set)");
  EXPECT_EQ(variable("HTTP_X_KEY"), "(not set)");
}

TEST_F(CommandAdapterTest, SecretsThatDoNotFitAreRefusedWithoutTellingThem) {
  grant("API_KEY", std::string_view("hunter2\0", 8));
  auto decoded = decode_query("");
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kSecretUnusable);
  EXPECT_NE(decoded.error().text().find("API_KEY"), std::string::npos);
  EXPECT_EQ(decoded.error().text().find("hunter2"), std::string::npos);
  grants_->secrets.clear();
  grant("API_KEY", std::string(std::size_t{256} << 10, 'x'));
  decoded = decode_query("");
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().text().find("xxx"), std::string::npos);
}

TEST_F(CommandAdapterTest, ASecretIsOverwrittenWhenTheRequestIsOver) {
  grant("API_KEY", "hunter2");
  ASSERT_TRUE(decode_query("name=Ada"));
  const std::string_view memory = as_text(adapter_.environment().block());  // its capacity is kept
  ASSERT_NE(memory.find("hunter2"), std::string_view::npos);
  adapter_.clear();
  EXPECT_EQ(adapter_.environment().count(), 0u);
  EXPECT_EQ(memory.find("hunter2"), std::string_view::npos);
  EXPECT_EQ(memory.find("Ada"), std::string_view::npos);
}

// ------------------------------------------------------------------------------------------------

TEST_F(CommandAdapterTest, MoreVariablesThanAFunctionIsGivenAreRefused) {
  std::string query;
  for (int i = 0; i < 1100; ++i) query += "v" + std::to_string(i) + "&";
  const auto decoded = decode_query(query);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kHeaderFieldsTooLarge);
  EXPECT_TRUE(decode_query("x=1")) << "the adapter is not usable any more";
  EXPECT_EQ(variable("v1"), "(not set)");
}

TEST_F(CommandAdapterTest, NothingOfAnEarlierRequestIsLeft) {
  ASSERT_TRUE(
      decode("POST /x?secret=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Basic xyz\r\n"
             "Content-Type: a/b\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_EQ(variable("HTTP_AUTHORIZATION"), "Basic xyz");
  ASSERT_TRUE(decode("GET /x HTTP/1.1\r\nHost: h\r\n\r\n"));
  for (const char* name : {"secret", "HTTP_AUTHORIZATION", "CONTENT_TYPE", "CONTENT_LENGTH"}) {
    EXPECT_EQ(variable(name), "(not set)") << name;
  }
}

}  // namespace
}  // namespace godwit::gateway
