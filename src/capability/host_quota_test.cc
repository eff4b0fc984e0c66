// What a writable volume is charged with, alone and under concurrency.
#include "capability/host_quota.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "capability/host_test_volume.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

constexpr OpenOptions kBoth{.read = true, .write = true, .create = true};

std::string usage_of(const HostVolume& volume) {
  const HostUsage usage = volume.usage();
  return std::to_string(usage.bytes) + " bytes, " + std::to_string(usage.files) + " files";
}

// What a fresh count of the folder says: the truth that the running count must agree with.
std::string counted(const TestTree& tree) {
  const auto volume = tree.volume({.writable = true, .bytes_max = 1 << 30, .files_max = 1 << 20});
  return usage_of(*volume);
}

TEST(QuotaCounter, GrantsWhatIsLeftAndTakesBack) {
  QuotaCounter counter(10, 4);
  EXPECT_EQ(counter.take(5), 5u);
  EXPECT_EQ(counter.take(5, 2), 0u);
  EXPECT_EQ(counter.take(5), 1u);
  EXPECT_EQ(counter.take(1), 0u);
  EXPECT_FALSE(counter.take_all(1));
  EXPECT_TRUE(counter.take_all(0));
  counter.give_back(100);
  EXPECT_EQ(counter.used(), 0u) << "never below nothing";
  QuotaCounter unbounded(kNoQuota, 0);
  EXPECT_EQ(unbounded.take(kNoQuota), kNoQuota);
  EXPECT_EQ(unbounded.used(), 0u);
}

TEST(HostCount, CountsEveryNameOnceAndEveryFileOnce) {
  const TestTree tree;
  tree.write("a/b/c/file", "12345");
  tree.write("top", "123");
  tree.link("top", "link");
  tree.link("../secret/canary", "out");
  tree.link(".", "loop");
  std::filesystem::create_hard_link(tree.path("top"), tree.path("a/hard"));
  ASSERT_EQ(::mkfifo(tree.path("fifo").c_str(), 0600), 0);
  // a, b, c, file, top, link, out, loop, hard, fifo; 5 + 3, and the links' targets 3 + 16 + 1.
  EXPECT_EQ(counted(tree), "28 bytes, 10 files");
}

TEST(HostCount, DeepNestsNeedNeitherStackNorDescriptors) {
  const TestTree tree;
  const auto volume = tree.volume({.writable = true});
  std::shared_ptr<Folder> folder = volume->root(Access::kWrite);
  constexpr int kDepth = 2500;  // beyond what a path can name, and beyond usual limits of files
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(said(folder->make_folder("d", kMayBlock)), "ok");
    folder = open_folder(*folder, "d");
  }
  const auto file = open_file(*folder, "file", kBoth);
  ASSERT_EQ(said(file->write(0, as_bytes("x"), kMayBlock)), "ok");
  EXPECT_EQ(counted(tree), "1 bytes, 2501 files");

  // Taken down from the top, for remove_all() opens a descriptor a level.
  const auto root = volume->root(Access::kWrite);
  while (root->rename("d/d", *root, "rest", kMayBlock)) {
    ASSERT_EQ(said(root->remove_folder("d", kMayBlock)), "ok");
    ASSERT_EQ(said(root->rename("rest", *root, "d", kMayBlock)), "ok");
  }
  EXPECT_EQ(counted(tree), "1 bytes, 2 files");
}

TEST(HostCount, MoreThanTheQuotaIsRefused) {
  const TestTree tree;
  tree.write("a", "12345");
  tree.write("b", "12345");
  const auto open = [&](std::uint64_t bytes_max, std::uint64_t files_max) {
    return HostVolume::open(
        {.path = tree.path(""), .writable = true, .bytes_max = bytes_max, .files_max = files_max});
  };
  EXPECT_TRUE(open(10, 2).has_value());
  const auto bytes = open(9, 2);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::kVolumeUnusable);
  EXPECT_NE(bytes.error().detail.find("9 bytes"), std::string::npos) << bytes.error().detail;
  const auto files = open(10, 1);
  ASSERT_FALSE(files);
  EXPECT_NE(files.error().detail.find("1 files"), std::string::npos) << files.error().detail;
  EXPECT_TRUE(HostVolume::open({.path = tree.path(""), .bytes_max = 1}).has_value())
      << "who only reads has no quota";
}

TEST(HostQuota, FollowsEveryChange) {
  const TestTree tree;
  const auto volume = tree.volume({.writable = true, .bytes_max = 1000, .files_max = 100});
  const auto root = volume->root(Access::kWrite);
  const auto expect = [&](const std::string& usage, const char* after) {
    EXPECT_EQ(usage_of(*volume), usage) << after;
    EXPECT_EQ(counted(tree), usage) << "counted anew: " << after;
  };
  expect("0 bytes, 0 files", "start");
  auto file = open_file(*root, "file", kBoth);
  expect("0 bytes, 1 files", "create");
  ASSERT_TRUE(file->write(10, as_bytes("12345"), kMayBlock));
  expect("15 bytes, 1 files", "write behind a gap");
  ASSERT_TRUE(file->write(0, as_bytes("12345"), kMayBlock));
  expect("15 bytes, 1 files", "write into the gap");
  ASSERT_TRUE(file->append(as_bytes("12345"), kMayBlock));
  expect("20 bytes, 1 files", "append");
  ASSERT_TRUE(file->resize(100, kMayBlock));
  expect("100 bytes, 1 files", "grow");
  ASSERT_TRUE(file->resize(50, kMayBlock));
  expect("50 bytes, 1 files", "cut");
  if (file->allocate(40, 20, kMayBlock)) expect("60 bytes, 1 files", "allocate");
  ASSERT_TRUE(root->open("file", {.write = true, .truncate = true}, kMayBlock));
  expect("0 bytes, 1 files", "truncate when opened");
  ASSERT_TRUE(file->write(0, as_bytes("1234567"), kMayBlock));
  ASSERT_TRUE(root->link("file", *root, "hard", kMayBlock));
  expect("7 bytes, 2 files", "link");
  ASSERT_TRUE(root->symlink("target", "link", kMayBlock));
  expect("13 bytes, 3 files", "symlink");
  ASSERT_TRUE(root->make_folder("folder", kMayBlock));
  expect("13 bytes, 4 files", "folder");
  ASSERT_TRUE(root->rename("link", *root, "folder/link", kMayBlock));
  expect("13 bytes, 4 files", "rename");
  ASSERT_TRUE(root->rename("hard", *root, "file", kMayBlock));
  expect("13 bytes, 4 files", "rename onto the same file does nothing");
  ASSERT_TRUE(root->remove_file("hard", kMayBlock));
  expect("13 bytes, 3 files", "remove one of two names");
  file.reset();
  ASSERT_TRUE(root->rename("folder/link", *root, "file", kMayBlock));
  expect("6 bytes, 2 files", "a link takes the place of a file");
  ASSERT_TRUE(root->make_folder("empty", kMayBlock));
  ASSERT_TRUE(root->rename("empty", *root, "folder", kMayBlock));
  expect("6 bytes, 2 files", "a folder takes the place of a folder");
  ASSERT_TRUE(root->remove_folder("folder", kMayBlock));
  ASSERT_TRUE(root->remove_file("file", kMayBlock));
  expect("0 bytes, 0 files", "all removed");
}

TEST(HostQuota, FailuresAreNotCharged) {
  const TestTree tree;
  tree.write("file", "12345");
  const auto volume = tree.volume({.writable = true, .bytes_max = 100, .files_max = 10});
  const auto root = volume->root(Access::kWrite);
  const std::string before = usage_of(*volume);
  EXPECT_FALSE(root->make_folder("file", kMayBlock));
  EXPECT_FALSE(root->make_folder("missing/x", kMayBlock));
  EXPECT_FALSE(root->symlink("x", "file", kMayBlock));
  EXPECT_FALSE(root->symlink(std::string(200, 'x'), "link", kMayBlock));
  EXPECT_FALSE(root->link("missing", *root, "x", kMayBlock));
  EXPECT_FALSE(root->link("file", *root, "file", kMayBlock));
  EXPECT_FALSE(root->open("missing/x", kBoth, kMayBlock));
  EXPECT_FALSE(root->open("x/", kBoth, kMayBlock));
  EXPECT_FALSE(root->remove_file("missing", kMayBlock));
  EXPECT_FALSE(root->remove_folder("file", kMayBlock));
  const auto file = open_file(*root, "file", kBoth);
  EXPECT_EQ(said(file->write(101, as_bytes("x"), kMayBlock)), "EFBIG");
  EXPECT_EQ(said(file->write(100, as_bytes("x"), kMayBlock)), "ENOSPC");
  EXPECT_EQ(said(file->resize(101, kMayBlock)), "EFBIG");
  EXPECT_EQ(said(file->allocate(50, 51, kMayBlock)), "EFBIG");
  EXPECT_EQ(usage_of(*volume), before);
}

TEST(HostQuota, AWriteTakesWhatStillFits) {
  const TestTree tree;
  const auto volume = tree.volume({.writable = true, .bytes_max = 100});
  const auto root = volume->root(Access::kWrite);
  const auto first = open_file(*root, "first", kBoth);
  const auto second = open_file(*root, "second", kBoth);
  const std::string text(80, 'x');
  EXPECT_EQ(first->write(0, as_bytes(text), kMayBlock), 80u);
  EXPECT_EQ(said(second->resize(21, kMayBlock)), "ENOSPC");
  EXPECT_EQ(said(second->write(20, as_bytes(text), kMayBlock)), "ENOSPC") << "a gap, no more";
  EXPECT_EQ(usage_of(*volume), "80 bytes, 0 files");
  EXPECT_EQ(second->write(19, as_bytes(text), kMayBlock), 1u);
  EXPECT_EQ(said(second->append(as_bytes(text), kMayBlock)), "ENOSPC");
  EXPECT_EQ(said(second->write(20, as_bytes(text), kMayBlock)), "ENOSPC");
  EXPECT_EQ(first->write(79, as_bytes("y"), kMayBlock), 1u) << "overwriting needs no room";
  EXPECT_EQ(first->write(70, as_bytes(text), kMayBlock), 10u) << "up to the old end";
  EXPECT_EQ(usage_of(*volume), "100 bytes, 0 files");
  ASSERT_TRUE(first->resize(0, kMayBlock));
  EXPECT_EQ(second->append(as_bytes(text), kMayBlock)->size, 80u);
}

TEST(HostQuota, NamesAreBounded) {
  const TestTree tree;
  const auto volume = tree.volume({.writable = true, .files_max = 3});
  const auto root = volume->root(Access::kWrite);
  EXPECT_TRUE(root->open("a", kBoth, kMayBlock));
  EXPECT_TRUE(root->make_folder("b", kMayBlock));
  EXPECT_TRUE(root->link("a", *root, "c", kMayBlock));
  EXPECT_EQ(said(root->open("d", kBoth, kMayBlock)), "ENOSPC");
  EXPECT_EQ(said(root->make_folder("d", kMayBlock)), "ENOSPC");
  EXPECT_EQ(said(root->link("a", *root, "d", kMayBlock)), "ENOSPC");
  EXPECT_EQ(said(root->symlink("a", "d", kMayBlock)), "ENOSPC");
  EXPECT_EQ(said(root->open("a", kBoth, kMayBlock)), "ok") << "what is there can be opened";
  EXPECT_TRUE(root->rename("a", *root, "d", kMayBlock));
  EXPECT_TRUE(root->remove_file("c", kMayBlock));
  EXPECT_TRUE(root->symlink("a", "e", kMayBlock));
}

TEST(HostQuota, AnUnlinkedFileStaysChargedUntilTheLastHandleCloses) {
  const TestTree tree;
  const auto volume = tree.volume({.writable = true, .bytes_max = 100, .files_max = 10});
  const auto root = volume->root(Access::kWrite);
  auto writer = open_file(*root, "file", kBoth);
  auto reader = open_file(*volume->root(Access::kRead), "file", {.read = true});
  auto looker = open_file(*root, "file", {});
  ASSERT_TRUE(writer->write(0, as_bytes("12345"), kMayBlock));
  ASSERT_TRUE(root->remove_file("file", kMayBlock));
  EXPECT_EQ(usage_of(*volume), "5 bytes, 1 files");
  ASSERT_TRUE(writer->append(as_bytes("67"), kMayBlock)) << "it can still grow, and pays";
  EXPECT_EQ(usage_of(*volume), "7 bytes, 1 files");
  writer.reset();
  looker.reset();
  EXPECT_EQ(usage_of(*volume), "7 bytes, 1 files");
  reader.reset();
  EXPECT_EQ(usage_of(*volume), "0 bytes, 0 files");

  // The same where a rename takes the name away, and with a second name.
  auto replaced = open_file(*root, "replaced", kBoth);
  ASSERT_TRUE(replaced->write(0, as_bytes("123"), kMayBlock));
  ASSERT_TRUE(root->open("other", kBoth, kMayBlock));
  ASSERT_TRUE(root->link("replaced", *root, "second", kMayBlock));
  ASSERT_TRUE(root->rename("other", *root, "replaced", kMayBlock));
  EXPECT_EQ(usage_of(*volume), "3 bytes, 2 files");
  ASSERT_TRUE(root->remove_file("second", kMayBlock));
  EXPECT_EQ(usage_of(*volume), "3 bytes, 2 files");
  replaced.reset();
  EXPECT_EQ(usage_of(*volume), "0 bytes, 1 files");
}

// One hostile guest's thread: grows, cuts, renames and removes a few files that all threads share.
class Grower final {
 public:
  Grower(std::shared_ptr<Folder> root, std::uint64_t seed)
      : root_(std::move(root)), random_(0x9E3779B97F4A7C15ULL * (seed + 1)) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }
  std::uint64_t refused() const { return refused_; }

 private:
  std::uint64_t random(std::uint64_t below) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return (random_ >> 16) % below;
  }
  std::string name() { return "file" + std::to_string(random(4)); }

  void step() {
    const auto opened = root_->open(name(), kBoth, kMayBlock);
    if (!opened) return;
    File& file = *opened->file;
    const ByteSpan bytes = as_bytes(text_).first(random(text_.size()));
    bool done = true;
    switch (random(7)) {
      case 0: done = file.append(bytes, kMayBlock).has_value(); break;
      case 1: done = file.write(random(60'000), bytes, kMayBlock).has_value(); break;
      case 2: done = file.resize(random(60'000), kMayBlock).has_value(); break;
      case 3:
        done = file.allocate(random(30'000), 1 + random(30'000), kMayBlock).has_value();
        break;
      case 4: may_fail(root_->rename(name(), *root_, name(), kMayBlock)); break;
      case 5: may_fail(root_->link(name(), *root_, name(), kMayBlock)); break;
      default: may_fail(root_->remove_file(name(), kMayBlock)); break;
    }
    if (!done) ++refused_;
  }

  const std::shared_ptr<Folder> root_;
  const std::string text_ = std::string(5000, 'x');
  std::uint64_t random_;
  std::uint64_t refused_ = 0;
};

TEST(HostQuota, ConcurrentGrowersNeverExceedIt) {
  const TestTree tree;
  constexpr std::uint64_t kBytes = 100'000;
  constexpr std::uint64_t kFiles = 8;
  const auto volume = tree.volume({.writable = true, .bytes_max = kBytes, .files_max = kFiles});
  std::vector<Grower> growers;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    growers.emplace_back(volume->root(Access::kWrite), seed);
  }
  std::uint64_t most = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    for (Grower& grower : growers) threads.emplace_back([&grower] { grower.run(300); });
    for (std::thread& thread : threads) thread.join();
    // All is closed: what is on the disk is exactly what is charged, and within the quota.
    ASSERT_EQ(usage_of(*volume), counted(tree)) << "round " << round;
    ASSERT_LE(volume->usage().bytes, kBytes);
    ASSERT_LE(volume->usage().files, kFiles);
    most = std::max(most, volume->usage().bytes);
  }
  std::uint64_t refused = 0;
  for (const Grower& grower : growers) refused += grower.refused();
  EXPECT_GT(most, kBytes / 2) << "the growers have come near the quota";
  EXPECT_GT(refused, 0u) << "and met it";
}

// Opening a file while another thread removes it: whoever gets it pays, or nobody gets it.
TEST(HostQuota, OpeningWhatIsBeingRemovedLeavesNoRoomUnpaid) {
  const TestTree tree;
  const auto volume = tree.volume({.writable = true, .bytes_max = 1000, .files_max = 10});
  const auto root = volume->root(Access::kWrite);
  std::atomic<bool> stop{false};
  std::thread opener([&] {
    while (!stop) {
      const auto opened = root->open("file", {.read = true, .write = true}, kMayBlock);
      if (opened) may_fail(opened->file->append(as_bytes("more"), kMayBlock));
    }
  });
  for (int i = 0; i < 3000; ++i) {
    const auto created = root->open("file", kBoth, kMayBlock);
    if (!created) continue;  // what was opened and removed before may still fill the quota
    may_fail(created->file->write(0, as_bytes("12345"), kMayBlock));
    ASSERT_EQ(said(root->remove_file("file", kMayBlock)), "ok");
  }
  stop = true;
  opener.join();
  EXPECT_EQ(usage_of(*volume), "0 bytes, 0 files");
}

}  // namespace
}  // namespace godwit::capability
