#include "cli/run_request.h"

#include <cstdio>
#include <fstream>

#include <unistd.h>

#include <fmt/format.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::cli {
namespace {

using testing::HasSubstr;

manifest::FunctionSpec hello() {
  manifest::FunctionSpec spec{.name = "hello"};
  EXPECT_TRUE(manifest::set_environment(spec, "FIXED", "1"));
  return spec;
}

TEST(RunRequest, ParametersReachTheEnvironmentAsTheyWereTyped) {
  const manifest::FunctionSpec spec = hello();
  const auto request =
      RunRequest::from_parameters({"name=A & B=100% +\xc3\xbc", "empty=", "name2=a=b"}, spec);
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_TRUE((*request)->warnings().empty());
  gateway::CommandAdapter adapter;
  ASSERT_TRUE(adapter.decode((*request)->command(spec)));
  EXPECT_EQ(adapter.environment().value_of("name"), "A & B=100% +\xc3\xbc");
  EXPECT_EQ(adapter.environment().value_of("empty"), "");
  EXPECT_EQ(adapter.environment().value_of("name2"), "a=b");
  EXPECT_EQ(adapter.environment().value_of("REQUEST_METHOD"), "GET");
  EXPECT_EQ(adapter.environment().value_of("SCRIPT_NAME"), "/hello");
  EXPECT_EQ(adapter.environment().value_of("CONTENT_LENGTH"), std::nullopt);
}

TEST(RunRequest, WarnsOfWhatTheGatewayWouldSkip) {
  const manifest::FunctionSpec spec = hello();
  const auto request =
      RunRequest::from_parameters({"HTTP_HOST=x", "1a=x", "FIXED=2", "ok=1"}, spec);
  ASSERT_TRUE(request);
  ASSERT_EQ((*request)->warnings().size(), 3U);
  EXPECT_THAT((*request)->warnings()[0], HasSubstr("HTTP_HOST is not set: the name is reserved"));
  EXPECT_THAT((*request)->warnings()[1], HasSubstr("no name of an environment variable"));
  EXPECT_THAT((*request)->warnings()[2], HasSubstr("it is configured"));
  gateway::CommandAdapter adapter;
  ASSERT_TRUE(adapter.decode((*request)->command(spec)));
  EXPECT_EQ(adapter.environment().value_of("FIXED"), "1");
  EXPECT_EQ(adapter.environment().value_of("HTTP_HOST"), std::nullopt);
  EXPECT_EQ(adapter.environment().value_of("ok"), "1");
}

TEST(RunRequest, RefusesWhatIsNoPair) {
  for (const char* word : {"name", "=x", ""}) {
    const auto request = RunRequest::from_parameters({word}, hello());
    ASSERT_FALSE(request) << word;
    EXPECT_EQ(request.error().code, ErrorCode::kUsage);
  }
}

TEST(RunRequest, InvalidTextIsABadQuery) {
  const manifest::FunctionSpec spec = hello();
  const auto request = RunRequest::from_parameters({"name=\xff"}, spec);
  ASSERT_TRUE(request);
  gateway::CommandAdapter adapter;
  const auto decoded = adapter.decode((*request)->command(spec));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadQuery);
}

TEST(RunRequest, ABodyOfKnownLengthMakesAPost) {
  const manifest::FunctionSpec spec = hello();
  const auto request = RunRequest::from_parameters({}, spec);
  ASSERT_TRUE(request);
  (*request)->set_content_length(7);
  gateway::CommandAdapter adapter;
  ASSERT_TRUE(adapter.decode((*request)->command(spec)));
  EXPECT_EQ(adapter.environment().value_of("REQUEST_METHOD"), "POST");
  EXPECT_EQ(adapter.environment().value_of("CONTENT_LENGTH"), "7");
}

// Tests run beside one another.
std::string file_of_this_test() {
  return fmt::format("{}/godwit_run_request_{}.http", testing::TempDir(), ::getpid());
}

struct Paths {
  std::string script_name, path_info;
};

Paths paths_of(const std::string& target, const manifest::FunctionSpec& spec = hello()) {
  const std::string file = file_of_this_test();
  std::ofstream(file) << "GET " << target << "\n\n";
  const auto request = RunRequest::from_file(file, spec);
  std::remove(file.c_str());
  if (!request) return {request.error().text(), ""};
  const auto command = (*request)->command(spec);
  return {std::string(command.script_name), std::string(command.path_info)};
}

TEST(RunRequest, PathsOfAFileAreTheFunctionsOwnOrTheRoots) {
  EXPECT_EQ(paths_of("/hello").script_name, "/hello");
  EXPECT_EQ(paths_of("/hello").path_info, "");
  EXPECT_EQ(paths_of("/hello/a%20b?x").path_info, "/a b");
  EXPECT_EQ(paths_of("/helloworld").script_name, "");
  EXPECT_EQ(paths_of("/helloworld").path_info, "/helloworld");
  EXPECT_THAT(paths_of("/a/../b").script_name, HasSubstr("E1007"));
  EXPECT_THAT(paths_of("/hello/a%2Fb").script_name, HasSubstr("E1007"));
}

TEST(RunRequest, AFileMeetsTheFunctionsRoutes) {
  manifest::FunctionSpec spec = hello();
  spec.routes = {{"GET /img/{id}", "f.toml:1:1"}, {"/files/{rest...}", "f.toml:1:1"}};
  EXPECT_EQ(paths_of("/img/7", spec).script_name, "/img/7");
  EXPECT_EQ(paths_of("/files/a/b", spec).path_info, "/a/b");
  EXPECT_EQ(paths_of("/hello/x", spec).path_info, "/hello/x") << "with routes it is not there";
  spec.routes.push_back({"/{id", "f.toml:2:9"});
  EXPECT_THAT(paths_of("/img/7", spec).script_name, HasSubstr("f.toml:2:9"));
}

TEST(RunRequest, PathParametersReachTheEnvironment) {
  manifest::FunctionSpec spec = hello();
  spec.routes = {{"/img/{id}", "f.toml:1:1"}};
  const std::string file = file_of_this_test();
  std::ofstream(file) << "GET /img/a%2Fb\n\n";
  const auto request = RunRequest::from_file(file, spec);
  std::remove(file.c_str());
  ASSERT_TRUE(request) << request.error().text();
  gateway::CommandAdapter adapter;
  ASSERT_TRUE(adapter.decode((*request)->command(spec)));
  EXPECT_EQ(adapter.environment().value_of("PATH_PARAM_ID"), "a/b");
}

TEST(RunRequest, ErrorsOfAFileNameIt) {
  const auto missing = RunRequest::from_file("no-such-file.http", hello());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kFileUnreadable);
  EXPECT_THAT(missing.error().detail, HasSubstr("no-such-file.http"));
}

TEST(RunRequest, EscapesEverythingThatMeansSomething) {
  EXPECT_EQ(query_escaped("a-b_c.d~e"), "a-b_c.d~e");
  EXPECT_EQ(query_escaped("&=+% #;\n"), "%26%3D%2B%25%20%23%3B%0A");
}

}  // namespace
}  // namespace godwit::cli
