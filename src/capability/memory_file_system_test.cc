// Files, lists, times and lifetimes. Paths are in memory_file_system_path_test.cc, limits in
// memory_file_system_limits_test.cc.
#include "capability/memory_file_system.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "capability/clock.h"
#include "capability/memory_file_system_handles.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

constexpr Patience kNone = Patience::kNone;
constexpr std::uint64_t kBlock = MemoryFileSystem::kBlockBytes;
constexpr MemoryLimits kRoomy{.bytes_max = std::uint64_t{16} << 20, .nodes_max = 10'000};

std::shared_ptr<File> make_file(Folder& folder, std::string_view path) {
  return folder.open(path, {.read = true, .write = true, .create = true}, kNone)->file;
}

std::string contents(File& file, std::uint64_t offset = 0, std::size_t size = 1 << 20) {
  Bytes bytes(size);
  const std::size_t read = *file.read(offset, bytes, kNone);
  return std::string(as_text(ByteSpan(bytes).first(read)));
}

std::vector<std::string> names(Folder& folder, std::size_t bytes_max = 1 << 20) {
  std::vector<std::string> result;
  std::uint64_t position = 0;
  while (true) {
    const auto entries = *folder.list(position, bytes_max, kNone);
    if (entries.empty()) return result;
    for (const FolderEntry& entry : entries) result.push_back(entry.name);
    position = entries.back().next;
  }
}

class MemoryFileSystemTest : public testing::Test {
 protected:
  std::shared_ptr<MemoryFileSystem> files_ = MemoryFileSystem::create(kRoomy, nullptr);
  std::shared_ptr<Folder> root_ = files_->root();
};

TEST_F(MemoryFileSystemTest, WritesAndReads) {
  const auto file = make_file(*root_, "f");
  EXPECT_EQ(*file->write(0, as_bytes("hello"), kNone), 5u);
  EXPECT_EQ(*file->write(5, as_bytes(" world"), kNone), 6u);
  EXPECT_EQ(contents(*file), "hello world");
  EXPECT_EQ(contents(*file, 6), "world");
  EXPECT_EQ(contents(*file, 6, 2), "wo");
  EXPECT_EQ(contents(*file, 11), "");
  EXPECT_EQ(contents(*file, ~std::uint64_t{0}), "");
  EXPECT_EQ(*file->write(0, as_bytes("J"), kNone), 1u);
  EXPECT_EQ(*file->write(0, {}, kNone), 0u);
  EXPECT_EQ(*file->write(1000, {}, kNone), 0u) << "nothing written: nothing grows";
  EXPECT_EQ(contents(*file), "Jello world");
  const auto appended = file->append(as_bytes("!"), kNone);
  EXPECT_EQ(appended->size, 1u);
  EXPECT_EQ(appended->end, 12u);
  EXPECT_EQ(contents(*file), "Jello world!");
  EXPECT_TRUE(file->sync(Sync::kAll, kNone));
  EXPECT_TRUE(file->advise(0, 0, Advice::kWillNeed, kNone));
  EXPECT_FALSE(file->closing_may_block());
}

TEST_F(MemoryFileSystemTest, WritesAcrossBlocks) {
  const auto file = make_file(*root_, "f");
  std::string text(3 * kBlock, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  EXPECT_EQ(*file->write(0, as_bytes(text), kNone), text.size());
  EXPECT_EQ(contents(*file), text);
  EXPECT_EQ(*file->write(kBlock - 2, as_bytes("WXYZ"), kNone), 4u);
  text.replace(kBlock - 2, 4, "WXYZ");
  EXPECT_EQ(contents(*file), text);
  EXPECT_EQ(contents(*file, kBlock - 3, 6), text.substr(kBlock - 3, 6));
}

TEST_F(MemoryFileSystemTest, HolesReadAsZeros) {
  const auto file = make_file(*root_, "f");
  EXPECT_EQ(*file->write(2 * kBlock + 10, as_bytes("x"), kNone), 1u);
  EXPECT_EQ(contents(*file), std::string(2 * kBlock + 10, '\0') + "x");
  ASSERT_TRUE(file->resize(5 * kBlock, kNone));
  EXPECT_EQ(contents(*file, 2 * kBlock + 10), "x" + std::string(3 * kBlock - 11, '\0'));
  EXPECT_EQ(*file->write(kBlock, as_bytes("y"), kNone), 1u);
  EXPECT_EQ(contents(*file, kBlock - 1, 3), std::string("\0y\0", 3));
}

TEST_F(MemoryFileSystemTest, WhatWasCutOffIsNotSeenAgain) {
  const auto file = make_file(*root_, "f");
  ASSERT_EQ(*file->write(0, as_bytes(std::string(3 * kBlock, 's')), kNone), 3 * kBlock);
  ASSERT_TRUE(file->resize(kBlock + 5, kNone));
  ASSERT_TRUE(file->resize(3 * kBlock, kNone));
  EXPECT_EQ(contents(*file), std::string(kBlock + 5, 's') + std::string(2 * kBlock - 5, '\0'));
  ASSERT_TRUE(file->resize(kBlock, kNone));
  ASSERT_EQ(*file->write(kBlock + 3, as_bytes("x"), kNone), 1u);
  EXPECT_EQ(contents(*file, kBlock - 1), std::string("s\0\0\0x", 5));
  ASSERT_TRUE(file->resize(0, kNone));
  ASSERT_TRUE(file->resize(4, kNone));
  EXPECT_EQ(contents(*file), std::string(4, '\0'));
  ASSERT_EQ(*file->write(0, as_bytes("data"), kNone), 4u);
  ASSERT_TRUE(root_->open("f", {.write = true, .truncate = true}, kNone));
  EXPECT_EQ(contents(*file), "");
}

TEST_F(MemoryFileSystemTest, Allocates) {
  const auto file = make_file(*root_, "f");
  EXPECT_TRUE(file->allocate(0, 100, kNone));
  EXPECT_EQ(file->info(kNone)->size, 100u);
  EXPECT_TRUE(file->allocate(10, 10, kNone));
  EXPECT_EQ(file->info(kNone)->size, 100u);
  EXPECT_TRUE(file->allocate(90, 20, kNone));
  EXPECT_EQ(file->info(kNone)->size, 110u);
  EXPECT_EQ(error_name(file->allocate(0, 0, kNone)), "EINVAL");
  EXPECT_EQ(contents(*file), std::string(110, '\0'));
}

TEST_F(MemoryFileSystemTest, HandlesShareTheFile) {
  const auto first = make_file(*root_, "f");
  const auto second = make_file(*root_, "f");
  ASSERT_EQ(*first->write(0, as_bytes("one"), kNone), 3u);
  EXPECT_EQ(contents(*second), "one");
  ASSERT_TRUE(root_->remove_file("f", kNone));
  ASSERT_EQ(second->append(as_bytes("two"), kNone)->size, 3u);
  EXPECT_EQ(contents(*first), "onetwo");
  const auto third = make_file(*root_, "f");
  EXPECT_EQ(contents(*third), "") << "another file under the same name";
  EXPECT_NE(third->info(kNone)->inode, first->info(kNone)->inode);
}

TEST_F(MemoryFileSystemTest, TellsOfNodes) {
  make_file(*root_, "f");
  ASSERT_TRUE(root_->make_folder("d", kNone));
  ASSERT_TRUE(root_->make_folder("d/e", kNone));
  ASSERT_TRUE(root_->symlink("somewhere", "l", kNone));
  std::set<std::uint64_t> inodes;
  for (const char* const path : {".", "f", "d", "d/e", "l"}) {
    const auto info = root_->info_of(path, Follow::kNo, kNone);
    ASSERT_TRUE(info) << path;
    EXPECT_EQ(info->device, root_->info(kNone)->device);
    inodes.insert(info->inode);
  }
  EXPECT_EQ(inodes.size(), 5u) << "all different";
  EXPECT_EQ(root_->info_of("l", Follow::kNo, kNone)->size, 9u);
  EXPECT_EQ(root_->info(kNone)->links, 3u);
  EXPECT_EQ(root_->info_of("d", Follow::kNo, kNone)->links, 3u);
  EXPECT_EQ(root_->info_of("d/e", Follow::kNo, kNone)->links, 2u);
  const auto folder = root_->open("d/e", {.read = true}, kNone)->folder;
  ASSERT_TRUE(root_->remove_folder("d/e", kNone));
  EXPECT_EQ(folder->info(kNone)->links, 0u);
  EXPECT_EQ(folder->info(kNone)->kind, NodeKind::kFolder);
}

TEST_F(MemoryFileSystemTest, OpenedForNothingOnlyAnswersQuestions) {
  make_file(*root_, "f");
  const auto file = root_->open("f", {}, kNone)->file;
  EXPECT_EQ(file->info(kNone)->kind, NodeKind::kFile);
  Bytes bytes(1);
  EXPECT_EQ(error_name(file->read(0, bytes, kNone)), "EBADF");
  EXPECT_EQ(error_name(file->write(0, bytes, kNone)), "EBADF");
  EXPECT_EQ(error_name(file->append(bytes, kNone)), "EBADF");
}

// The times of a node, taken apart for comparisons.
struct Times {
  std::uint64_t accessed, modified, changed;
};
Times times_of(Folder& root, std::string_view path) {
  const auto info = *root.info_of(path, Follow::kNo, kNone);
  return {info.accessed_ns, info.modified_ns, info.changed_ns};
}
constexpr TimesChange kLongAgo{.accessed = {TimeChange::What::kSet, 1'000},
                               .modified = {TimeChange::What::kSet, 2'000}};

TEST_F(MemoryFileSystemTest, SetsTimes) {
  const std::uint64_t before = SystemClock().realtime_ns();
  const auto file = make_file(*root_, "f");
  ASSERT_TRUE(root_->symlink("f", "l", kNone));
  Times times = times_of(*root_, "f");
  EXPECT_GE(times.accessed, before);
  EXPECT_GE(times.modified, before);
  EXPECT_GE(times.changed, before);
  ASSERT_TRUE(root_->set_times_of("l", Follow::kYes, kLongAgo, kNone));
  times = times_of(*root_, "f");
  EXPECT_EQ(times.accessed, 1'000u);
  EXPECT_EQ(times.modified, 2'000u);
  EXPECT_GE(times.changed, before) << "nobody sets that";
  EXPECT_GE(times_of(*root_, "l").modified, before);
  ASSERT_TRUE(root_->set_times_of("l", Follow::kNo, kLongAgo, kNone));
  EXPECT_EQ(times_of(*root_, "l").modified, 2'000u);
  ASSERT_TRUE(file->set_times({.modified = {TimeChange::What::kNow}}, kNone));
  times = times_of(*root_, "f");
  EXPECT_EQ(times.accessed, 1'000u) << "kept";
  EXPECT_GE(times.modified, before);
  ASSERT_TRUE(root_->set_times(kLongAgo, kNone));
  EXPECT_EQ(times_of(*root_, ".").modified, 2'000u);
  EXPECT_EQ(error_name(root_->set_times_of("x", Follow::kYes, kLongAgo, kNone)), "ENOENT");
}

TEST_F(MemoryFileSystemTest, MovesTimesWithWhatHappens) {
  const std::uint64_t before = SystemClock().realtime_ns();
  const auto file = make_file(*root_, "f");
  ASSERT_TRUE(root_->make_folder("d", kNone));
  const auto settle = [&] {
    ASSERT_TRUE(root_->set_times(kLongAgo, kNone));
    ASSERT_TRUE(root_->set_times_of("d", Follow::kNo, kLongAgo, kNone));
    ASSERT_TRUE(file->set_times(kLongAgo, kNone));
  };
  settle();
  ASSERT_TRUE(file->write(0, as_bytes("x"), kNone));
  EXPECT_GE(file->info(kNone)->modified_ns, before);
  EXPECT_EQ(file->info(kNone)->accessed_ns, 1'000u);
  EXPECT_EQ(times_of(*root_, ".").modified, 2'000u) << "no name changed";
  settle();
  ASSERT_TRUE(file->resize(0, kNone));
  EXPECT_GE(file->info(kNone)->modified_ns, before);
  settle();
  contents(*file);
  EXPECT_GE(file->info(kNone)->accessed_ns, before);
  EXPECT_EQ(file->info(kNone)->modified_ns, 2'000u);
  const std::uint64_t accessed = file->info(kNone)->accessed_ns;
  ASSERT_TRUE(file->set_times({.modified = {TimeChange::What::kSet, accessed - 1}}, kNone));
  contents(*file);  // changed_ns is behind accessed_ns: it moves once more
  const std::uint64_t again = file->info(kNone)->accessed_ns;
  contents(*file);
  EXPECT_EQ(file->info(kNone)->accessed_ns, again) << "relatime: nothing changed since";
  settle();
  ASSERT_TRUE(root_->link("f", *root_, "d/g", kNone));
  EXPECT_EQ(times_of(*root_, ".").modified, 2'000u);
  EXPECT_GE(times_of(*root_, "d").modified, before);
  EXPECT_EQ(times_of(*root_, "f").modified, 2'000u);
  settle();
  ASSERT_TRUE(root_->rename("d/g", *root_, "h", kNone));
  EXPECT_GE(times_of(*root_, ".").modified, before);
  EXPECT_GE(times_of(*root_, "d").modified, before);
  settle();
  ASSERT_TRUE(root_->remove_file("h", kNone));
  EXPECT_GE(times_of(*root_, ".").modified, before);
  settle();
  names(*root_);
  EXPECT_GE(times_of(*root_, ".").accessed, before);
}

TEST_F(MemoryFileSystemTest, ListsInSteps) {
  ASSERT_TRUE(root_->make_folder("d", kNone));
  make_file(*root_, "f");
  ASSERT_TRUE(root_->symlink("f", "l", kNone));
  const auto all = *root_->list(0, 1 << 20, kNone);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].name, ".");
  EXPECT_EQ(all[1].name, "..");
  EXPECT_EQ(all[0].inode, all[1].inode) << "what is above is nobody's business";
  EXPECT_EQ(all[2].name, "d");
  EXPECT_EQ(all[2].kind, NodeKind::kFolder);
  EXPECT_EQ(all[3].kind, NodeKind::kFile);
  EXPECT_EQ(all[4].kind, NodeKind::kLink);
  EXPECT_EQ(all[3].inode, root_->info_of("f", Follow::kNo, kNone)->inode);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto one = *root_->list(i == 0 ? 0 : all[i - 1].next, 0, kNone);
    ASSERT_EQ(one.size(), 1u) << "at least one";
    EXPECT_EQ(one[0].name, all[i].name);
    EXPECT_EQ(one[0].next, all[i].next);
  }
  EXPECT_TRUE(root_->list(all.back().next, 1 << 20, kNone)->empty());
  EXPECT_TRUE(root_->list(~std::uint64_t{0}, 1 << 20, kNone)->empty());
  // Two records of 24 bytes and the names.
  EXPECT_EQ(root_->list(0, 52, kNone)->size(), 2u);
  const auto folder = root_->open("d", {.read = true}, kNone)->folder;
  EXPECT_EQ(folder->list(0, 1 << 20, kNone)->at(1).inode, folder->info(kNone)->inode);
}

TEST_F(MemoryFileSystemTest, ListsWhatStaysExactlyOnceWhileOthersComeAndGo) {
  constexpr int kStaying = 40;
  for (int i = 0; i < kStaying; ++i) {
    make_file(*root_, fmt::format("stays{}", i));
    make_file(*root_, fmt::format("goes{}", i));
  }
  std::multiset<std::string> seen;
  std::uint64_t position = 0;
  for (int step = 0;; ++step) {
    const auto entries = *root_->list(position, 60, kNone);
    if (entries.empty()) break;
    for (const FolderEntry& entry : entries) seen.insert(entry.name);
    position = entries.back().next;
    ASSERT_LT(step, 1000) << "a folder that grows while it is listed must still end";
    may_fail(root_->remove_file(fmt::format("goes{}", kStaying - 1 - step), kNone));
    if (step < kStaying) make_file(*root_, fmt::format("came{}", step));
    // What is renamed within the folder keeps its place, before the reader and behind it.
    if (step < kStaying / 2) {
      ASSERT_TRUE(root_->rename(fmt::format("stays{}", 2 * step), *root_,
                                fmt::format("renamed{}", 2 * step), kNone));
    }
    // What replaces a file takes its place.
    make_file(*root_, "fresh");
    ASSERT_TRUE(root_->rename("fresh", *root_, fmt::format("stays{}", 2 * (step % 20) + 1), kNone));
  }
  for (int i = 0; i < kStaying; ++i) {
    if (i % 2 != 0) {
      EXPECT_EQ(seen.count(fmt::format("stays{}", i)), 1u) << i;
    } else {
      EXPECT_EQ(seen.count(fmt::format("stays{}", i)) + seen.count(fmt::format("renamed{}", i)), 1u)
          << i;
    }
  }
  EXPECT_EQ(seen.count("."), 1u);
}

TEST_F(MemoryFileSystemTest, AHandleKeepsTheWhole) {
  auto budget = std::make_shared<MemoryBudget>(1 << 20);
  auto files = MemoryFileSystem::create(kRoomy, budget);
  auto root = files->root();
  ASSERT_TRUE(root->make_folder("d", kNone));
  auto file = make_file(*root, "d/f");
  ASSERT_TRUE(file->write(0, as_bytes("text"), kNone));
  auto folder = root->open("d", {.read = true}, kNone)->folder;
  files.reset();
  root.reset();
  EXPECT_EQ(contents(*file), "text");
  file.reset();
  EXPECT_EQ(names(*folder), (std::vector<std::string>{".", "..", "f"}));
  EXPECT_GT(budget->used_bytes(), kBlock);
  folder.reset();
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST_F(MemoryFileSystemTest, DevicesAreUniqueAndTellNothing) {
  std::set<std::uint64_t> devices;
  std::uint64_t last = 0;
  int small_steps = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t device =
        MemoryFileSystem::create(kRoomy, nullptr)->root()->info(kNone)->device;
    devices.insert(device);
    if (device - last < (1 << 20)) ++small_steps;
    last = device;
  }
  EXPECT_EQ(devices.size(), 1000u);
  EXPECT_EQ(small_steps, 0) << "a counter shows";
}

}  // namespace
}  // namespace godwit::capability
