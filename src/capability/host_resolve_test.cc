#include "capability/host_resolve.h"

#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "capability/host_test_volume.h"

namespace godwit::capability {
namespace {

struct Volume {
  TestTree tree;
  Fd folder{::open(tree.path("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  HostBase base(Patience patience = kMayBlock) const { return {folder.get(), nullptr, patience}; }
};

TEST(HostResolve, TheKernelHereCanDoIt) {
  const Volume volume;
  EXPECT_EQ(resolve_support(volume.folder.get()), 0);
  EXPECT_EQ(reopen_support(), 0);
}

TEST(HostResolve, PathsThatLeadOutAreRefused) {
  const Volume volume;
  volume.tree.write("a/b/file", "in");
  volume.tree.link("../secret/canary", "out");
  volume.tree.link("a/../../secret", "out_later");
  volume.tree.link(volume.tree.secret("canary"), "absolute");
  volume.tree.link(volume.tree.path("a"), "absolute_inside");
  volume.tree.link("..", "up");
  volume.tree.link("up/up/..", "up_more");
  volume.tree.link("/proc/self/root", "proc_root");
  for (const char* const path : {"..",
                                 "../",
                                 "../.",
                                 "../volume",
                                 "../volume/a",
                                 "a/../..",
                                 "a/../../volume/a/b/file",
                                 "a/b/../../../secret/canary",
                                 "/",
                                 "//",
                                 "/etc/passwd",
                                 "///etc",
                                 "/proc/self/root",
                                 "out",
                                 "out_later",
                                 "out_later/canary",
                                 "absolute",
                                 "absolute_inside",
                                 "absolute_inside/b",
                                 "up",
                                 "up/",
                                 "up/secret",
                                 "up_more",
                                 "proc_root",
                                 "proc_root/etc/passwd",
                                 "a/../up/volume/a"}) {
    for (const Patience patience : {kMayBlock, kNone}) {
      const auto node = open_beneath(volume.base(patience), path, O_PATH);
      ASSERT_FALSE(node) << path;
      // What is not in the kernel's cache yet need not be judged at once.
      if (patience == kNone && node.error() == kWouldBlock) continue;
      EXPECT_EQ(said(node), "EPERM") << path;
    }
  }
  EXPECT_TRUE(volume.tree.canary_untouched());
}

TEST(HostResolve, PathsThatStayInsideAreFound) {
  const Volume volume;
  volume.tree.write("a/b/file", "in");
  volume.tree.link("b/../b/file", "a/inner");
  volume.tree.link("a", "alias");
  volume.tree.link("../a/b/./file", "a/around");
  for (const char* const path : {".", "./", "a", "a/", "a//b", "a/b/file", "a/../a/b/file",
                                 "a/b/..", "a/inner", "alias/b/file", "a/around", "a/./././b"}) {
    EXPECT_EQ(said(open_beneath(volume.base(), path, O_PATH)), "ok") << path;
    // Now it is in the kernel's cache, but a mount that notes each access may still have to write.
    const auto cached = said(open_beneath(volume.base(kNone), path, O_PATH));
    EXPECT_TRUE(cached == "ok" || cached == "EAGAIN") << path << " " << cached;
  }
  EXPECT_EQ(said(open_beneath(volume.base(kNone), ".", O_PATH)), "ok");
}

TEST(HostResolve, ALinkIsFollowedOnlyOnDemandAndASlashDemandsAFolder) {
  const Volume volume;
  volume.tree.write("file", "in");
  volume.tree.link("file", "link");
  volume.tree.link("missing", "dangling");
  const auto node = open_beneath(volume.base(), "link", O_PATH | O_NOFOLLOW);
  ASSERT_TRUE(node);
  EXPECT_TRUE(S_ISLNK(stat_of(node->get())->st_mode));
  EXPECT_EQ(said(open_beneath(volume.base(), "link", O_RDONLY | O_NOFOLLOW)), "ELOOP");
  EXPECT_EQ(said(open_beneath(volume.base(), "link/", O_PATH | O_NOFOLLOW)), "ENOTDIR");
  EXPECT_EQ(said(open_beneath(volume.base(), "file/", O_PATH)), "ENOTDIR");
  EXPECT_EQ(said(open_beneath(volume.base(), "file/.", O_PATH)), "ENOTDIR");
  EXPECT_EQ(said(open_beneath(volume.base(), "dangling", O_PATH)), "ENOENT");
  EXPECT_EQ(said(open_beneath(volume.base(), "dangling", O_PATH | O_NOFOLLOW)), "ok");
}

TEST(HostResolve, LengthsAndNul) {
  const Volume volume;
  using namespace std::string_literals;
  EXPECT_EQ(said(open_beneath(volume.base(), "", O_PATH)), "ENOENT");
  EXPECT_EQ(said(open_beneath(volume.base(), "a\0b"s, O_PATH)), "EINVAL");
  EXPECT_EQ(said(open_beneath(volume.base(), std::string(255, 'n'), O_PATH)), "ENOENT");
  EXPECT_EQ(said(open_beneath(volume.base(), std::string(256, 'n'), O_PATH)), "ENAMETOOLONG");
  std::string path;
  while (path.size() < kMaxPathBytes - 1) path += "./";
  path += ".";
  ASSERT_EQ(path.size(), kMaxPathBytes);
  EXPECT_EQ(said(open_beneath(volume.base(), path, O_PATH)), "ok");
  EXPECT_EQ(said(open_beneath(volume.base(), path + "/", O_PATH)), "ENAMETOOLONG");
  EXPECT_EQ(said(open_beneath(volume.base(), std::string(1 << 20, 'x'), O_PATH)), "ENAMETOOLONG");
}

TEST(HostResolve, FortyLinksAreFollowedAndNotOneMore) {
  const Volume volume;
  volume.tree.write("link0", "end");
  for (int i = 1; i <= kMaxLinksFollowed + 1; ++i) {
    volume.tree.link("link" + std::to_string(i - 1), "link" + std::to_string(i));
  }
  volume.tree.link("self", "self");
  EXPECT_EQ(said(open_beneath(volume.base(), "link40", O_PATH)), "ok");
  EXPECT_EQ(said(open_beneath(volume.base(), "link41", O_PATH)), "ELOOP");
  EXPECT_EQ(said(open_beneath(volume.base(), "self", O_PATH)), "ELOOP");
}

TEST(HostResolve, ReopensExactlyTheNodeThatWasFound) {
  const Volume volume;
  volume.tree.write("file", "first");
  const auto node = open_beneath(volume.base(), "file", O_PATH);
  ASSERT_TRUE(node);
  std::filesystem::rename(volume.tree.path("file"), volume.tree.path("moved"));
  volume.tree.write("file", "another");
  const auto file = reopen(volume.base(), node->get(), O_RDONLY);
  ASSERT_TRUE(file);
  EXPECT_EQ(stat_of(file->get())->st_ino, stat_of(node->get())->st_ino);
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(HostResolve, HandlesAreCountedAndGivenBack) {
  const Volume volume;
  HandleBudget budget(2);
  const HostBase base{.folder = volume.folder.get(), .handles = &budget, .patience = kMayBlock};
  {
    const auto first = open_beneath(base, ".", O_PATH);
    auto second = open_beneath(base, ".", O_PATH);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(budget.used(), 2u);
    EXPECT_EQ(said(open_beneath(base, ".", O_PATH)), "ENFILE");
    EXPECT_EQ(said(reopen(base, first->get(), O_RDONLY)), "ENFILE");
    second->reset();
    EXPECT_EQ(said(open_beneath(base, "nothing", O_PATH)), "ENOENT");
    EXPECT_EQ(budget.used(), 1u) << "a failure holds nothing";
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(HandleBudget, LeavesHalfOfTheProcessLimitAlone) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_GE(HandleBudget::half_of_process_limit(), 16u);
  if (limit.rlim_cur >= 32) {
    EXPECT_LE(HandleBudget::half_of_process_limit(), limit.rlim_cur / 2);
  }
}

TEST(HostSplit, CutsTheLastStepOff) {
  using Kind = LastStep::Kind;
  struct Case {
    std::string_view path, parent, name;
    Kind kind;
    bool trailing_slash;
  };
  for (const Case& expected : std::vector<Case>{
           {"a", "", "a", Kind::kName, false},
           {"a/", "", "a", Kind::kName, true},
           {"a//", "", "a", Kind::kName, true},
           {"a/b", "a/", "b", Kind::kName, false},
           {"a//b/", "a//", "b", Kind::kName, true},
           {"/a", "/", "a", Kind::kName, false},
           {"/", "", "", Kind::kRoot, true},
           {"///", "", "", Kind::kRoot, true},
           {".", "", ".", Kind::kDot, false},
           {"a/.", "a/", ".", Kind::kDot, false},
           {"a/./", "a/", ".", Kind::kDot, true},
           {"..", "", "..", Kind::kDotDot, false},
           {"a/../", "a/", "..", Kind::kDotDot, true},
           {"a/...", "a/", "...", Kind::kName, false},
           {"..a", "", "..a", Kind::kName, false},
       }) {
    const auto step = split_last(expected.path);
    ASSERT_TRUE(step) << expected.path;
    EXPECT_EQ(step->parent, expected.parent) << expected.path;
    EXPECT_EQ(step->name, expected.name) << expected.path;
    EXPECT_EQ(step->kind, expected.kind) << expected.path;
    EXPECT_EQ(step->trailing_slash, expected.trailing_slash) << expected.path;
  }
  using namespace std::string_literals;
  EXPECT_EQ(said(split_last("")), "ENOENT");
  EXPECT_EQ(said(split_last("a\0/b"s)), "EINVAL");
  EXPECT_EQ(said(split_last(std::string(kMaxPathBytes + 1, 'a'))), "ENAMETOOLONG");
}

TEST(HostErrors, NothingStrangeReachesAGuest) {
  EXPECT_EQ(errc_of(EMFILE), std::errc::too_many_files_open_in_system);
  EXPECT_EQ(errc_of(EDQUOT), std::errc::no_space_on_device);
  EXPECT_EQ(errc_of(ESTALE), std::errc::io_error);
  EXPECT_EQ(errc_of(ENOENT), std::errc::no_such_file_or_directory);
  for (int error = 1; error < 200; ++error) {
    EXPECT_NE(errc_of(error), kWouldBlock) << "would be tried again for ever: " << error;
  }
}

}  // namespace
}  // namespace godwit::capability
