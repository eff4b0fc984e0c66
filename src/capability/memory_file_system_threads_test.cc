// Several workers in one file system, as a function's cache has it. Meant for the thread sanitizer,
// and for what must hold afterwards in any build.
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "capability/memory_file_system.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

constexpr Patience kNone = Patience::kNone;
constexpr int kThreads = 4;

template <class Work>
void run_threads(Work work) {
  std::vector<std::thread> threads;
  for (int index = 0; index < kThreads; ++index) threads.emplace_back(work, index);
  for (std::thread& thread : threads) thread.join();
}

TEST(MemoryThreads, AnyOperationsAtOnce) {
  auto budget = std::make_shared<MemoryBudget>(std::uint64_t{1} << 30);
  auto files =
      MemoryFileSystem::create({.bytes_max = std::uint64_t{1} << 20, .nodes_max = 100}, budget);
  run_threads([&](int index) {
    std::mt19937 dice(static_cast<std::uint32_t>(index) + 1);
    FolderWorld world(files->root(), kNone);
    static constexpr const char* kLines[] = {
        "mkdir d",          "rmdir d",       "open 1 r d",   "open 0 rwc f", "open 0 rwc 1:f",
        "fill 0 0 5000 x",  "read 0 0 9000", "resize 0 100", "unlink f",     "unlink d/f",
        "rename f d/f",     "rename d/f f",  "rename d e",   "rename e d",   "link f g",
        "unlink g",         "symlink d/f l", "open 0 rwc l", "unlink l",     "close 0",
        "list 1",           "stat 1:f",      "readlink l",   "rename 1:f g", "close 1",
        "allocate 0 0 9999"};
    for (int step = 0; step < 3000; ++step) world.run(kLines[dice() % std::size(kLines)]);
    if (index == 0) files->set_limits({.bytes_max = std::uint64_t{1} << 19, .nodes_max = 50});
    EXPECT_LE(files->used_bytes(), std::uint64_t{1} << 20);
    EXPECT_LE(files->node_count(), 100u);
  });
  EXPECT_EQ(budget->used_bytes(), files->used_bytes());
  files.reset();
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(MemoryThreads, AppendsDoNotOverlap) {
  constexpr std::size_t kAppends = 500;
  auto files =
      MemoryFileSystem::create({.bytes_max = std::uint64_t{1} << 20, .nodes_max = 10}, nullptr);
  run_threads([root = files->root()](int index) {
    const auto file = root->open("f", {.write = true, .create = true}, kNone)->file;
    const std::string line(10, static_cast<char>('a' + index));
    for (std::size_t i = 0; i < kAppends; ++i) {
      const auto appended = file->append(as_bytes(line), kNone);
      ASSERT_TRUE(appended);
      ASSERT_EQ(appended->end % 10, 0u);
    }
  });
  const auto file = files->root()->open("f", {.read = true}, kNone)->file;
  Bytes bytes(kThreads * kAppends * 10 + 1);
  ASSERT_EQ(*file->read(0, bytes, kNone), bytes.size() - 1);
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    ASSERT_EQ(bytes[i], bytes[i / 10 * 10]) << i;
  }
}

TEST(MemoryThreads, ExclusiveCreationHasOneWinner) {
  auto files =
      MemoryFileSystem::create({.bytes_max = std::uint64_t{1} << 20, .nodes_max = 1000}, nullptr);
  std::atomic<int> won{0};
  run_threads([&, root = files->root()](int) {
    for (int i = 0; i < 200; ++i) {
      const auto opened = root->open(fmt::format("f{}", i),
                                     {.write = true, .create = true, .exclusive = true}, kNone);
      if (opened) ++won;
    }
  });
  EXPECT_EQ(won, 200);
}

// A folder that moves about while others go up and down in it: nobody ever gets out.
TEST(MemoryThreads, RenamesDuringTheWayDown) {
  auto files =
      MemoryFileSystem::create({.bytes_max = std::uint64_t{1} << 20, .nodes_max = 100}, nullptr);
  const auto root = files->root();
  FolderWorld world(root);
  for (const char* const line : {"mkdir jail", "mkdir jail/a", "mkdir jail/a/b", "mkdir outside",
                                 "symlink ../../../canary jail/a/b/l"}) {
    ASSERT_EQ(world.run(line), "ok");
  }
  ASSERT_EQ(world.run("open 0 wc canary"), "file");
  ASSERT_EQ(world.run("open 0 wc outside/canary"), "file");
  const auto jail = root->open("jail", {.read = true}, kNone)->folder;
  std::atomic<bool> escaped{false};
  run_threads([&](int index) {
    for (int i = 0; i < 3000; ++i) {
      if (index == 0) {
        may_fail(root->rename("jail/a/b", *root, "outside/b", kNone));
        may_fail(root->rename("outside/b", *root, "jail/a/b", kNone));
      } else if (index == 1) {
        may_fail(jail->rename("a", *jail, "c", kNone));
        may_fail(jail->rename("c", *jail, "a", kNone));
      } else {
        for (const char* const path : {"a/b/../../../canary", "a/b/../../canary", "a/b/l",
                                       "a/b/../canary", "a/../../canary"}) {
          if (jail->info_of(path, Follow::kYes, kNone)) escaped = true;
        }
      }
    }
  });
  EXPECT_FALSE(escaped);
}

// The last handle goes on one thread while another still works: the whole ends once, somewhere.
TEST(MemoryThreads, TheLastHandleEndsIt) {
  auto budget = std::make_shared<MemoryBudget>(std::uint64_t{1} << 30);
  for (int round = 0; round < 200; ++round) {
    auto files =
        MemoryFileSystem::create({.bytes_max = std::uint64_t{1} << 20, .nodes_max = 100}, budget);
    std::vector<std::shared_ptr<Folder>> roots;
    for (int i = 0; i < kThreads; ++i) roots.push_back(files->root());
    files.reset();
    run_threads([&](int index) {
      auto root = std::move(roots[static_cast<std::size_t>(index)]);
      auto opened = root->open("f", {.write = true, .create = true}, kNone);
      root.reset();
      if (opened) may_fail(opened->file->write(0, as_bytes("text"), kNone));
    });
    ASSERT_EQ(budget->used_bytes(), 0u);
  }
}

}  // namespace
}  // namespace godwit::capability
