#include "registry/state_dir.h"

#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::registry {
namespace {

using testing::HasSubstr;

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777u;
}

std::string refusal(const std::string& path) {
  const auto state = StateDir::open({.path = path});
  if (state) return "opened";
  EXPECT_EQ(state.error().code, ErrorCode::kStateDirUnusable);
  return state.error().detail;
}

TEST(StateDir, IsMadeWithItsParentsForItsUserOnly) {
  const TestFolder folder;
  const auto state = StateDir::open({.path = folder.path("a/b/state")});
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(mode_of(folder.path("a/b/state")), 0700u);
  EXPECT_EQ(mode_of(folder.path("a/b/state/node.key")), 0600u);
  EXPECT_NE(state->key(), NodeKey{});
  const auto below = state->subfolder("artifacts");
  ASSERT_TRUE(below) << below.error().text();
  EXPECT_EQ(mode_of(folder.path("a/b/state/artifacts")), 0700u);
}

TEST(StateDir, TheKeyStaysTheSame) {
  const TestFolder folder;
  const auto first = StateDir::open({.path = folder.path("s")});
  const auto second = StateDir::open({.path = folder.path("s")});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->key(), second->key());
  const auto other = StateDir::open({.path = folder.path("t")});
  ASSERT_TRUE(other);
  EXPECT_NE(first->key(), other->key());
}

TEST(StateDir, ManyThatStartAtOnceAgreeOnOneKey) {
  const TestFolder folder;
  std::vector<NodeKey> keys(8);
  std::vector<std::thread> threads;
  for (NodeKey& key : keys) {
    threads.emplace_back([&] {
      const auto state = StateDir::open({.path = folder.path("s")});
      if (state) key = state->key();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(keys[0], NodeKey{});
  for (const NodeKey& key : keys) EXPECT_EQ(key, keys[0]);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder.path("s"))) {
    ++files;
  }
  EXPECT_EQ(files, 1u);  // no temporary file is left
}

TEST(StateDir, OneThatOthersCanWriteIsRefused) {
  const TestFolder folder;
  folder.chmod("", 0770);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("can be written by its group (mode 0770)"));
  folder.chmod("", 01777);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("can be written by everybody"));
}

TEST(StateDir, AKeyThatOthersMayKnowIsRefused) {
  const TestFolder folder;
  ASSERT_TRUE(StateDir::open({.path = folder.path()}));
  folder.chmod("node.key", 0640);
  EXPECT_THAT(refusal(folder.path()), HasSubstr("can be read by others"));
}

TEST(StateDir, AKeyOfTheWrongSizeIsRefused) {
  for (const std::size_t size : {0u, 31u, 33u}) {
    const TestFolder folder;
    folder.write("node.key", std::string(size, 'k'));
    folder.chmod("node.key", 0600);
    EXPECT_THAT(refusal(folder.path()), HasSubstr("wrong size"));
  }
}

TEST(StateDir, AKeyThatIsALinkIsRefused) {
  const TestFolder folder;
  folder.write("elsewhere", std::string(32, 'k'));
  folder.chmod("elsewhere", 0600);
  std::filesystem::create_symlink(folder.path("elsewhere"), folder.path("node.key"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("node.key"));
}

TEST(StateDir, SubfoldersThatAreLinksOrFilesAreRefused) {
  const TestFolder folder;
  const TestFolder other;
  const auto state = StateDir::open({.path = folder.path()});
  ASSERT_TRUE(state);
  std::filesystem::create_symlink(other.path(), folder.path("link"));
  folder.write("file", "");
  EXPECT_FALSE(state->subfolder("link"));
  EXPECT_FALSE(state->subfolder("file"));
}

TEST(StateDir, WhatCannotBeMadeSaysWhy) {
  const TestFolder folder;
  folder.write("file", "");
  EXPECT_THAT(refusal(folder.path("file/state")), HasSubstr("file"));
  EXPECT_THAT(refusal(folder.path("file")), HasSubstr("Not a directory"));
}

TEST(StateDir, TheDefaultPlaceFollowsXdg) {
  const char* const old_state = std::getenv("XDG_STATE_HOME");
  const std::string saved = old_state != nullptr ? old_state : "";
  ::setenv("XDG_STATE_HOME", "/var/lib/x", 1);
  EXPECT_EQ(default_state_path().value_or(""), "/var/lib/x/godwit");
  ::setenv("XDG_STATE_HOME", "relative", 1);
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::setenv("HOME", "/home/somebody", 1);
  EXPECT_EQ(default_state_path().value_or(""), "/home/somebody/.local/state/godwit");
  ::setenv("HOME", home.c_str(), 1);
  ::unsetenv("XDG_STATE_HOME");
  if (!saved.empty()) ::setenv("XDG_STATE_HOME", saved.c_str(), 1);
}

}  // namespace
}  // namespace godwit::registry
