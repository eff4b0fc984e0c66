#include "gateway/query_environment.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

using Policy = manifest::QueryEnvironment::Policy;

TEST(QueryEnvironment, NamesThatAQueryMaySet) {
  for (const std::string_view name :
       {"name", "NAME", "_", "x1", "http_host", "path", "Path", "remote", "PATHS", "MYPATH", "HTTP",
        "PROXY", "MY_PROXY_HOST", "LANG", "QUERY", "STATUS", "SERVER", "lua_path", "pythonpath"}) {
    EXPECT_FALSE(is_reserved_name(name)) << name;
    EXPECT_TRUE(may_set_from_query({}, name)) << name;
  }
}

TEST(QueryEnvironment, NamesThatAQueryNeverSets) {
  for (const std::string_view name :
       {// CGI's own, and what servers add.
        "GATEWAY_INTERFACE", "SERVER_SOFTWARE", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
        "REQUEST_METHOD", "QUERY_STRING", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME",
        "CONTENT_TYPE", "CONTENT_LENGTH", "REMOTE_ADDR", "REMOTE_USER", "REMOTE_HOST",
        "REMOTE_IDENT", "REMOTE_ANYTHING", "AUTH_TYPE", "HTTP_HOST", "HTTP_COOKIE", "HTTP_",
        "HTTP_X", "SERVER_ANYTHING", "HTTPS", "REQUEST_URI", "DOCUMENT_ROOT", "SCRIPT_FILENAME",
        "PATH_PARAM_ID", "GODWIT_REQUEST_ID", "GODWIT_",
        // Proxies, in any case (httpoxy).
        "HTTP_PROXY", "http_proxy", "Http_Proxy", "https_proxy", "ALL_PROXY", "no_proxy", "_PROXY",
        "x_proxy",
        // Loaders and interpreters.
        "PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_", "PYTHONPATH", "PYTHONSTARTUP", "PYTHON",
        "LUA_PATH", "LUA_INIT", "GODEBUG", "GOTRACEBACK", "GO", "RUST_BACKTRACE", "RUST_LOG",
        "NODE_OPTIONS", "PERL5LIB", "PERLLIB", "RUBYOPT", "RUBYLIB", "PHPRC", "JAVA_TOOL_OPTIONS",
        "BASH_ENV", "ENV", "IFS", "HOME", "DYLD_INSERT_LIBRARIES", "MALLOC_CHECK_"}) {
    EXPECT_TRUE(is_reserved_name(name)) << name;
    EXPECT_FALSE(may_set_from_query({}, name)) << name;
  }
}

TEST(QueryEnvironment, OnlyNamesOfVariables) {
  for (const std::string_view name : {"", "1x", "a-b", "a.b", "a b", "a=b", "caf\xC3\xA9", "a[]"}) {
    EXPECT_FALSE(may_set_from_query({}, name)) << name;
  }
  EXPECT_FALSE(may_set_from_query({}, std::string_view("a\0", 2)));
  EXPECT_FALSE(may_set_from_query({}, std::string(257, 'a')));
  EXPECT_TRUE(may_set_from_query({}, std::string(256, 'a')));
}

TEST(QueryEnvironment, ThePolicyOfTheFunction) {
  manifest::FunctionSpec spec;
  spec.query_environment = {.policy = Policy::kNone};
  EXPECT_FALSE(may_set_from_query(spec, "name"));
  spec.query_environment = {.policy = Policy::kListed, .names = {"name", "PATH"}};
  EXPECT_TRUE(may_set_from_query(spec, "name"));
  EXPECT_FALSE(may_set_from_query(spec, "other"));
  EXPECT_FALSE(may_set_from_query(spec, "Name"));
  EXPECT_FALSE(may_set_from_query(spec, "PATH")) << "listed, but reserved stays reserved";
}

TEST(QueryEnvironment, WhatIsConfiguredStays) {
  manifest::FunctionSpec spec;
  spec.environment = {{"QUALITY", "80"}};
  EXPECT_FALSE(may_set_from_query(spec, "QUALITY"));
  EXPECT_TRUE(may_set_from_query(spec, "quality"));
  spec.secrets = {{"API_KEY", "f.toml:1:1"}};
  EXPECT_FALSE(may_set_from_query(spec, "API_KEY"));
  EXPECT_TRUE(is_configured(spec, "API_KEY"));
  EXPECT_FALSE(is_configured(spec, "f.toml:1:1"));
}

// docs/contract.md publishes the list.
TEST(QueryEnvironment, ThePublishedListIsSortedOutAndComplete) {
  const auto names = reserved_names();
  EXPECT_GT(names.size(), 40u);
  for (const std::string_view pattern : names) {
    ASSERT_GT(pattern.size(), 1u);
    std::string name(pattern);
    std::replace(name.begin(), name.end(), '*', 'X');
    EXPECT_TRUE(is_reserved_name(name)) << pattern;
    EXPECT_EQ(std::count(names.begin(), names.end(), pattern), 1) << pattern;
    EXPECT_LE(std::count(pattern.begin(), pattern.end(), '*'), 1) << pattern;
  }
}

}  // namespace
}  // namespace godwit::gateway
