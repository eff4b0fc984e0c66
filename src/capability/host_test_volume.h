// For tests only: a temporary folder with a `volume` to grant and a `secret` beside it that must
// never be reached, and short ways to say what is tested.
//
//   const TestTree tree;
//   auto root = tree.root({.writable = true});
//   EXPECT_EQ(said(root->make_folder("a", kMayBlock)), "ok");
//   EXPECT_EQ(said(root->make_folder("../secret/a", kMayBlock)), "EPERM");
//   EXPECT_TRUE(tree.canary_untouched());
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "base/check.h"
#include "capability/host_folder.h"

namespace godwit::capability {

inline constexpr Patience kMayBlock = Patience::kMayBlock;
inline constexpr Patience kNone = Patience::kNone;

class TestTree final {
 public:
  static constexpr std::string_view kCanary = "the canary sings";

  TestTree() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit-host-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr, name);
    base_ = name;
    std::filesystem::create_directory(path(""));
    std::filesystem::create_directory(base_ + "/secret");
    std::filesystem::create_directory(base_ + "/secret/folder");
    write_out(base_ + "/secret/canary", kCanary);
    secret_before_ = secret_state();
  }
  ~TestTree() {
    std::error_code ignored;
    std::filesystem::remove_all(base_, ignored);
  }
  TestTree(const TestTree&) = delete;
  TestTree& operator=(const TestTree&) = delete;

  // Of the host: within the volume, and beside it.
  std::string path(std::string_view name) const { return base_ + "/volume/" + std::string(name); }
  std::string secret(std::string_view name) const { return base_ + "/secret/" + std::string(name); }

  void write(std::string_view name, std::string_view text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    write_out(path(name), text);
  }
  std::string read(std::string_view name) const { return read_in(path(name)); }
  bool exists(std::string_view name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(path(name)));
  }
  void link(std::string_view target, std::string_view name) const {
    std::filesystem::create_symlink(target, path(name));
  }

  std::shared_ptr<HostVolume> volume(HostVolumeOptions options) const {
    options.path = path("");
    auto volume = HostVolume::open(options);
    CHECK(volume.has_value(), volume.error().text());
    return *volume;
  }
  std::shared_ptr<Folder> root(const HostVolumeOptions& options = {.writable = true}) const {
    return volume(options)->root(options.writable ? Access::kWrite : Access::kRead);
  }

  // Neither the canary's content and times nor the names beside it have changed.
  bool canary_untouched() const { return secret_state() == secret_before_; }

 private:
  static void write_out(const std::string& file, std::string_view text) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }
  static std::string read_in(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  std::string secret_state() const {
    std::vector<std::string> lines;
    for (const char* const name : {".", "canary", "folder"}) {
      struct stat info{};
      CHECK(::lstat(secret(name).c_str(), &info) == 0, name);
      lines.push_back(fmt::format("{} {} {} {} {}.{} {}.{}", name, info.st_mode, info.st_nlink,
                                  info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                                  info.st_ctim.tv_sec, info.st_ctim.tv_nsec));
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(base_ + "/secret")) {
      lines.push_back(entry.path().string());
    }
    std::sort(lines.begin(), lines.end());
    std::string state = read_in(secret("canary"));
    for (const std::string& line : lines) state += "\n" + line;
    return state;
  }

  std::string base_;
  std::string secret_before_;
};

inline std::string errc_name(std::errc error) {
  const char* const name = ::strerrorname_np(static_cast<int>(error));
  return name == nullptr ? "?" : name;
}
// "ok", or the name of the error.
template <class T>
std::string said(const FileResult<T>& result) {
  return result ? "ok" : errc_name(result.error());
}

inline std::shared_ptr<File> open_file(Folder& folder, std::string_view path,
                                       const OpenOptions& options) {
  auto opened = folder.open(path, options, kMayBlock);
  CHECK(opened.has_value() && opened->file != nullptr, path, said(opened));
  return opened->file;
}
inline std::shared_ptr<Folder> open_folder(Folder& folder, std::string_view path) {
  auto opened = folder.open(path, {.folder = true}, kMayBlock);
  CHECK(opened.has_value() && opened->folder != nullptr, path, said(opened));
  return opened->folder;
}
inline std::string read_all(File& file) {
  std::string text(64 << 10, '\0');
  const auto size =
      file.read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()}, kMayBlock);
  CHECK(size.has_value(), said(size));
  text.resize(*size);
  return text;
}
// The names in a folder but "." and "..", sorted, read in steps of `bytes_max`.
inline std::vector<std::string> names_in(Folder& folder, std::size_t bytes_max = 4096) {
  std::vector<std::string> names;
  for (std::uint64_t position = 0;;) {
    const auto entries = folder.list(position, bytes_max, kMayBlock);
    CHECK(entries.has_value(), said(entries));
    if (entries->empty()) break;
    for (const FolderEntry& entry : *entries) {
      if (entry.name != "." && entry.name != "..") names.push_back(entry.name);
    }
    position = entries->back().next;
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace godwit::capability
