// Bounds, and what a hostile guest tries against them.
#include <functional>
#include <string>
#include <vector>

#include <malloc.h>

#include <gtest/gtest.h>

#include "capability/memory_file_system.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

constexpr Patience kNone = Patience::kNone;
constexpr std::uint64_t kBlock = MemoryFileSystem::kBlockBytes;
constexpr std::uint64_t kNode = MemoryFileSystem::kNodeBytes;
constexpr std::uint64_t kEntry = MemoryFileSystem::kEntryBytes;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kMost = ~std::uint64_t{0};
// A file with a name of one byte.
constexpr std::uint64_t kFile = kNode + kEntry + 1;

std::shared_ptr<File> make_file(Folder& folder, std::string_view path) {
  const auto opened = folder.open(path, {.read = true, .write = true, .create = true}, kNone);
  return opened ? opened->file : nullptr;
}

struct Fixture {
  explicit Fixture(const MemoryLimits& limits, std::uint64_t budget_bytes = kMost)
      : budget(std::make_shared<MemoryBudget>(budget_bytes)),
        files(MemoryFileSystem::create(limits, budget)),
        root(files->root()) {}

  std::shared_ptr<MemoryBudget> budget;
  std::shared_ptr<MemoryFileSystem> files;
  std::shared_ptr<Folder> root;
};

TEST(MemoryBudget, GrantsUpToItsLimit) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.charge(60));
  EXPECT_FALSE(budget.charge(41));
  EXPECT_EQ(budget.charge_up_to(80, 16), 32u);
  EXPECT_EQ(budget.charge_up_to(16, 16), 0u);
  EXPECT_TRUE(budget.charge(0));
  EXPECT_EQ(budget.used_bytes(), 92u);
  EXPECT_FALSE(budget.charge(kMost));
  budget.set_limit(10);
  EXPECT_FALSE(budget.charge(1));
  budget.release(92);
  EXPECT_TRUE(budget.charge(10));
  budget.release(10);
}

TEST(MemoryLimitsTest, ChargesExactly) {
  Fixture fixture({.bytes_max = kMiB, .nodes_max = 100});
  Folder& root = *fixture.root;
  const auto used = [&] {
    EXPECT_EQ(fixture.files->used_bytes(), fixture.budget->used_bytes());
    return fixture.files->used_bytes();
  };
  EXPECT_EQ(used(), 0u) << "the root is free";
  EXPECT_EQ(fixture.files->node_count(), 0u);
  auto file = make_file(root, "f");
  EXPECT_EQ(used(), kFile);
  ASSERT_TRUE(file->write(0, as_bytes("x"), kNone));
  EXPECT_EQ(used(), kFile + kBlock);
  ASSERT_TRUE(file->write(kBlock - 1, as_bytes("x"), kNone));
  EXPECT_EQ(used(), kFile + kBlock);
  ASSERT_TRUE(file->write(kBlock - 1, as_bytes("xy"), kNone));
  EXPECT_EQ(used(), kFile + 2 * kBlock);
  ASSERT_TRUE(file->write(9 * kBlock, as_bytes("x"), kNone));
  EXPECT_EQ(used(), kFile + 10 * kBlock) << "holes are charged";
  ASSERT_TRUE(file->resize(20 * kBlock, kNone));
  EXPECT_EQ(used(), kFile + 20 * kBlock);
  ASSERT_TRUE(file->write(15 * kBlock, as_bytes("x"), kNone));
  EXPECT_EQ(used(), kFile + 20 * kBlock) << "and not twice";
  ASSERT_TRUE(file->allocate(20 * kBlock, 1, kNone));
  EXPECT_EQ(used(), kFile + 21 * kBlock);
  ASSERT_TRUE(file->resize(kBlock + 1, kNone));
  EXPECT_EQ(used(), kFile + 2 * kBlock);
  ASSERT_TRUE(root.link("f", root, "another", kNone));
  EXPECT_EQ(used(), kFile + 2 * kBlock + kEntry + 7);
  EXPECT_EQ(fixture.files->node_count(), 1u);
  ASSERT_TRUE(root.remove_file("f", kNone));
  EXPECT_EQ(used(), kNode + 2 * kBlock + kEntry + 7);
  ASSERT_TRUE(root.rename("another", root, "a", kNone));
  EXPECT_EQ(used(), kFile + 2 * kBlock);
  ASSERT_TRUE(root.remove_file("a", kNone));
  EXPECT_EQ(used(), kNode + 2 * kBlock) << "still open";
  EXPECT_EQ(fixture.files->node_count(), 1u);
  file.reset();
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(fixture.files->node_count(), 0u);
  ASSERT_TRUE(root.symlink("target", "l", kNone));
  EXPECT_EQ(used(), kFile + 6);
  ASSERT_TRUE(root.make_folder("d", kNone));
  EXPECT_EQ(used(), 2 * kFile + 6);
  auto folder = root.open("d", {.read = true}, kNone)->folder;
  ASSERT_TRUE(root.remove_folder("d", kNone));
  EXPECT_EQ(used(), kFile + 6 + kNode);
  folder.reset();
  EXPECT_EQ(used(), kFile + 6);
}

TEST(MemoryLimitsTest, WritesWhatStillFits) {
  Fixture fixture({.bytes_max = kFile + 3 * kBlock, .nodes_max = 100});
  const auto file = make_file(*fixture.root, "f");
  const std::string text(5 * kBlock, 't');
  EXPECT_EQ(*file->write(100, as_bytes(text), kNone), 3 * kBlock - 100);
  EXPECT_EQ(fixture.files->used_bytes(), kFile + 3 * kBlock);
  EXPECT_EQ(error_name(file->write(3 * kBlock, as_bytes("x"), kNone)), "ENOSPC");
  EXPECT_EQ(error_name(file->append(as_bytes("x"), kNone)), "ENOSPC");
  EXPECT_EQ(*file->write(0, as_bytes(text), kNone), 3 * kBlock) << "over what is there";
  EXPECT_EQ(file->info(kNone)->size, 3 * kBlock);
  EXPECT_EQ(error_name(file->resize(3 * kBlock + 1, kNone)), "ENOSPC");
  EXPECT_EQ(error_name(file->allocate(0, 3 * kBlock + 1, kNone)), "ENOSPC");
  ASSERT_TRUE(file->resize(kBlock - 1, kNone));
  EXPECT_EQ(error_name(file->write(3 * kBlock, as_bytes("x"), kNone)), "ENOSPC");
  EXPECT_EQ(file->info(kNone)->size, kBlock - 1) << "a gap that does not fit changes nothing";
  EXPECT_EQ(fixture.files->used_bytes(), kFile + kBlock);
  EXPECT_EQ(file->append(as_bytes(text), kNone)->size, 2 * kBlock + 1);
}

TEST(MemoryLimitsTest, HugeNumbersDoNotOverflow) {
  for (const std::uint64_t bytes_max : {kMiB, kMost}) {
    Fixture fixture({.bytes_max = bytes_max, .nodes_max = kMost}, kMiB);
    const auto file = make_file(*fixture.root, "f");
    for (const std::uint64_t offset : {kMost, kMost - 1, kMost / 2, kMost / 2 + 1}) {
      EXPECT_EQ(error_name(file->write(offset, as_bytes("xyz"), kNone)), "EFBIG") << offset;
      EXPECT_EQ(error_name(file->resize(offset, kNone)), "EFBIG") << offset;
      EXPECT_EQ(error_name(file->allocate(offset, 1, kNone)), "EFBIG") << offset;
      EXPECT_EQ(error_name(file->allocate(1, offset, kNone)), "EFBIG") << offset;
      EXPECT_EQ(error_name(file->allocate(offset, offset, kNone)), "EFBIG") << offset;
      Bytes bytes(8);
      EXPECT_EQ(*file->read(offset, bytes, kNone), 0u);
    }
    EXPECT_EQ(error_name(file->resize(kMiB, kNone)), "ENOSPC");
    EXPECT_EQ(error_name(file->write(kMiB - 1, as_bytes("x"), kNone)), "ENOSPC");
    EXPECT_EQ(error_name(file->resize(kMiB + 1, kNone)), bytes_max == kMiB ? "EFBIG" : "ENOSPC");
    EXPECT_EQ(file->info(kNone)->size, 0u);
    EXPECT_EQ(fixture.files->used_bytes(), kFile);
  }
}

TEST(MemoryLimitsTest, HugeSparseFilesTakeNoMoreThanTheyMay) {
  // Every file a hole with one byte at its end, as many as there is room for.
  Fixture fixture({.bytes_max = 64 * kMiB, .nodes_max = kMost});
  int made = 0;
  while (const auto file = make_file(*fixture.root, fmt::format("f{}", made))) {
    if (!file->write(4 * kMiB - 1, as_bytes("x"), kNone)) break;
    ++made;
  }
  EXPECT_EQ(made, 15);
  EXPECT_LE(fixture.files->used_bytes(), 64 * kMiB);
}

TEST(MemoryLimitsTest, NodesAreCounted) {
  Fixture fixture({.bytes_max = kMiB, .nodes_max = 3});
  Folder& root = *fixture.root;
  EXPECT_TRUE(root.make_folder("d", kNone));
  EXPECT_TRUE(root.symlink("x", "l", kNone));
  auto file = make_file(root, "f");
  const std::uint64_t used = fixture.files->used_bytes();
  EXPECT_EQ(make_file(root, "g"), nullptr);
  EXPECT_EQ(error_name(root.open("g", {.write = true, .create = true}, kNone)), "ENOSPC");
  EXPECT_EQ(error_name(root.make_folder("g", kNone)), "ENOSPC");
  EXPECT_EQ(error_name(root.symlink("x", "g", kNone)), "ENOSPC");
  EXPECT_EQ(error_name(root.info_of("g", Follow::kNo, kNone)), "ENOENT");
  EXPECT_EQ(fixture.files->used_bytes(), used) << "what failed is not charged";
  EXPECT_TRUE(root.link("f", root, "g", kNone)) << "a name is not a node";
  ASSERT_TRUE(root.remove_file("f", kNone));
  ASSERT_TRUE(root.remove_file("g", kNone));
  EXPECT_EQ(make_file(root, "h"), nullptr) << "removed, but open";
  file.reset();
  EXPECT_NE(make_file(root, "h"), nullptr);
}

TEST(MemoryLimitsTest, ManyTinyFiles) {
  Fixture fixture({.bytes_max = kMiB, .nodes_max = kMost});
  std::uint64_t made = 0;
  while (make_file(*fixture.root, fmt::format("{:04}", made)) != nullptr) ++made;
  EXPECT_EQ(made, kMiB / (kNode + kEntry + 4));
  EXPECT_LE(fixture.files->used_bytes(), kMiB);
  // Full: removing works, and gives back what it took.
  ASSERT_TRUE(fixture.root->remove_file("0000", kNone));
  EXPECT_NE(make_file(*fixture.root, "new"), nullptr);
  fixture.root.reset();
  fixture.files.reset();
  EXPECT_EQ(fixture.budget->used_bytes(), 0u);
}

TEST(MemoryLimitsTest, ExhaustingWithNames) {
  Fixture fixture({.bytes_max = kMiB, .nodes_max = 10});
  Folder& root = *fixture.root;
  ASSERT_NE(make_file(root, "f"), nullptr);
  const std::string tail(kMaxNameBytes - 8, 'n');
  std::uint64_t made = 0;
  while (root.link("f", root, fmt::format("{:08}{}", made, tail), kNone)) ++made;
  EXPECT_EQ(made, (kMiB - kFile) / (kEntry + kMaxNameBytes));
  EXPECT_EQ(root.info_of("f", Follow::kNo, kNone)->links, made + 1);
  // A longer name in place of a shorter one is a way to grow, too.
  ASSERT_TRUE(root.remove_file(fmt::format("{:08}{}", 0, tail), kNone));
  std::uint64_t short_names = 0;
  while (root.link("f", root, fmt::format("s{}", short_names), kNone)) ++short_names;
  EXPECT_EQ(error_name(root.rename("s0", root, std::string(kMaxNameBytes, 'x'), kNone)), "ENOSPC");
  EXPECT_TRUE(root.info_of("s0", Follow::kNo, kNone)) << "still there";
  EXPECT_TRUE(root.rename("s0", root, "t0", kNone)) << "as long as before";
  EXPECT_LE(fixture.files->used_bytes(), kMiB);
  // Nor does the target of a link come for nothing.
  Fixture links({.bytes_max = kMiB, .nodes_max = kMost});
  std::uint64_t linked = 0;
  while (
      links.root->symlink(std::string(kMaxPathBytes, 't'), fmt::format("{:08}", linked), kNone)) {
    ++linked;
  }
  EXPECT_EQ(linked, kMiB / (kNode + kEntry + 8 + kMaxPathBytes));
}

TEST(MemoryLimitsTest, DeepNesting) {
  constexpr int kMaxDepth = MemoryFileSystem::kMaxDepth;
  Fixture fixture({.bytes_max = 16 * kMiB, .nodes_max = kMost});
  std::shared_ptr<Folder> at = fixture.root;
  for (int depth = 1; depth <= kMaxDepth; ++depth) {
    ASSERT_TRUE(at->make_folder("d", kNone)) << depth;
    at = at->open("d", {.read = true}, kNone)->folder;
  }
  EXPECT_EQ(error_name(at->make_folder("d", kNone)), "ENAMETOOLONG");
  EXPECT_NE(make_file(*at, "f"), nullptr) << "files may stand in the deepest";
  // Nor by putting one tower upon another.
  Folder& root = *fixture.root;
  ASSERT_TRUE(root.make_folder("tower", kNone));
  ASSERT_TRUE(root.make_folder("tower/up", kNone));
  EXPECT_EQ(error_name(root.rename("tower", *at, "tower", kNone)), "ENAMETOOLONG");
  EXPECT_EQ(error_name(root.rename("d", root, "tower/up/d", kNone)), "ENAMETOOLONG");
  EXPECT_TRUE(root.info_of("tower/up", Follow::kNo, kNone));
  EXPECT_TRUE(root.rename("d/d", root, "tower/d", kNone)) << "as deep as it was";
  EXPECT_EQ(error_name(root.rename("tower/d", root, "tower/up/d", kNone)), "ENAMETOOLONG");
  EXPECT_TRUE(root.rename("tower/d/d", root, "e", kNone));
  EXPECT_TRUE(root.rename("tower/d", root, "tower/up/d", kNone)) << "its tower is gone";
  EXPECT_EQ(error_name(at->make_folder("d/d", kNone)), "ENOENT");
  EXPECT_TRUE(at->make_folder("d", kNone)) << "there are fewer above it now";
}

TEST(MemoryLimitsTest, DeepTowersGoWithoutRecursion) {
  auto fixture =
      std::make_unique<Fixture>(MemoryLimits{.bytes_max = 64 * kMiB, .nodes_max = kMost});
  std::shared_ptr<Folder> at = fixture->root;
  for (int tower = 0; tower < 20; ++tower) {
    at = fixture->root;
    for (int depth = 0; depth < MemoryFileSystem::kMaxDepth - 1; ++depth) {
      const std::string name = depth == 0 ? fmt::format("t{}", tower) : "d";
      ASSERT_TRUE(at->make_folder(name, kNone));
      at = at->open(name, {.read = true}, kNone)->folder;
      ASSERT_NE(make_file(*at, "f"), nullptr);
      ASSERT_TRUE(at->link("f", *at, "g", kNone));
    }
  }
  const auto budget = fixture->budget;
  fixture.reset();
  EXPECT_GT(budget->used_bytes(), 0u) << "the deepest is still open";
  at.reset();
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(MemoryLimitsTest, LongWaysEnd) {
  // The longest way that a path can have: every link leads over a long detour to the next.
  Fixture fixture({.bytes_max = 16 * kMiB, .nodes_max = 1000});
  Folder& root = *fixture.root;
  ASSERT_TRUE(root.make_folder("d", kNone));
  std::string detour;
  while (detour.size() < kMaxPathBytes - 12) detour += "d/../";
  ASSERT_TRUE(root.symlink("d", "l0", kNone));
  for (int i = 1; i < 2 * kMaxLinksFollowed; ++i) {
    ASSERT_TRUE(root.symlink(detour + fmt::format("l{}", i - 1), fmt::format("l{}", i), kNone));
  }
  EXPECT_TRUE(root.info_of(fmt::format("l{}", kMaxLinksFollowed - 1), Follow::kYes, kNone));
  EXPECT_EQ(error_name(root.info_of(fmt::format("l{}", kMaxLinksFollowed), Follow::kYes, kNone)),
            "ELOOP");
}

TEST(MemoryLimitsTest, ListsAreBounded) {
  Fixture fixture({.bytes_max = 16 * kMiB, .nodes_max = kMost});
  ASSERT_NE(make_file(*fixture.root, "f"), nullptr);
  const std::string tail(200, 'n');
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(fixture.root->link("f", *fixture.root, fmt::format("{}{}", tail, i), kNone));
  }
  const auto entries = *fixture.root->list(0, kMost, kNone);
  EXPECT_LT(entries.size(), 400u);
  EXPECT_GT(entries.size(), 200u);
}

// How much memory the allocator has given out.
std::uint64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

struct Attack {
  const char* what;
  // One more step; false: it was refused.
  std::function<bool(Folder&, int)> step;
};

TEST(MemoryLimitsTest, RealMemoryIsWhatWasCharged) {
#if defined(GODWIT_SANITIZED)
  GTEST_SKIP() << "a sanitizer's allocator does not tell";
#endif
  const std::string block(kBlock, 'x');
  const std::string name(kMaxNameBytes - 8, 'n');
  const Attack attacks[] = {
      {"one large file",
       [&](Folder& root, int) {
         return make_file(root, "f")->append(as_bytes(block), kNone).has_value();
       }},
      {"tiny files",
       [](Folder& root, int i) {
         const auto file = make_file(root, fmt::format("{}", i));
         return file != nullptr && file->write(0, as_bytes("x"), kNone);
       }},
      {"empty files",
       [](Folder& root, int i) { return make_file(root, fmt::format("{}", i)) != nullptr; }},
      {"folders", [](Folder& root,
                     int i) { return root.make_folder(fmt::format("{}", i), kNone).has_value(); }},
      {"long names",
       [&](Folder& root, int i) {
         return make_file(root, fmt::format("{:08}{}", i, name)) != nullptr;
       }},
      {"hard links",
       [](Folder& root, int i) {
         if (i == 0) return make_file(root, "f") != nullptr;
         return root.link("f", root, fmt::format("{:016}", i), kNone).has_value();
       }},
      {"links",
       [](Folder& root, int i) {
         return root.symlink(std::string(16, 't'), fmt::format("{:016}", i), kNone).has_value();
       }},
      {"files that were large",
       [](Folder& root, int i) {
         const auto file = make_file(root, fmt::format("{}", i));
         if (file == nullptr) return false;
         if (!file->write(2 * kMiB, as_bytes("x"), kNone)) return false;
         return file->resize(1, kNone).has_value();
       }},
      {"bytes at the ends of holes",
       [](Folder& root, int i) {
         const auto file = make_file(root, fmt::format("{}", i));
         return file != nullptr && file->write(kMiB - 1, as_bytes("x"), kNone);
       }},
  };
  for (const Attack& attack : attacks) {
    Fixture fixture({.bytes_max = 8 * kMiB, .nodes_max = kMost});
    const std::uint64_t before = allocated_bytes();
    int steps = 0;
    while (attack.step(*fixture.root, steps)) ++steps;
    const std::uint64_t taken = allocated_bytes() - before;
    EXPECT_LE(taken, fixture.files->used_bytes() + fixture.files->used_bytes() / 100)
        << attack.what << ", " << steps << " steps";
  }
}

TEST(MemoryLimitsTest, AllTogetherAreBounded) {
  auto budget = std::make_shared<MemoryBudget>(4 * kMiB);
  std::vector<std::shared_ptr<Folder>> roots;
  std::uint64_t written = 0;
  for (int i = 0; i < 10; ++i) {
    auto files = MemoryFileSystem::create({.bytes_max = kMiB, .nodes_max = 10}, budget);
    roots.push_back(files->root());
    const auto file = make_file(*roots.back(), "f");
    if (file == nullptr) continue;
    const auto size = file->write(0, as_bytes(std::string(kMiB, 'x')), kNone);
    if (size) written += *size;
  }
  EXPECT_LE(budget->used_bytes(), 4 * kMiB);
  EXPECT_GT(written, 4 * kMiB - 16 * kBlock);
  EXPECT_LE(written, 4 * kMiB);
  EXPECT_EQ(make_file(*roots.back(), "g"), nullptr);
  roots.erase(roots.begin());
  EXPECT_NE(make_file(*roots.back(), "g"), nullptr) << "one went, there is room";
  roots.clear();
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(MemoryLimitsTest, LimitsChangeUnderWay) {
  Fixture fixture({.bytes_max = kMiB, .nodes_max = 10});
  const auto file = make_file(*fixture.root, "f");
  ASSERT_EQ(*file->write(0, as_bytes(std::string(10 * kBlock, 'x')), kNone), 10 * kBlock);
  fixture.files->set_limits({.bytes_max = 2 * kBlock, .nodes_max = 1});
  EXPECT_EQ(*file->write(9 * kBlock, as_bytes("over"), kNone), 4u);
  EXPECT_EQ(error_name(file->append(as_bytes("x"), kNone)), "EFBIG");
  EXPECT_EQ(make_file(*fixture.root, "g"), nullptr);
  ASSERT_TRUE(file->resize(100, kNone)) << "smaller is always possible";
  EXPECT_EQ(error_name(file->write(2 * kBlock, as_bytes("x"), kNone)), "EFBIG");
  EXPECT_EQ(file->append(as_bytes("x"), kNone)->size, 1u);
  fixture.files->set_limits({.bytes_max = kMiB, .nodes_max = 2});
  EXPECT_NE(make_file(*fixture.root, "g"), nullptr);
  EXPECT_EQ(*file->write(20 * kBlock, as_bytes("x"), kNone), 1u);
}

TEST(MemoryLimitsTest, NothingIsGrantedAtZero) {
  Fixture fixture({.bytes_max = 0, .nodes_max = 0});
  EXPECT_EQ(error_name(fixture.root->make_folder("d", kNone)), "ENOSPC");
  EXPECT_EQ(fixture.root->list(0, 100, kNone)->size(), 2u);
}

}  // namespace
}  // namespace godwit::capability
