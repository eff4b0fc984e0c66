#include "capability/host_file.h"

#include <limits>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "capability/host_test_volume.h"

namespace godwit::capability {
namespace {

constexpr OpenOptions kBoth{.read = true, .write = true, .create = true};

std::string read_at(File& file, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  const auto got = file.read(offset, {reinterpret_cast<std::byte*>(text.data()), size}, kMayBlock);
  if (!got) return said(got);
  text.resize(*got);
  return text;
}

TEST(HostFile, ReadsAndWritesWhereItIsTold) {
  const TestTree tree;
  const auto root = tree.root();
  const auto file = open_file(*root, "file", kBoth);
  EXPECT_EQ(file->write(0, as_bytes("hello"), kMayBlock), 5u);
  EXPECT_EQ(file->write(8, as_bytes("world"), kMayBlock), 5u);
  EXPECT_EQ(read_all(*file), std::string("hello\0\0\0world", 13)) << "the gap is zeros";
  EXPECT_EQ(read_at(*file, 8, 3), "wor");
  EXPECT_EQ(read_at(*file, 8, 100), "world");
  EXPECT_EQ(read_at(*file, 13, 10), "");
  EXPECT_EQ(read_at(*file, 1'000'000, 10), "");
  EXPECT_EQ(file->write(2, as_bytes("LL"), kMayBlock), 2u);
  EXPECT_EQ(read_at(*file, 0, 5), "heLLo");
  EXPECT_EQ(file->write(100, {}, kMayBlock), 0u);
  EXPECT_EQ(file->info(kMayBlock)->size, 13u) << "writing nothing does not grow";
  EXPECT_EQ(said(file->sync(Sync::kData, kMayBlock)), "ok");
  EXPECT_EQ(said(file->sync(Sync::kAll, kMayBlock)), "ok");
  EXPECT_EQ(said(file->sync(Sync::kAll, kNone)), "EAGAIN");
}

TEST(HostFile, AppendsAtTheEndAndSaysWhereThatIs) {
  const TestTree tree;
  const auto root = tree.root();
  const auto file = open_file(*root, "file", kBoth);
  const auto other = open_file(*root, "file", kBoth);
  EXPECT_EQ(file->append(as_bytes("one "), kMayBlock)->end, 4u);
  EXPECT_EQ(other->append(as_bytes("two"), kMayBlock)->end, 7u);
  EXPECT_EQ(file->append({}, kMayBlock)->end, 7u);
  ASSERT_EQ(said(file->resize(3, kMayBlock)), "ok");
  EXPECT_EQ(other->append(as_bytes("!"), kMayBlock)->end, 4u);
  EXPECT_EQ(read_all(*file), "one!");
}

TEST(HostFile, DoesOnlyWhatItWasOpenedFor) {
  const TestTree tree;
  tree.write("file", "content");
  const auto root = tree.root();
  const auto nothing = open_file(*root, "file", {});
  EXPECT_EQ(read_at(*nothing, 0, 1), "EBADF");
  EXPECT_EQ(said(nothing->write(0, as_bytes("x"), kMayBlock)), "EBADF");
  EXPECT_EQ(said(nothing->append(as_bytes("x"), kMayBlock)), "EBADF");
  EXPECT_EQ(said(nothing->resize(0, kMayBlock)), "EINVAL");
  EXPECT_EQ(said(nothing->allocate(0, 10, kMayBlock)), "EBADF");
  EXPECT_EQ(nothing->info(kMayBlock)->size, 7u);
  EXPECT_EQ(said(nothing->set_times({.accessed = {}, .modified = {.what = TimeChange::What::kSet}},
                                    kMayBlock)),
            "ok");
  EXPECT_EQ(nothing->info(kMayBlock)->modified_ns, 0u);

  const auto reader = open_file(*root, "file", {.read = true});
  EXPECT_EQ(said(reader->write(0, as_bytes("x"), kMayBlock)), "EBADF");
  EXPECT_EQ(said(reader->resize(0, kMayBlock)), "EINVAL");
  const auto writer = open_file(*root, "file", {.write = true});
  EXPECT_EQ(read_at(*writer, 0, 1), "EBADF");
  EXPECT_EQ(tree.read("file"), "content");
}

TEST(HostFile, ResizesAndAllocates) {
  const TestTree tree;
  const auto root = tree.root();
  const auto file = open_file(*root, "file", kBoth);
  ASSERT_EQ(said(file->resize(10, kMayBlock)), "ok");
  EXPECT_EQ(read_all(*file), std::string(10, '\0'));
  ASSERT_EQ(said(file->resize(4, kMayBlock)), "ok");
  EXPECT_EQ(file->info(kMayBlock)->size, 4u);
  EXPECT_EQ(said(file->allocate(0, 0, kMayBlock)), "EINVAL");
  EXPECT_EQ(said(file->resize(1, kNone)), "EAGAIN");
  EXPECT_EQ(said(file->allocate(0, 1, kNone)), "EAGAIN");
  const auto allocated = said(file->allocate(100, 50, kMayBlock));
  EXPECT_TRUE(allocated == "ok" || allocated == "ENOTSUP") << allocated;
  EXPECT_EQ(file->info(kMayBlock)->size, allocated == "ok" ? 150u : 4u);
}

TEST(HostFile, HugeOffsetsAreErrorsAndNotSignals) {
  const TestTree tree;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kHalf = kMax / 2;
  // With a quota its size decides, without one what the kernel can say (and the file system has).
  for (const std::uint64_t bytes_max : {std::uint64_t{1} << 30, kNoQuota}) {
    const auto file =
        open_file(*tree.root({.writable = true, .bytes_max = bytes_max}), "file", kBoth);
    for (const std::uint64_t offset : {kMax, kMax - 1, kHalf + 1, kHalf, kHalf - 1}) {
      if (bytes_max == kNoQuota && offset < kHalf) continue;
      EXPECT_EQ(said(file->write(offset, as_bytes("xy"), kMayBlock)), "EFBIG") << offset;
      EXPECT_EQ(said(file->allocate(offset, kMax, kMayBlock)), "EFBIG") << offset;
      const std::string read = read_at(*file, offset, 100);
      EXPECT_TRUE(read.empty() || read == "EINVAL") << offset << read;
    }
    EXPECT_EQ(said(file->resize(kMax, kMayBlock)), "EFBIG");
    EXPECT_EQ(said(file->resize(kHalf + 1, kMayBlock)), "EFBIG");
    EXPECT_EQ(said(file->allocate(1, kMax, kMayBlock)), "EFBIG");
    EXPECT_EQ(said(file->advise(kMax, 1, Advice::kWillNeed, kMayBlock)), "EINVAL");
    for (const Advice advice : {Advice::kNormal, Advice::kSequential, Advice::kRandom,
                                Advice::kWillNeed, Advice::kDontNeed, Advice::kNoReuse}) {
      EXPECT_EQ(said(file->advise(0, kMax, advice, kMayBlock)), "ok");
    }
    EXPECT_EQ(file->info(kMayBlock)->size, 0u);
  }
}

[[noreturn]] void write_beyond_the_process_limit(const TestTree& tree) {
  const rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
  CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const auto file = open_file(*tree.root(), "file", kBoth);
  const std::string text(2000, 'x');
  const auto fits = file->write(0, as_bytes(text), kMayBlock);
  CHECK(fits && *fits == 1000, said(fits));
  const auto beyond = file->write(1000, as_bytes(text), kMayBlock);
  CHECK(said(beyond) == "EFBIG", said(beyond));
  CHECK(said(file->append(as_bytes(text), kMayBlock)) == "EFBIG");
  CHECK(said(file->resize(1001, kMayBlock)) == "EFBIG");
  CHECK(said(file->allocate(0, 1001, kMayBlock)) == "EFBIG");
  std::_Exit(0);
}

TEST(HostFileDeathTest, TheProcessesFileSizeLimitDoesNotEndTheServer) {
  const TestTree tree;
  EXPECT_EXIT(write_beyond_the_process_limit(tree), testing::ExitedWithCode(0), "");
}

TEST(HostFile, WithoutPatienceAReadComesFromTheCache) {
  const TestTree tree;
  const std::string text(100'000, 'x');
  tree.write("file", text);
  const auto file = open_file(*tree.root(), "file", kBoth);
  std::string out(text.size(), '\0');
  const MutableByteSpan buffer(reinterpret_cast<std::byte*>(out.data()), out.size());
  ASSERT_EQ(file->read(0, buffer, kMayBlock), text.size());
  const auto cached = file->read(0, buffer, kNone);
  if (cached) {
    EXPECT_EQ(out.substr(0, *cached), text.substr(0, *cached));
  } else {
    EXPECT_EQ(said(cached), "EAGAIN") << "a file system that can't tell (tmpfs)";
  }
  const auto written = file->write(0, as_bytes("y"), kNone);
  EXPECT_TRUE(said(written) == "ok" || said(written) == "EAGAIN") << said(written);
  EXPECT_EQ(tree.read("file")[0], written ? 'y' : 'x') << "all or nothing";
  EXPECT_EQ(said(file->set_times({}, kNone)), "EAGAIN");
}

TEST(HostFile, SynchronousWritesNeverHoldAWorker) {
  const TestTree tree;
  OpenOptions options = kBoth;
  for (const Sync sync : {Sync::kData, Sync::kAll}) {
    options.sync = sync;
    const auto file = open_file(*tree.root(), "file", options);
    EXPECT_EQ(said(file->write(0, as_bytes("x"), kNone)), "EAGAIN");
    EXPECT_EQ(said(file->write(0, as_bytes("x"), kMayBlock)), "ok");
  }
  EXPECT_EQ(tree.read("file"), "x");
}

TEST(HostFile, SaysWhenItsEndMayTakeLong) {
  const TestTree tree;
  tree.write("file", "x");
  const auto root = tree.root();
  EXPECT_TRUE(open_file(*root, "file", kBoth)->closing_may_block());
  const auto reader = open_file(*root, "file", {.read = true});
  ASSERT_EQ(said(root->remove_file("file", kMayBlock)), "ok");
  EXPECT_TRUE(reader->closing_may_block()) << "its end frees the blocks";
  EXPECT_EQ(read_all(*reader), "x");
}

}  // namespace
}  // namespace godwit::capability
