#include "wasi/string_list.h"

#include <gtest/gtest.h>

namespace godwit::wasi {
namespace {

TEST(StringList, LaysStringsOutWithTheirNuls) {
  StringList list;
  EXPECT_TRUE(list.add("one"));
  EXPECT_TRUE(list.add(""));
  EXPECT_TRUE(list.add_variable("K", "v=w"));
  EXPECT_EQ(list.count(), 3u);
  EXPECT_EQ(as_text(list.block()), std::string_view("one\0\0K=v=w\0", 11));
}

TEST(StringList, RefusesWhatWouldBreakTheLayout) {
  StringList list;
  EXPECT_FALSE(list.add(std::string_view("a\0b", 3)));
  EXPECT_FALSE(list.add_variable("", "v"));
  EXPECT_FALSE(list.add_variable("A=B", "v"));
  EXPECT_FALSE(list.add_variable("A", std::string_view("\0", 1)));
  EXPECT_FALSE(list.add_variable(std::string_view("A\0", 2), "v"));
  EXPECT_EQ(list.count(), 0u);
  EXPECT_TRUE(list.block().empty());
}

TEST(StringList, KeepsItsLimits) {
  StringList list({.count = 2, .bytes = 8});
  EXPECT_FALSE(list.add("12345678")) << "its NUL does not fit";
  EXPECT_TRUE(list.add("1234"));
  EXPECT_FALSE(list.add("123")) << "5 + 4 bytes";
  EXPECT_TRUE(list.add("12"));
  EXPECT_EQ(list.block().size(), 8u);
  EXPECT_FALSE(list.add("")) << "a third string";
  StringList variables({.count = 2, .bytes = 8});
  EXPECT_FALSE(variables.add_variable("ABCD", "EFGH"));
  EXPECT_TRUE(variables.add_variable("ABC", "EFG"));
}

TEST(StringList, ASecretIsOverwrittenWhenTheListIsCleared) {
  StringList list;
  ASSERT_TRUE(list.add_variable("A", "plain"));
  ASSERT_TRUE(list.add_secret_variable("KEY", "hunter2hunter2hunter2"));
  ASSERT_TRUE(list.add_variable("B", std::string(1000, 'b')));
  EXPECT_EQ(list.value_of("KEY"), "hunter2hunter2hunter2");
  EXPECT_EQ(list.value_of("A"), "plain");
  EXPECT_EQ(list.count(), 3u);
  const std::string_view memory = as_text(list.block());  // the list keeps its capacity
  list.clear();
  EXPECT_EQ(memory.find_first_not_of('\0'), std::string_view::npos);
  EXPECT_FALSE(list.add_secret_variable("KEY", std::string_view("\0", 1)));
  EXPECT_EQ(list.count(), 0u);
}

TEST(StringList, IsAValue) {
  StringList list({.count = 2, .bytes = 100});
  ASSERT_TRUE(list.add_secret_variable("KEY", "hunter2"));
  StringList copy = list;
  list.clear();
  EXPECT_EQ(copy.value_of("KEY"), "hunter2");
  list = std::move(copy);
  EXPECT_EQ(list.value_of("KEY"), "hunter2");
  ASSERT_TRUE(list.add("x"));
  EXPECT_FALSE(list.add("y")) << "the limits are copied too";
}

TEST(StringList, FindsTheFirstVariable) {
  StringList list;
  ASSERT_TRUE(list.add_variable("AB", "1"));
  ASSERT_TRUE(list.add_variable("A", "2"));
  ASSERT_TRUE(list.add_variable("A", "3"));
  EXPECT_EQ(list.value_of("A"), "2");
  EXPECT_EQ(list.value_of("AB"), "1");
  EXPECT_EQ(list.value_of("B"), std::nullopt);
  list.clear();
  EXPECT_EQ(list.value_of("A"), std::nullopt);
  EXPECT_EQ(list.count(), 0u);
}

}  // namespace
}  // namespace godwit::wasi
