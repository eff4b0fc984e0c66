#include "confinement/file_roots.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "confinement/test_tree.h"

namespace godwit::confinement {
namespace {

TEST(FileRoots, HoldsWhatLiesBelow) {
  const TestTree tree;
  const FileRoots roots = FileRoots::open({{tree.path("inside"), RootAccess::kRead, "PATH"}});
  EXPECT_TRUE(roots.missing().empty());
  EXPECT_TRUE(roots.covers(tree.path("inside"), RootAccess::kRead));
  EXPECT_TRUE(roots.covers(tree.path("inside/deep/file"), RootAccess::kRead));
  EXPECT_TRUE(roots.covers(tree.path("inside/deep/../deep"), RootAccess::kReadFile));
  EXPECT_FALSE(roots.covers(tree.path("outside"), RootAccess::kRead));
  EXPECT_FALSE(roots.covers(tree.path("inside/../outside/file"), RootAccess::kRead));
  EXPECT_FALSE(roots.covers("/", RootAccess::kReadFile));
}

TEST(FileRoots, WritingIsMoreThanReading) {
  const TestTree tree;
  const FileRoots roots = FileRoots::open({{tree.path("inside"), RootAccess::kReadFile, "a"},
                                           {tree.path("outside"), RootAccess::kWrite, "b"}});
  EXPECT_TRUE(roots.covers(tree.path("inside/deep/file"), RootAccess::kReadFile));
  EXPECT_FALSE(roots.covers(tree.path("inside"), RootAccess::kRead));
  EXPECT_TRUE(roots.covers(tree.path("outside/file"), RootAccess::kWrite));
}

TEST(FileRoots, ALinkIsWhereItLeads) {
  const TestTree tree;
  std::filesystem::create_symlink(tree.path("outside"), tree.path("inside/link"));
  const FileRoots roots = FileRoots::open({{tree.path("inside"), RootAccess::kRead, "PATH"}});
  EXPECT_FALSE(roots.covers(tree.path("inside/link"), RootAccess::kRead));
}

TEST(FileRoots, AnotherFolderOfTheSameNameIsAnother) {
  const TestTree tree;
  const FileRoots roots = FileRoots::open({{tree.path("inside"), RootAccess::kRead, "PATH"}});
  std::filesystem::rename(tree.path("inside"), tree.path("old"));
  std::filesystem::create_directory(tree.path("inside"));
  EXPECT_FALSE(roots.covers(tree.path("inside"), RootAccess::kRead));
  EXPECT_TRUE(roots.covers(tree.path("old"), RootAccess::kRead));
}

TEST(FileRoots, WhatIsNotThereIsListedAndRefusesNothing) {
  const TestTree tree;
  const FileRoots roots = FileRoots::open({{tree.path("nowhere"), RootAccess::kRead, "PATH"}});
  ASSERT_EQ(roots.missing().size(), 1u);
  EXPECT_EQ(roots.missing()[0].place, "PATH");
  EXPECT_TRUE(roots.covers(tree.path("nowhere"), RootAccess::kRead));
  // Made later, it is not within what was declared.
  std::filesystem::create_directory(tree.path("nowhere"));
  EXPECT_FALSE(roots.covers(tree.path("nowhere"), RootAccess::kRead));
}

TEST(FileRoots, ASingleFileIsARoot) {
  const TestTree tree;
  const FileRoots roots =
      FileRoots::open({{tree.path("inside/deep/file"), RootAccess::kReadFile, "a"}});
  EXPECT_TRUE(roots.covers(tree.path("inside/deep/file"), RootAccess::kReadFile));
  EXPECT_FALSE(roots.covers(tree.path("inside/deep"), RootAccess::kReadFile));
}

}  // namespace
}  // namespace godwit::confinement
