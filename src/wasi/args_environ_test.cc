#include <gtest/gtest.h>

#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

StringList list_of(std::initializer_list<std::string_view> texts) {
  StringList list;
  for (const std::string_view text : texts) EXPECT_TRUE(list.add(text));
  return list;
}

TEST(ArgsEnviron, HandsOverSizesAddressesAndStrings) {
  TestHost host(4096, list_of({"A=1", "B=two"}), list_of({"program", "", "x y"}));
  EXPECT_EQ(host.call("args_sizes_get", {0, 4}), Errno::kSuccess);
  EXPECT_EQ(host.get<std::uint32_t>(0), 3u);
  EXPECT_EQ(host.get<std::uint32_t>(4), 8u + 1 + 4);
  EXPECT_EQ(host.call("args_get", {0x100, 0x200}), Errno::kSuccess);
  EXPECT_EQ(host.c_text(host.get<std::uint32_t>(0x100)), "program");
  EXPECT_EQ(host.c_text(host.get<std::uint32_t>(0x104)), "");
  EXPECT_EQ(host.c_text(host.get<std::uint32_t>(0x108)), "x y");
  EXPECT_EQ(host.get<std::uint32_t>(0x10C), 0u) << "nothing beyond the array";

  EXPECT_EQ(host.call("environ_sizes_get", {0, 4}), Errno::kSuccess);
  EXPECT_EQ(host.get<std::uint32_t>(0), 2u);
  EXPECT_EQ(host.get<std::uint32_t>(4), 10u);
  EXPECT_EQ(host.call("environ_get", {0x100, 0x200}), Errno::kSuccess);
  EXPECT_EQ(host.c_text(host.get<std::uint32_t>(0x100)), "A=1");
  EXPECT_EQ(host.c_text(host.get<std::uint32_t>(0x104)), "B=two");
}

TEST(ArgsEnviron, ManyMoreThanOneBatch) {
  StringList list;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(list.add_variable("N", std::to_string(i)));
  TestHost host(65536, list);
  ASSERT_EQ(host.call("environ_get", {0, 0x4000}), Errno::kSuccess);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(host.c_text(host.get<std::uint32_t>(i * 4)), "N=" + std::to_string(i));
  }
}

TEST(ArgsEnviron, NothingToHandOverNeedsNoRoom) {
  TestHost host;
  EXPECT_EQ(host.call("args_sizes_get", {0, 4}), Errno::kSuccess);
  EXPECT_EQ(host.get<std::uint64_t>(0), 0u);
  EXPECT_EQ(host.call("args_get", {host.size(), host.size()}), Errno::kSuccess);
  EXPECT_EQ(host.call("args_get", {host.size() + 1, 0}), Errno::kFault);
}

TEST(ArgsEnviron, BadPointersAreFaults) {
  TestHost host(4096, list_of({"A=1"}));
  EXPECT_EQ(host.call("environ_sizes_get", {host.size() - 3, 0}), Errno::kFault);
  EXPECT_EQ(host.call("environ_sizes_get", {0, host.size() - 3}), Errno::kFault);
  EXPECT_EQ(host.call("environ_sizes_get", {kNoPointer, kNoPointer}), Errno::kFault);
  EXPECT_EQ(host.call("environ_sizes_get", {host.size() - 8, host.size() - 4}), Errno::kSuccess);
  EXPECT_EQ(host.call("environ_get", {host.size() - 3, 0}), Errno::kFault);
  EXPECT_EQ(host.call("environ_get", {0, host.size() - 3}), Errno::kFault);
  EXPECT_EQ(host.call("environ_get", {kNoPointer - 3, kNoPointer - 3}), Errno::kFault);
  EXPECT_EQ(host.call("environ_get", {host.size() - 8, host.size() - 4}), Errno::kSuccess);
}

TEST(ArgsEnviron, EnvironmentLargerThanTheMemoryIsAFault) {
  StringList list;
  ASSERT_TRUE(list.add_variable("BIG", std::string(100'000, 'x')));
  TestHost host(65536, list);
  EXPECT_EQ(host.call("environ_sizes_get", {0, 4}), Errno::kSuccess);
  EXPECT_EQ(host.get<std::uint32_t>(4), 100'005u);
  EXPECT_EQ(host.call("environ_get", {0, 0}), Errno::kFault);
  EXPECT_EQ(host.get<std::uint32_t>(0), 1u) << "nothing was written";
}

}  // namespace
}  // namespace godwit::wasi
