#include "manifest/function_spec.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::manifest {
namespace {

using testing::ElementsAre;

TEST(FunctionSpec, DefaultsAreTheContracts) {
  const Limits limits;
  EXPECT_EQ(limits.memory_bytes, 128u << 20);
  EXPECT_EQ(limits.cpu, std::chrono::seconds(10));
  EXPECT_EQ(limits.timeout, std::chrono::seconds(30));
  EXPECT_EQ(limits.request_body_bytes, 10u << 20);
  EXPECT_EQ(limits.response_body_bytes, 64u << 20);
  EXPECT_EQ(limits.concurrency, 1000u);
  EXPECT_EQ(limits.queue, 1000u);
  EXPECT_EQ(limits.queue_timeout, std::chrono::seconds(1));
  EXPECT_EQ(limits.log_bytes, 64u << 10);
}

TEST(FunctionSpec, EnvironmentNames) {
  EXPECT_TRUE(is_environment_name("_"));
  EXPECT_TRUE(is_environment_name("Path_2"));
  EXPECT_FALSE(is_environment_name(""));
  EXPECT_FALSE(is_environment_name("2x"));
  EXPECT_FALSE(is_environment_name("A=B"));
  EXPECT_FALSE(is_environment_name("A-B"));
  EXPECT_FALSE(is_environment_name(std::string_view("A\0", 2)));
  EXPECT_FALSE(is_environment_name(std::string(257, 'A')));
}

TEST(FunctionSpec, TheLastValueOfAVariableWinsAndKeepsItsPlace) {
  FunctionSpec spec;
  ASSERT_TRUE(set_environment(spec, "B", "1"));
  ASSERT_TRUE(set_environment(spec, "A", "2"));
  ASSERT_TRUE(set_environment(spec, "B", "3"));
  EXPECT_THAT(spec.environment,
              ElementsAre(EnvironmentVariable{"B", "3"}, EnvironmentVariable{"A", "2"}));
}

TEST(FunctionSpec, EnvironmentIsBounded) {
  FunctionSpec spec;
  ASSERT_TRUE(set_environment(spec, "A", std::string(kMaxEnvironmentBytes - 3, 'x')));
  EXPECT_FALSE(set_environment(spec, "B", ""));
  EXPECT_TRUE(set_environment(spec, "A", "small"));  // a replaced value makes room
  EXPECT_TRUE(set_environment(spec, "B", ""));
  const auto nul = set_environment(spec, "C", std::string_view("a\0b", 3));
  ASSERT_FALSE(nul);
  EXPECT_EQ(nul.error().code, ErrorCode::kConfigBadValue);
}

TEST(FunctionSpec, ArgumentsAreBounded) {
  FunctionSpec spec;
  ASSERT_TRUE(add_argument(spec, std::string(kMaxArgumentsBytes - 2, 'x')));
  EXPECT_TRUE(add_argument(spec, ""));
  EXPECT_FALSE(add_argument(spec, ""));
  EXPECT_FALSE(add_argument(spec, std::string_view("\0", 1)));
  EXPECT_EQ(spec.arguments.size(), 2u);
}

}  // namespace
}  // namespace godwit::manifest
