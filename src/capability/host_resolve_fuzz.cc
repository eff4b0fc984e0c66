// Any bytes as paths in a granted folder, with links that the input makes itself: whatever is found
// is one of the volume's own nodes, and what is outside stays as it was.
//
// A line is a path to try, or "TARGET>PATH": a link to be made first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "capability/host_test_volume.h"

namespace {

using namespace godwit;
using namespace godwit::capability;

struct Tree {
  TestTree files;
  std::shared_ptr<Folder> root;
  std::set<std::uint64_t> inside;

  Tree() {
    files.write("a/b/c/file", "in");
    files.write("a/file", "in");
    files.link("b/c", "a/down");
    files.link("../a", "a/around");
    files.link("../../secret", "a/out");
    files.link(files.secret("canary"), "a/absolute");
    files.link("/proc/self/root", "a/magic");
    root = files.root();
    learn();
  }
  // Every inode of the volume, by the host's own means.
  void learn() {
    inside.clear();
    const std::string top = files.path("");
    learn_one(top);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      learn_one(entry.path().string());
    }
  }
  void learn_one(const std::string& path) {
    struct stat info{};
    CHECK(::lstat(path.c_str(), &info) == 0, path);
    inside.insert(info.st_ino);
  }
};

void try_path(Tree& tree, std::string_view path) {
  for (const Follow follow : {Follow::kNo, Follow::kYes}) {
    for (const Patience patience : {Patience::kNone, Patience::kMayBlock}) {
      const auto info = tree.root->info_of(path, follow, patience);
      if (info) CHECK(tree.inside.contains(info->inode), path);
      const auto opened = tree.root->open(path, {.read = true, .follow = follow}, patience);
      if (!opened) continue;
      const auto seen =
          opened->file ? opened->file->info(kMayBlock) : opened->folder->info(kMayBlock);
      CHECK(seen && tree.inside.contains(seen->inode), path);
    }
  }
  const auto target = tree.root->read_link(path, kMayBlock);
  if (target) CHECK(!target->starts_with('/'), *target);
  // These act on the last name; what they make or break is outside only if they are wrong.
  if (tree.root->make_folder(path, kMayBlock)) {
    CHECK(tree.root->remove_folder(path, kMayBlock).has_value(), path);
  }
  if (tree.root->link(path, *tree.root, "linked", kMayBlock)) {
    CHECK(tree.root->remove_file("linked", kMayBlock).has_value(), path);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Tree tree;
  constexpr std::size_t kMaxLines = 16;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> made;
  for (std::size_t lines = 0; lines < kMaxLines && !input.empty(); ++lines) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    const std::size_t arrow = line.find('>');
    if (arrow == std::string_view::npos) {
      try_path(tree, line);
      continue;
    }
    const std::string_view link = line.substr(arrow + 1);
    if (tree.root->symlink(line.substr(0, arrow), link, kMayBlock)) {
      made.push_back(link);
      tree.learn();
    }
  }
  // In the opposite order: a later link may stand on a way through an earlier one.
  for (auto link = made.rbegin(); link != made.rend(); ++link) {
    CHECK(tree.root->remove_file(*link, kMayBlock).has_value(), *link);
  }
  CHECK(tree.files.canary_untouched());
  return 0;
}
