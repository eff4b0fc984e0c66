// What Linux says of paths and names, as tables: each line runs in memory and, unless the memory
// file system is stricter on purpose, on a directory of the kernel, and both must say the same.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "capability/memory_file_system.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

constexpr MemoryLimits kRoomy{.bytes_max = std::uint64_t{16} << 20, .nodes_max = 10'000};

enum class Reference : std::uint8_t { kKernelToo, kMemoryOnly };

struct Line {
  std::string text;
  std::string answer;
  Reference reference = Reference::kKernelToo;
};

void check(const std::vector<Line>& lines) {
  FolderWorld memory(MemoryFileSystem::create(kRoomy, nullptr)->root());
  PosixWorld kernel;
  for (const Line& line : lines) {
    EXPECT_EQ(memory.run(line.text), line.answer) << line.text;
    if (line.reference == Reference::kKernelToo) {
      EXPECT_EQ(kernel.run(line.text), line.answer) << "the kernel: " << line.text;
    }
  }
  EXPECT_EQ(memory.run("tree"), kernel.run("tree"));
}

constexpr Reference kMemoryOnly = Reference::kMemoryOnly;

TEST(MemoryPath, StepsAndSlashes) {
  check({
      {"mkdir a", "ok"},
      {"mkdir a/b/", "ok"},
      {"mkdir a//b//c///", "ok"},
      {"mkdir a", "EEXIST"},
      {"mkdir a/", "EEXIST"},
      {"mkdir .", "EEXIST"},
      {"mkdir a/..", "EEXIST"},
      {"mkdir x/y", "ENOENT"},
      {"mkdir ''", "ENOENT"},
      {"open 0 wc a/f", "file"},
      {"stat a/f", "file links=1 size=0"},
      {"stat a/f/", "ENOTDIR"},
      {"stat a/f/.", "ENOTDIR"},
      {"stat a/f/..", "ENOTDIR"},
      {"stat a/f/g", "ENOTDIR"},
      {"stat a/", "folder"},
      {"stat a/.", "folder"},
      {"stat a/b/../f", "file links=1 size=0"},
      {"stat ./././a/./f", "file links=1 size=0"},
      {"stat a/b/c/../../../a/f", "file links=1 size=0"},
      {"stat nothing", "ENOENT"},
      {"stat nothing/..", "ENOENT"},
      {"stat ''", "ENOENT"},
      {"stat .", "folder"},
      {"stat ./", "folder"},
      {"mkdir a/f", "EEXIST"},
      {"mkdir a/f/g", "ENOTDIR"},
  });
}

TEST(MemoryPath, NeverLeavesItsFolder) {
  check({
      {"mkdir a", "ok"},
      {"mkdir a/b", "ok"},
      {"open 1 rd a", "folder"},
      {"open 0 wcx canary", "file"},
      {"stat ..", "EPERM", kMemoryOnly},
      {"stat ../", "EPERM", kMemoryOnly},
      {"stat /", "EPERM", kMemoryOnly},
      {"stat /etc/passwd", "EPERM", kMemoryOnly},
      {"stat a/../..", "EPERM", kMemoryOnly},
      {"stat 1:..", "EPERM", kMemoryOnly},
      {"stat 1:../a", "EPERM", kMemoryOnly},
      {"stat 1:../canary", "EPERM", kMemoryOnly},
      {"stat 1:b/../../canary", "EPERM", kMemoryOnly},
      {"open 2 r 1:../canary", "EPERM", kMemoryOnly},
      {"open 2 wc 1:../new", "EPERM", kMemoryOnly},
      {"open 2 wc /new", "EPERM", kMemoryOnly},
      {"mkdir 1:../new", "EPERM", kMemoryOnly},
      {"mkdir 1:..", "EPERM", kMemoryOnly},
      {"mkdir /new", "EPERM", kMemoryOnly},
      {"rmdir 1:..", "EPERM", kMemoryOnly},
      {"rmdir 1:../a", "EPERM", kMemoryOnly},
      {"unlink 1:../canary", "EPERM", kMemoryOnly},
      {"unlink 1:..", "EPERM", kMemoryOnly},
      {"unlink /canary", "EPERM", kMemoryOnly},
      {"rename 1:../canary 1:taken", "EPERM", kMemoryOnly},
      {"rename canary 1:../other", "EPERM", kMemoryOnly},
      {"rename 1:.. other", "EPERM", kMemoryOnly},
      {"link 1:../canary 1:taken", "EPERM", kMemoryOnly},
      {"link canary 1:../other", "EPERM", kMemoryOnly},
      {"symlink x 1:../other", "EPERM", kMemoryOnly},
      {"readlink 1:../canary", "EPERM", kMemoryOnly},
      {"symlink /etc/passwd a/l", "EPERM", kMemoryOnly},
      {"symlink / a/l", "EPERM", kMemoryOnly},
  });
}

TEST(MemoryPath, LinksAreJudgedWhenFollowed) {
  check({
      {"mkdir a", "ok"},
      {"mkdir a/b", "ok"},
      {"open 0 wc canary", "file"},
      {"open 1 rd a", "folder"},
      {"symlink ../canary a/up", "ok"},  // fine from the root, a way out from `a`
      {"symlink b/../../canary a/way", "ok"},
      {"symlink .. a/b/parent", "ok"},
      {"stat a/up", "file links=1 size=0"},
      {"stat a/way", "file links=1 size=0"},
      {"stat 1:up", "EPERM", kMemoryOnly},
      {"stat 1:way", "EPERM", kMemoryOnly},
      {"open 2 r 1:up", "EPERM", kMemoryOnly},
      {"open 2 wc 1:up", "EPERM", kMemoryOnly},
      {"open 2 wt 1:up", "EPERM", kMemoryOnly},
      {"lstat 1:up", "link links=1 size=9"},
      {"readlink 1:up", "../canary"},
      {"stat 1:b/parent", "folder"},
      {"stat 1:b/parent/b", "folder"},
      {"stat 1:b/parent/../canary", "EPERM", kMemoryOnly},
      {"mkdir 1:b/parent/new", "ok"},
      {"stat a/new", "folder"},
      {"symlink up 1:chain", "ok"},
      {"stat 1:chain", "EPERM", kMemoryOnly},
      {"stat a/chain", "file links=1 size=0"},
      // Hard links to a link keep its text: what it means depends on where it stands.
      {"link a/up a/b/up", "ok"},
      {"stat a/b/up", "ENOENT"},
      {"open 3 wc a/canary", "file"},
      {"stat 1:b/up", "file links=1 size=0"},
  });
}

TEST(MemoryPath, TheStartMovesOrGoes) {
  check({
      {"mkdir a", "ok"},
      {"mkdir a/b", "ok"},
      {"mkdir c", "ok"},
      {"open 0 wc c/canary", "file"},
      {"open 1 rd a/b", "folder"},
      {"rename a/b c/moved", "ok"},
      {"stat 1:..", "EPERM", kMemoryOnly},
      {"stat 1:../canary", "EPERM", kMemoryOnly},
      {"mkdir 1:in", "ok"},
      {"stat c/moved/in", "folder"},
      {"stat 1:in/..", "folder"},
      {"stat 1:in/../..", "EPERM", kMemoryOnly},
      {"rename c/moved/in c/out", "ok"},
      {"stat 1:in", "ENOENT"},
      {"rmdir c/moved", "ok"},
      {"stat 1:.", "folder"},
      {"list 1", ""},
      {"stat 1:..", "EPERM", kMemoryOnly},
      {"stat 1:x", "ENOENT"},
      {"open 2 r 1:.", "folder"},
      {"open 2 wc 1:x", "ENOENT"},
      {"mkdir 1:x", "ENOENT"},
      {"mkdir 1:x/", "ENOENT"},
      {"symlink y 1:x", "ENOENT"},
      {"link c/canary 1:x", "ENOENT"},
      {"rename c/canary 1:x", "ENOENT"},
      {"rename c/out 1:x", "ENOENT"},
      {"rename 1:x c/.", "EBUSY"},
      {"open 2 wc 1:x/", "EISDIR"},
      {"rename 1:x c/y", "ENOENT"},
      {"unlink 1:x", "ENOENT"},
      {"rmdir 1:x", "ENOENT"},
      {"rmdir 1:.", "EINVAL"},
      {"mkdir c/moved", "ok"},  // the name is another folder now
      {"open 2 wc c/moved/f", "file"},
      {"stat 1:f", "ENOENT"},
  });
}

TEST(MemoryPath, Opening) {
  check({
      {"mkdir d", "ok"},
      {"open 0 rwc f", "file"},
      {"write 0 0 text", "4"},
      {"open 1 wc f", "file"},
      {"read 1 0 4", "EBADF"},
      {"fstat 1", "file links=1 size=4"},
      {"open 1 r f", "file"},
      {"write 1 0 x", "EBADF"},
      {"resize 1 0", "EINVAL"},
      {"allocate 1 0 1", "EBADF"},
      {"allocate 1 0 0", "EINVAL"},
      {"read 1 0 9", "text"},
      {"open 1 wcx f", "EEXIST"},
      {"open 1 wcx d", "EEXIST"},
      {"open 1 wcx .", "EEXIST"},
      {"open 1 wcx d/", "EISDIR"},
      {"open 1 wcx new/", "EISDIR"},
      {"open 1 wc new/", "EISDIR"},
      {"open 1 wc f/", "EISDIR"},
      {"open 1 wc d", "EISDIR"},
      {"open 1 rc d", "EISDIR"},
      {"open 1 rc .", "EISDIR"},
      {"open 1 w d", "EISDIR"},
      {"open 1 rw d", "EISDIR"},
      {"open 1 wd d", "EISDIR"},
      {"open 1 rt d", "EISDIR"},
      {"open 1 r d", "folder"},
      {"open 1 r d/", "folder"},
      {"open 1 rd d", "folder"},
      {"open 1 rd f", "ENOTDIR"},
      {"open 1 wd f", "ENOTDIR"},
      {"open 1 r f/", "ENOTDIR"},
      {"open 1 w f/", "ENOTDIR"},
      {"open 1 r f/x", "ENOTDIR"},
      {"open 1 wc f/x", "ENOTDIR"},
      {"open 1 r g", "ENOENT"},
      {"open 1 w g", "ENOENT"},
      {"open 1 wt g", "ENOENT"},
      {"open 1 rd g", "ENOENT"},
      {"open 1 wc g/h", "ENOENT"},
      {"open 1 r ''", "ENOENT"},
      {"open 1 wc ''", "ENOENT"},
      {"open 1 wcd new", "EINVAL", kMemoryOnly},  // older kernels make a file
      {"open 1 rcd d", "EINVAL", kMemoryOnly},
      {"open 1 wt f", "file"},
      {"fstat 0", "file links=1 size=0"},
      {"open 1 rc made", "file"},
      {"stat made", "file links=1 size=0"},
  });
}

TEST(MemoryPath, OpeningLinks) {
  check({
      {"mkdir d", "ok"},
      {"open 0 wc f", "file"},
      {"symlink f lf", "ok"},
      {"symlink d ld", "ok"},
      {"symlink gone dangling", "ok"},
      {"symlink nowhere/x lost", "ok"},
      {"symlink made/ slashed", "ok"},
      {"open 1 r lf", "file"},
      {"open 1 rn lf", "ELOOP"},
      {"open 1 rn ld", "ELOOP"},
      {"open 1 rn dangling", "ELOOP"},
      {"open 1 wcn dangling", "ELOOP"},
      {"open 1 wcn lf", "ELOOP"},
      {"open 1 wtn lf", "ELOOP"},
      {"open 1 rdn ld", "ENOTDIR"},
      {"open 1 rn lf/", "ENOTDIR"},
      {"open 1 rn ld/", "folder"},  // a slash follows
      {"open 1 r ld", "folder"},
      {"open 1 rd ld", "folder"},
      {"open 1 rd lf", "ENOTDIR"},
      {"open 1 r dangling", "ENOENT"},
      {"open 1 wcx dangling", "EEXIST"},
      {"open 1 wcx lf", "EEXIST"},
      {"open 1 wcxn dangling", "EEXIST"},
      {"stat gone", "ENOENT"},
      {"open 1 wc dangling", "file"},
      {"write 1 0 abc", "3"},
      {"stat gone", "file links=1 size=3"},
      {"open 1 wc lost", "ENOENT"},
      {"open 1 wc slashed", "EISDIR"},
      {"open 1 r slashed", "ENOENT"},
      {"open 1 wc ld/", "EISDIR"},
      {"stat ld/.", "folder"},
      {"lstat ld", "link links=1 size=1"},
      {"lstat ld/", "folder"},
      {"lstat lf/", "ENOTDIR"},
      {"lstat dangling", "link links=1 size=4"},
      {"lstat slashed/", "ENOENT"},
      {"symlink d/ ldslash", "ok"},
      {"open 1 wc ldslash/in", "file"},
      {"stat d/in", "file links=1 size=0"},
      {"stat ldslash", "folder"},
      {"symlink f/ lfslash", "ok"},
      {"stat lfslash", "ENOTDIR"},
      {"open 1 wc lfslash", "EISDIR"},
  });
}

TEST(MemoryPath, LinkChains) {
  check({
      {"symlink self self", "ok"},
      {"stat self", "ELOOP"},
      {"lstat self", "link links=1 size=4"},
      {"open 1 r self", "ELOOP"},
      {"open 1 wc self", "ELOOP"},
      {"stat self/", "ELOOP"},
      {"stat self/x", "ELOOP"},
      {"mkdir self/x", "ELOOP"},
      {"symlink b a", "ok"},
      {"symlink a b", "ok"},
      {"stat a", "ELOOP"},
  });
  FolderWorld memory(MemoryFileSystem::create(kRoomy, nullptr)->root());
  PosixWorld kernel;
  for (FileWorld* const world :
       {static_cast<FileWorld*>(&memory), static_cast<FileWorld*>(&kernel)}) {
    EXPECT_EQ(world->run("mkdir l0"), "ok");
    EXPECT_EQ(world->run("open 0 wc l0/f"), "file");
    for (int i = 1; i <= kMaxLinksFollowed + 1; ++i) {
      EXPECT_EQ(world->run(fmt::format("symlink l{} l{}", i - 1, i)), "ok");
    }
    EXPECT_EQ(world->run("stat l40/f"), "file links=1 size=0");
    EXPECT_EQ(world->run("stat l40"), "folder");
    EXPECT_EQ(world->run("stat l41"), "ELOOP");
    EXPECT_EQ(world->run("stat l41/f"), "ELOOP");
    EXPECT_EQ(world->run("lstat l41"), "link links=1 size=3");
    EXPECT_EQ(world->run("lstat l41/"), "ELOOP");
    // Counted over the whole path, not for each step.
    EXPECT_EQ(world->run("symlink . l0/dot"), "ok");
    std::string path = "l1";
    for (int i = 0; i < kMaxLinksFollowed - 1; ++i) path += "/dot";
    EXPECT_EQ(world->run("stat " + path), "folder");
    EXPECT_EQ(world->run("stat " + path + "/dot"), "ELOOP");
  }
}

TEST(MemoryPath, Removing) {
  check({
      {"mkdir d", "ok"},
      {"open 0 rwc d/f", "file"},
      {"write 0 0 abc", "3"},
      {"symlink d l", "ok"},
      {"symlink nothing dangling", "ok"},
      {"rmdir d", "ENOTEMPTY"},
      {"rmdir d/.", "EINVAL"},
      {"rmdir .", "EINVAL"},
      {"rmdir ./", "EINVAL"},
      {"rmdir d/..", "ENOTEMPTY"},
      {"rmdir d/f", "ENOTDIR"},
      {"rmdir d/f/", "ENOTDIR"},
      {"rmdir l", "ENOTDIR"},
      {"rmdir l/", "ENOTDIR"},
      {"rmdir x", "ENOENT"},
      {"rmdir ''", "ENOENT"},
      {"unlink d", "EISDIR"},
      {"unlink d/", "EISDIR"},
      {"unlink .", "EISDIR"},
      {"unlink d/..", "EISDIR"},
      {"unlink x", "ENOENT"},
      {"unlink x/", "ENOENT"},
      {"unlink ''", "ENOENT"},
      {"unlink d/f/", "ENOTDIR"},
      {"unlink d/f/x", "ENOTDIR"},
      {"unlink l/", "ENOTDIR"},
      {"unlink dangling/", "ENOTDIR"},
      {"unlink l/f", "ok"},
      {"read 0 0 9", "abc"},
      {"write 0 3 def", "3"},
      {"fstat 0", "file links=0 size=6"},
      {"rmdir d/", "ok"},
      {"stat l", "ENOENT"},
      {"unlink l", "ok"},
      {"unlink dangling", "ok"},
      {"unlink l", "ENOENT"},
  });
}

TEST(MemoryPath, Renaming) {
  check({
      {"mkdir d", "ok"},
      {"mkdir d/e", "ok"},
      {"mkdir empty", "ok"},
      {"mkdir full", "ok"},
      {"open 0 wc full/x", "file"},
      {"open 0 wc f", "file"},
      {"write 0 0 f", "1"},
      {"open 0 wc g", "file"},
      {"symlink f l", "ok"},
      {"symlink empty le", "ok"},
      {"rename x y", "ENOENT"},
      {"rename '' y", "ENOENT"},
      {"rename f ''", "ENOENT"},
      {"rename f x/y", "ENOENT"},
      {"rename f g/y", "ENOTDIR"},
      {"rename f f", "ok"},
      {"rename f ./f", "ok"},
      {"rename d d", "ok"},
      {"rename f/ h", "ENOTDIR"},
      {"rename f h/", "ENOTDIR"},
      {"rename f d/", "ENOTDIR"},
      {"rename f d", "EISDIR"},
      {"rename f empty", "EISDIR"},
      {"rename l d", "EISDIR"},
      {"rename d f", "ENOTDIR"},
      {"rename d l", "ENOTDIR"},
      {"rename d le/", "ENOTDIR"},
      {"rename d full", "ENOTEMPTY"},
      {"rename d d/e/x", "EINVAL"},
      {"rename d d/x", "EINVAL"},
      {"rename d d/e", "EINVAL"},
      {"rename d/e d", "ENOTEMPTY"},
      {"rename f d/e/..", "EBUSY"},
      {"rename . x", "EBUSY"},
      {"rename d/. x", "EBUSY"},
      {"rename f .", "EBUSY"},
      {"rename x .", "EBUSY"},
      {"rename d empty", "ok"},
      {"stat d", "ENOENT"},
      {"stat empty/e", "folder"},
      {"rename empty/ d/", "ok"},
      {"stat d/e", "folder"},
      {"rename d/e e", "ok"},
      {"rename f g", "ok"},
      {"stat g", "file links=1 size=1"},
      {"fstat 0", "file links=0 size=0"},  // the old g
      {"rename l k", "ok"},
      {"lstat k", "link links=1 size=1"},
      {"rename k g", "ok"},
      {"lstat g", "link links=1 size=1"},
  });
}

TEST(MemoryPath, HardLinks) {
  check({
      {"mkdir d", "ok"},
      {"open 0 rwc f", "file"},
      {"write 0 0 abc", "3"},
      {"link f d/g", "ok"},
      {"stat f", "file links=2 size=3"},
      {"rename f d/g", "ok"},  // both names of one file: nothing happens
      {"stat f", "file links=2 size=3"},
      {"stat d/g", "file links=2 size=3"},
      {"link f f", "EEXIST"},
      {"link f d", "EEXIST"},
      {"link f d/", "EEXIST"},
      {"link f .", "EEXIST"},
      {"link f x/", "ENOENT"},
      {"link f x/y", "ENOENT"},
      {"link f/ x", "ENOTDIR"},
      {"link d x", "EPERM"},
      {"link d/ x", "EPERM"},
      {"link . x", "EPERM"},
      {"link d x/", "ENOENT"},
      {"link d f", "EEXIST"},
      {"link x y", "ENOENT"},
      {"link '' y", "ENOENT"},
      {"link f ''", "ENOENT"},
      {"symlink f l", "ok"},
      {"link l m", "ok"},  // the link itself
      {"lstat m", "link links=2 size=1"},
      {"stat f", "file links=2 size=3"},
      {"link l/ n", "ENOTDIR"},
      {"unlink f", "ok"},
      {"stat m", "ENOENT"},
      {"stat d/g", "file links=1 size=3"},
      {"read 0 0 9", "abc"},
      {"unlink d/g", "ok"},
      {"fstat 0", "file links=0 size=3"},
  });
}

TEST(MemoryPath, SymbolicLinks) {
  check({
      {"mkdir d", "ok"},
      {"open 0 wc f", "file"},
      {"symlink '' x", "ENOENT"},
      {"symlink t f", "EEXIST"},
      {"symlink t d", "EEXIST"},
      {"symlink t d/", "EEXIST"},
      {"symlink t .", "EEXIST"},
      {"symlink t x/", "ENOENT"},
      {"symlink t x/y", "ENOENT"},
      {"symlink t f/y", "ENOTDIR"},
      {"symlink t ''", "ENOENT"},
      {"symlink some//odd/../text/ l", "ok"},
      {"readlink l", "some//odd/../text/"},
      {"symlink t l", "EEXIST"},
      {"mkdir l", "EEXIST"},
      {"mkdir l/", "EEXIST"},
      {"readlink f", "EINVAL"},
      {"readlink d", "EINVAL"},
      {"readlink .", "EINVAL"},
      {"readlink x", "ENOENT"},
      {"readlink ''", "ENOENT"},
      {"symlink d ld", "ok"},
      {"readlink ld/", "EINVAL"},
  });
}

TEST(MemoryPath, LongNames) {
  const std::string name(kMaxNameBytes, 'n');
  const std::string long_name = name + "n";
  std::string path;  // of exactly kMaxPathBytes
  while (path.size() < kMaxPathBytes - 1) path += "./";
  path += "n";
  ASSERT_EQ(path.size(), kMaxPathBytes);
  check({
      {"mkdir " + name, "ok"},
      {"mkdir " + long_name, "ENAMETOOLONG"},
      {"open 0 wc " + long_name, "ENAMETOOLONG"},
      {"stat " + long_name, "ENAMETOOLONG"},
      {"stat " + long_name + "/x", "ENAMETOOLONG"},
      {"stat nothing/" + long_name, "ENOENT"},
      {"symlink x " + long_name, "ENAMETOOLONG"},
      {"rename " + name + " " + long_name, "ENAMETOOLONG"},
      {"rename " + name + " n", "ok"},
      {"rename nothing " + long_name, "ENOENT"},
      {"link n " + long_name, "ENAMETOOLONG"},
      {"unlink " + long_name, "ENAMETOOLONG"},
      {"rmdir " + long_name, "ENAMETOOLONG"},
      {"stat " + path, "folder"},
      {"stat ./" + path, "ENAMETOOLONG"},
      {"mkdir ./" + path, "ENAMETOOLONG"},
      {"symlink " + path + " l", "ok"},
      {"stat l", "folder"},
      {"symlink ./" + path + " m", "ENAMETOOLONG"},
  });
}

TEST(MemoryPath, OfAnotherFileSystem) {
  auto first = MemoryFileSystem::create(kRoomy, nullptr)->root();
  auto second = MemoryFileSystem::create(kRoomy, nullptr)->root();
  ASSERT_TRUE(first->make_folder("d", Patience::kNone));
  EXPECT_EQ(error_name(first->rename("d", *second, "d", Patience::kNone)), "EXDEV");
  EXPECT_EQ(error_name(first->link("d", *second, "d", Patience::kNone)), "EXDEV");
  EXPECT_NE(first->info(Patience::kNone)->device, second->info(Patience::kNone)->device);
}

}  // namespace
}  // namespace godwit::capability
