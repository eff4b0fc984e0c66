// Making, moving and removing names: what succeeds, and what Linux would say to the rest.
#include <string>

#include <gtest/gtest.h>

#include "capability/host_test_volume.h"

namespace godwit::capability {
namespace {

struct Volume {
  TestTree tree;
  std::shared_ptr<Folder> root = tree.root();

  Volume() {
    tree.write("file", "content");
    tree.write("folder/inner", "x");
    std::filesystem::create_directory(tree.path("empty"));
    tree.link("file", "to_file");
    tree.link("folder", "to_folder");
    tree.link("empty", "to_empty");
    tree.link("nowhere", "dangling");
    tree.link("../secret", "out");
  }
  ~Volume() { EXPECT_TRUE(tree.canary_untouched()); }
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;
};

struct Case {
  std::string path;
  std::string said;
};

const std::string kLongestName(255, 'n');
const std::string kTooLongName(256, 'n');
const std::string kTooLongPath(4096, 'p');
const std::string kNul("a\0b", 3);

TEST(HostNames, MakeFolder) {
  const Volume volume;
  for (const auto& [path, expected] : {Case{"new", "ok"},
                                       Case{"new", "EEXIST"},
                                       Case{"slash/", "ok"},
                                       Case{"folder//deep", "ok"},
                                       Case{"to_folder/through", "ok"},
                                       Case{"folder/../up_and_down", "ok"},
                                       Case{kLongestName, "ok"},
                                       Case{kTooLongName, "ENAMETOOLONG"},
                                       Case{kTooLongName + "/", "ENAMETOOLONG"},
                                       Case{kTooLongPath, "ENAMETOOLONG"},
                                       Case{kNul, "EINVAL"},
                                       Case{"", "ENOENT"},
                                       Case{".", "EEXIST"},
                                       Case{"./", "EEXIST"},
                                       Case{"folder/.", "EEXIST"},
                                       Case{"folder/..", "EEXIST"},
                                       Case{"missing/.", "ENOENT"},
                                       Case{"..", "EPERM"},
                                       Case{"/", "EPERM"},
                                       Case{"/new", "EPERM"},
                                       Case{"../new", "EPERM"},
                                       Case{"../volume/new2", "EPERM"},
                                       Case{"folder/../../secret/new", "EPERM"},
                                       Case{"out/new", "EPERM"},
                                       Case{"file", "EEXIST"},
                                       Case{"file/", "EEXIST"},
                                       Case{"file/new", "ENOTDIR"},
                                       Case{"dangling", "EEXIST"},
                                       Case{"dangling/", "EEXIST"},
                                       Case{"out", "EEXIST"},
                                       Case{"out/", "EEXIST"},
                                       Case{"missing/new", "ENOENT"}}) {
    EXPECT_EQ(said(volume.root->make_folder(path, kMayBlock)), expected) << path;
  }
  EXPECT_TRUE(volume.tree.exists("folder/deep"));
  EXPECT_TRUE(volume.tree.exists("folder/through"));
  EXPECT_FALSE(volume.tree.exists("nowhere"));
}

TEST(HostNames, RemoveFolder) {
  const Volume volume;
  for (const auto& [path, expected] : {Case{"folder", "ENOTEMPTY"},
                                       Case{"file", "ENOTDIR"},
                                       Case{"file/", "ENOTDIR"},
                                       Case{"to_empty", "ENOTDIR"},
                                       Case{"to_empty/", "ENOTDIR"},
                                       Case{"missing", "ENOENT"},
                                       Case{"", "ENOENT"},
                                       Case{kNul, "EINVAL"},
                                       Case{kTooLongName, "ENAMETOOLONG"},
                                       Case{".", "EINVAL"},
                                       Case{"empty/.", "EINVAL"},
                                       Case{"empty/..", "ENOTEMPTY"},
                                       Case{"..", "EPERM"},
                                       Case{"/", "EPERM"},
                                       Case{"../secret/folder", "EPERM"},
                                       Case{"out/folder", "EPERM"},
                                       Case{"out", "ENOTDIR"},
                                       Case{"out/", "ENOTDIR"},
                                       Case{"empty/", "ok"},
                                       Case{"empty", "ENOENT"}}) {
    EXPECT_EQ(said(volume.root->remove_folder(path, kMayBlock)), expected) << path;
  }
}

TEST(HostNames, RemoveFile) {
  const Volume volume;
  for (const auto& [path, expected] : {Case{"folder", "EISDIR"},
                                       Case{"folder/", "EISDIR"},
                                       Case{"file/", "ENOTDIR"},
                                       Case{"to_file/", "ENOTDIR"},
                                       Case{"to_folder/", "ENOTDIR"},
                                       Case{"missing", "ENOENT"},
                                       Case{"missing/", "ENOENT"},
                                       Case{"", "ENOENT"},
                                       Case{kNul, "EINVAL"},
                                       Case{kTooLongName, "ENAMETOOLONG"},
                                       Case{".", "EISDIR"},
                                       Case{"folder/..", "EISDIR"},
                                       Case{"..", "EPERM"},
                                       Case{"/", "EPERM"},
                                       Case{"../secret/canary", "EPERM"},
                                       Case{"out/canary", "EPERM"},
                                       Case{"out", "ok"},
                                       Case{"to_file", "ok"},
                                       Case{"to_folder", "ok"},
                                       Case{"dangling", "ok"},
                                       Case{"folder/inner", "ok"},
                                       Case{"file", "ok"},
                                       Case{"file", "ENOENT"}}) {
    EXPECT_EQ(said(volume.root->remove_file(path, kMayBlock)), expected) << path;
  }
}

TEST(HostNames, Rename) {
  const Volume volume;
  struct Move {
    std::string from, to, said;
  };
  for (const auto& [from, to, expected] : {Move{"file", "renamed", "ok"},
                                           Move{"file", "x", "ENOENT"},
                                           Move{"renamed", "folder/file", "ok"},
                                           Move{"folder/file", "file", "ok"},
                                           Move{"file", "x/", "ENOTDIR"},
                                           Move{"file/", "x", "ENOTDIR"},
                                           Move{"to_folder/", "x", "ENOTDIR"},
                                           Move{"file", "empty", "EISDIR"},
                                           Move{"empty", "file", "ENOTDIR"},
                                           Move{"empty", "folder", "ENOTEMPTY"},
                                           Move{"folder", "folder/sub", "EINVAL"},
                                           Move{"folder", "folder/inner/x", "ENOTDIR"},
                                           Move{".", "x", "EBUSY"},
                                           Move{"folder/.", "x", "EBUSY"},
                                           Move{"folder/..", "x", "EBUSY"},
                                           Move{"file", ".", "EBUSY"},
                                           Move{"file", "folder/..", "EBUSY"},
                                           Move{"..", "x", "EPERM"},
                                           Move{"file", "..", "EPERM"},
                                           Move{"/", "x", "EPERM"},
                                           Move{"file", "/", "EPERM"},
                                           Move{"", "x", "ENOENT"},
                                           Move{"file", "", "ENOENT"},
                                           Move{kNul, "x", "EINVAL"},
                                           Move{"file", kNul, "EINVAL"},
                                           Move{"file", kTooLongName, "ENAMETOOLONG"},
                                           Move{"../secret/canary", "stolen", "EPERM"},
                                           Move{"out/canary", "stolen", "EPERM"},
                                           Move{"file", "../secret/canary", "EPERM"},
                                           Move{"file", "out/canary", "EPERM"},
                                           Move{"file", "/etc/passwd", "EPERM"},
                                           Move{"out", "to_file", "ok"},  // links themselves
                                           Move{"to_file", "out", "ok"},
                                           Move{"empty/", "moved/", "ok"},
                                           Move{"folder", "moved", "ok"},
                                           Move{"file", "moved/inner", "ok"}}) {
    EXPECT_EQ(said(volume.root->rename(from, *volume.root, to, kMayBlock)), expected)
        << from << " to " << to;
  }
  EXPECT_EQ(volume.tree.read("moved/inner"), "content");
}

TEST(HostNames, RenameBetweenFoldersOfOneVolumeOnly) {
  const Volume volume;
  const Volume elsewhere;
  const auto folder = open_folder(*volume.root, "folder");
  EXPECT_EQ(said(volume.root->rename("file", *folder, "moved", kMayBlock)), "ok");
  EXPECT_EQ(volume.tree.read("folder/moved"), "content");
  EXPECT_EQ(said(folder->rename("moved", *folder, "../file", kMayBlock)), "EPERM")
      << "above this folder, although within the volume";
  EXPECT_EQ(said(folder->rename("moved", *elsewhere.root, "x", kMayBlock)), "EXDEV");
  EXPECT_EQ(said(folder->link("moved", *elsewhere.root, "x", kMayBlock)), "EXDEV");
  // The same folder of the host, granted twice over, is two volumes.
  const auto again = volume.tree.root();
  EXPECT_EQ(said(folder->rename("moved", *again, "x", kMayBlock)), "EXDEV");
}

TEST(HostNames, Link) {
  const Volume volume;
  struct Pair {
    std::string from, to, said;
  };
  for (const auto& [from, to, expected] : {Pair{"file", "hard", "ok"},
                                           Pair{"file", "hard", "EEXIST"},
                                           Pair{"file", "hard/", "EEXIST"},
                                           Pair{"file", "new/", "ENOENT"},
                                           Pair{"file", "folder", "EEXIST"},
                                           Pair{"file", "folder/", "EEXIST"},
                                           Pair{"file", "dangling", "EEXIST"},
                                           Pair{"file/", "x", "ENOTDIR"},
                                           Pair{"folder", "x", "EPERM"},
                                           Pair{"folder/", "x", "EPERM"},
                                           Pair{"to_folder/", "x", "EPERM"},
                                           Pair{"to_file/", "x", "ENOTDIR"},
                                           Pair{"out/", "x", "EPERM"},
                                           Pair{"missing", "x", "ENOENT"},
                                           Pair{"missing/", "x", "ENOENT"},
                                           Pair{".", "x", "EPERM"},
                                           Pair{"..", "x", "EPERM"},
                                           Pair{"file", ".", "EEXIST"},
                                           Pair{"file", "..", "EPERM"},
                                           Pair{"", "x", "ENOENT"},
                                           Pair{"file", "", "ENOENT"},
                                           Pair{kNul, "x", "EINVAL"},
                                           Pair{"../secret/canary", "stolen", "EPERM"},
                                           Pair{"out/canary", "stolen", "EPERM"},
                                           Pair{"/etc/passwd", "stolen", "EPERM"},
                                           Pair{"file", "../secret/x", "EPERM"},
                                           Pair{"file", "out/x", "EPERM"},
                                           Pair{"out", "out2", "ok"},
                                           Pair{"dangling", "dangling2", "ok"}}) {
    EXPECT_EQ(said(volume.root->link(from, *volume.root, to, kMayBlock)), expected)
        << from << " to " << to;
  }
  EXPECT_EQ(volume.root->info_of("file", Follow::kNo, kMayBlock)->links, 2u);
  EXPECT_EQ(volume.root->info_of("out2", Follow::kNo, kMayBlock)->kind, NodeKind::kLink)
      << "the link itself, not what it means";
}

TEST(HostNames, Symlink) {
  const Volume volume;
  struct Pair {
    std::string target, path, said;
  };
  for (const auto& [target, path, expected] : {Pair{"file", "new", "ok"},
                                               Pair{"file", "new", "EEXIST"},
                                               Pair{"file", "new/", "EEXIST"},
                                               Pair{"file", "other/", "ENOENT"},
                                               Pair{"file", "folder/", "EEXIST"},
                                               Pair{"file", ".", "EEXIST"},
                                               Pair{"file", "..", "EPERM"},
                                               Pair{"file", "", "ENOENT"},
                                               Pair{"", "empty_target", "ENOENT"},
                                               Pair{"/", "x", "EPERM"},
                                               Pair{"/etc/passwd", "x", "EPERM"},
                                               Pair{"//x", "x", "EPERM"},
                                               Pair{kNul, "x", "EINVAL"},
                                               Pair{kTooLongPath, "x", "ENAMETOOLONG"},
                                               Pair{"file", kTooLongName, "ENAMETOOLONG"},
                                               Pair{"file", "../secret/x", "EPERM"},
                                               Pair{"file", "out/x", "EPERM"},
                                               Pair{"file", "out", "EEXIST"},
                                               Pair{"../../../etc/passwd", "climber", "ok"},
                                               Pair{"../secret/canary", "thief", "ok"}}) {
    EXPECT_EQ(said(volume.root->symlink(target, path, kMayBlock)), expected)
        << target << " at " << path;
  }
  OpenOptions follow{.read = true, .follow = Follow::kYes};
  EXPECT_EQ(said(volume.root->open("new", follow, kMayBlock)), "ok");
  EXPECT_EQ(said(volume.root->open("climber", follow, kMayBlock)), "EPERM");
  EXPECT_EQ(said(volume.root->open("thief", follow, kMayBlock)), "EPERM");
  EXPECT_EQ(said(volume.root->info_of("thief", Follow::kYes, kMayBlock)), "EPERM");
}

TEST(HostNames, ASubfolderIsItsOwnWorld) {
  const Volume volume;
  const auto folder = open_folder(*volume.root, "folder");
  volume.tree.link("../file", "folder/up");
  EXPECT_EQ(said(folder->open("../file", {.read = true}, kMayBlock)), "EPERM");
  EXPECT_EQ(said(folder->open("up", {.read = true, .follow = Follow::kYes}, kMayBlock)), "EPERM");
  EXPECT_EQ(said(volume.root->open("folder/up", {.read = true, .follow = Follow::kYes}, kMayBlock)),
            "ok")
      << "the same link is fine for who has the folder above";
}

TEST(HostNames, AFolderThatIsGoneAnswersWithErrors) {
  const Volume volume;
  const auto folder = open_folder(*volume.root, "empty");
  ASSERT_EQ(said(volume.root->remove_folder("empty", kMayBlock)), "ok");
  EXPECT_EQ(said(folder->make_folder("x", kMayBlock)), "ENOENT");
  EXPECT_EQ(said(folder->open("x", {.write = true, .create = true}, kMayBlock)), "ENOENT");
  EXPECT_EQ(said(folder->symlink("a", "x", kMayBlock)), "ENOENT");
  EXPECT_EQ(said(folder->info(kMayBlock)), "ok");
  EXPECT_EQ(said(folder->list(0, 1024, kMayBlock)), "ENOENT");
}

}  // namespace
}  // namespace godwit::capability
