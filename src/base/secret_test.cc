#include "base/secret.h"

#include <cstdint>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace godwit {
namespace {

// The VmFlags line of the mapping that holds `address` (proc(5)).
std::string mapping_flags(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::size_t end = 0;
    if (const std::size_t dash = line.find('-'); dash != std::string::npos && dash <= 16) {
      const std::uintptr_t from = std::stoull(line, &end, 16);
      if (end == dash)
        inside = wanted >= from && wanted < std::stoull(line.substr(dash + 1), &end, 16);
    }
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return {};
}

TEST(Secret, KeepsTextOfAnySize) {
  EXPECT_EQ(Secret("").reveal(), "");
  EXPECT_EQ(Secret("hunter2").reveal(), "hunter2");
  const std::string large(100'000, 'x');
  EXPECT_EQ(Secret(large).reveal(), large);
  const std::string binary("a\0b", 3);
  EXPECT_EQ(Secret(binary).reveal(), binary);
}

TEST(Secret, IsLeftOutOfCoreDumpsAndCannotBeOverwritten) {
  const Secret secret("hunter2");
  const std::string flags = mapping_flags(secret.reveal().data());
  ASSERT_FALSE(flags.empty());
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;  // do not dump
  EXPECT_EQ(flags.find(" wr "), std::string::npos) << flags;
}

TEST(Secret, WipeOverwrites) {
  std::string text = "hunter2";
  wipe(text.data(), text.size());
  EXPECT_EQ(text, std::string(7, '\0'));
}

}  // namespace
}  // namespace godwit
