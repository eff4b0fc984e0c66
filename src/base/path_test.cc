#include "base/path.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace godwit {
namespace {

TEST(Path, FolderAndName) {
  const struct {
    std::string_view path, folder, name;
  } cases[] = {{"b", ".", "b"}, {"a/b", "a", "b"}, {"/b", "/", "b"},        {"/a/b", "/a", "b"},
               {"a/", "a", ""}, {"/", "/", ""},    {"a/../b", "a/..", "b"}, {"", ".", ""}};
  for (const auto& each : cases) {
    EXPECT_EQ(folder_of(each.path), each.folder) << each.path;
    EXPECT_EQ(name_of(each.path), each.name) << each.path;
  }
}

TEST(Path, TheRealOneIsAbsoluteAndExists) {
  EXPECT_EQ(real_path("/./proc/../"), "/");
  EXPECT_EQ(real_path("/nothing/is/there"), std::nullopt);
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace godwit
