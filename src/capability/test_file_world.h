// FileWorld: one small language for file operations in tests, and what speaks it: FolderWorld over
// any capability Folder, PosixWorld over the kernel's own calls on a directory of its own. The same
// lines run in both, so that the kernel is the reference.
//
//   FolderWorld world(file_system->root());
//   world.run("mkdir a");            // "ok", or the error: "EEXIST"
//   world.run("open 0 wc a/f");      // "file": slot 0 is an open file now
//   world.run("write 0 0 hello");    // "5"
//   world.run("stat 1:f");           // a path that starts in the folder of slot 1
//
// Words are separated by one space; '' is the empty word. Flags of open: r w c(reate) x(exclusive)
// t(runcate) d(a folder) n(ofollow). For tests only; single-threaded.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/check.h"
#include "base/fd.h"
#include "capability/file_system.h"

namespace godwit::capability {

// "ENOENT"; "ok" for none.
inline std::string error_name(int error) { return error == 0 ? "ok" : strerrorname_np(error); }
inline std::string error_name(std::errc error) { return error_name(static_cast<int>(error)); }
template <class T>
std::string error_name(const FileResult<T>& result) {
  return result ? "ok" : error_name(result.error());
}

// For a call of which a test does not ask how it ends.
template <class T>
void may_fail(const FileResult<T>&) {}

class FileWorld {
 public:
  static constexpr std::size_t kSlots = 10;
  using Words = std::vector<std::string>;

  virtual ~FileWorld() = default;

  std::string run(std::string_view line) {
    const Words words = split(line);
    const std::string& verb = words[0];
    if (verb == "open") return open(slot(words[1]), words[2], words[3]);
    if (verb == "close") return close(slot(words[1]));
    if (verb == "list") return list(slot(words[1]));
    if (verb == "tree") return tree();
    if (verb == "mkdir" || verb == "rmdir" || verb == "unlink" || verb == "stat" ||
        verb == "lstat" || verb == "readlink") {
      return path_call(verb, words[1]);
    }
    if (verb == "rename" || verb == "link") return pair_call(verb, words[1], words[2]);
    if (verb == "symlink") return symlink(words[1], words[2]);
    if (verb == "write") return write(slot(words[1]), number(words[2]), words[3]);
    if (verb == "fill") {
      return write(slot(words[1]), number(words[2]), std::string(number(words[3]), words[4][0]));
    }
    const std::uint64_t first = words.size() > 2 ? number(words[2]) : 0;
    const std::uint64_t second = words.size() > 3 ? number(words[3]) : 0;
    return file_call(verb, slot(words[1]), first, second);
  }

  static std::string describe(NodeKind kind, std::uint64_t links, std::uint64_t size) {
    // How many links a folder has, and how large it is, is for each file system to say.
    switch (kind) {
      case NodeKind::kFolder: return "folder";
      case NodeKind::kLink: return fmt::format("link links={} size={}", links, size);
      case NodeKind::kFile: return fmt::format("file links={} size={}", links, size);
      case NodeKind::kOther: break;
    }
    return "other";
  }

 protected:
  virtual std::string open(std::size_t slot, const std::string& flags, const std::string& path) = 0;
  virtual std::string close(std::size_t slot) = 0;
  // Names of an open folder, sorted, without "." and "..".
  virtual std::string list(std::size_t slot) = 0;
  virtual std::string path_call(const std::string& verb, const std::string& path) = 0;
  virtual std::string pair_call(const std::string& verb, const std::string& from,
                                const std::string& to) = 0;
  virtual std::string symlink(const std::string& target, const std::string& path) = 0;
  virtual std::string write(std::size_t slot, std::uint64_t offset, const std::string& text) = 0;
  // read SLOT OFFSET SIZE, resize SLOT SIZE, allocate SLOT OFFSET SIZE, fstat SLOT
  virtual std::string file_call(const std::string& verb, std::size_t slot, std::uint64_t first,
                                std::uint64_t second) = 0;

  static std::string join(std::vector<std::string> names) {
    std::erase(names, ".");
    std::erase(names, "..");
    std::sort(names.begin(), names.end());
    return fmt::format("{}", fmt::join(names, " "));
  }
  // Splits "3:a/b" into the slot and the rest; kSlots: the root.
  static std::size_t take_start(std::string& path) {
    if (path.size() < 2 || path[1] != ':') return kSlots;
    const std::size_t result = slot(path.substr(0, 1));
    path.erase(0, 2);
    return result;
  }

 private:
  static Words split(std::string_view line) {
    Words words;
    while (!line.empty()) {
      const std::size_t end = std::min(line.find(' '), line.size());
      words.emplace_back(line.substr(0, end) == "''" ? "" : line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    return words;
  }
  static std::uint64_t number(const std::string& word) { return std::stoull(word); }
  static std::size_t slot(const std::string& word) { return number(word) % kSlots; }

  // Everything below the root, with the contents of files and links.
  std::string tree() {
    std::string out;
    std::vector<std::string> pending{"."};
    while (!pending.empty()) {
      const std::string folder = pending.back();
      pending.pop_back();
      CHECK(open(kSlots - 1, "rd", folder) == "folder", folder);
      for (const std::string& name : split(list(kSlots - 1))) {
        const std::string path = fmt::format("{}/{}", folder, name);
        const std::string what = path_call("lstat", path);
        out += fmt::format("{} {}", path, what);
        if (what == "folder") pending.push_back(path);
        if (what.starts_with("link")) out += " " + path_call("readlink", path);
        if (what.starts_with("file")) {
          open(kSlots - 1, "r", path);
          out += " " + file_call("read", kSlots - 1, 0, std::size_t{1} << 20);
          open(kSlots - 1, "rd", folder);
        }
        out += "\n";
      }
    }
    close(kSlots - 1);
    return out;
  }
};

class FolderWorld final : public FileWorld {
 public:
  explicit FolderWorld(std::shared_ptr<Folder> root, Patience patience = Patience::kMayBlock)
      : patience_(patience) {
    slots_[kSlots].folder = std::move(root);
  }

 private:
  std::string open(std::size_t slot, const std::string& flags, const std::string& path) override {
    const auto has = [&](char flag) { return flags.find(flag) != std::string::npos; };
    std::string rest = path;
    Folder* const start = slots_[take_start(rest)].folder.get();
    if (start == nullptr) return "no folder";
    auto opened = start->open(rest,
                              {.read = has('r'),
                               .write = has('w'),
                               .create = has('c'),
                               .exclusive = has('x'),
                               .truncate = has('t'),
                               .folder = has('d'),
                               .follow = has('n') ? Follow::kNo : Follow::kYes},
                              patience_);
    if (!opened) return error_name(opened);
    slots_[slot] = std::move(*opened);
    return slots_[slot].file ? "file" : "folder";
  }
  std::string close(std::size_t slot) override {
    slots_[slot] = {};
    return "ok";
  }
  std::string list(std::size_t slot) override {
    Folder* const folder = slots_[slot].folder.get();
    if (folder == nullptr) return "no folder";
    std::vector<std::string> names;
    std::uint64_t position = 0;
    while (true) {
      const auto entries = folder->list(position, 100, patience_);
      if (!entries) return error_name(entries);
      if (entries->empty()) return join(std::move(names));
      for (const FolderEntry& entry : *entries) names.push_back(entry.name);
      position = entries->back().next;
    }
  }
  std::string path_call(const std::string& verb, const std::string& path) override {
    std::string rest = path;
    Folder* const start = slots_[take_start(rest)].folder.get();
    if (start == nullptr) return "no folder";
    if (verb == "mkdir") return error_name(start->make_folder(rest, patience_));
    if (verb == "rmdir") return error_name(start->remove_folder(rest, patience_));
    if (verb == "unlink") return error_name(start->remove_file(rest, patience_));
    if (verb == "readlink") {
      const auto target = start->read_link(rest, patience_);
      return target ? *target : error_name(target);
    }
    return told(start->info_of(rest, verb == "lstat" ? Follow::kNo : Follow::kYes, patience_));
  }
  std::string pair_call(const std::string& verb, const std::string& from,
                        const std::string& to) override {
    std::string from_rest = from;
    std::string to_rest = to;
    Folder* const start = slots_[take_start(from_rest)].folder.get();
    Folder* const other = slots_[take_start(to_rest)].folder.get();
    if (start == nullptr || other == nullptr) return "no folder";
    return error_name(verb == "link" ? start->link(from_rest, *other, to_rest, patience_)
                                     : start->rename(from_rest, *other, to_rest, patience_));
  }
  std::string symlink(const std::string& target, const std::string& path) override {
    std::string rest = path;
    Folder* const start = slots_[take_start(rest)].folder.get();
    if (start == nullptr) return "no folder";
    return error_name(start->symlink(target, rest, patience_));
  }
  std::string write(std::size_t slot, std::uint64_t offset, const std::string& text) override {
    File* const file = slots_[slot].file.get();
    if (file == nullptr) return "no file";
    const auto written = file->write(offset, as_bytes(text), patience_);
    return written ? fmt::format("{}", *written) : error_name(written);
  }
  std::string file_call(const std::string& verb, std::size_t slot, std::uint64_t first,
                        std::uint64_t second) override {
    File* const file = slots_[slot].file.get();
    if (file == nullptr) return "no file";
    if (verb == "resize") return error_name(file->resize(first, patience_));
    if (verb == "allocate") return error_name(file->allocate(first, second, patience_));
    if (verb == "fstat") return told(file->info(patience_));
    CHECK(verb == "read", verb);
    Bytes bytes(second);
    const auto size = file->read(first, bytes, patience_);
    return size ? std::string(as_text(ByteSpan(bytes).first(*size))) : error_name(size);
  }

  static std::string told(const FileResult<NodeInfo>& info) {
    return info ? describe(info->kind, info->links, info->size) : error_name(info);
  }

  const Patience patience_;
  std::array<Opened, kSlots + 1> slots_;  // the last: the root
};

// A new directory below the system's for temporary files, gone with this. Nothing keeps a path from
// leading out of it: whoever uses this leaves such paths out.
class PosixWorld final : public FileWorld {
 public:
  PosixWorld() {
    std::string name = std::filesystem::temp_directory_path() / "godwit-files-XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr, name);
    path_ = name;
    slots_[kSlots] = Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(slots_[kSlots].valid(), path_);
  }
  PosixWorld(const PosixWorld&) = delete;
  PosixWorld& operator=(const PosixWorld&) = delete;
  ~PosixWorld() override {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

 private:
  std::string open(std::size_t slot, const std::string& flags, const std::string& path) override {
    const auto has = [&](char flag, int bit) {
      return flags.find(flag) != std::string::npos ? bit : 0;
    };
    std::string rest = path;
    const int start = folder_fd(take_start(rest));
    if (start < 0) return "no folder";
    const int access = has('w', has('r', 1) != 0 ? O_RDWR : O_WRONLY);
    const int bits = access | has('c', O_CREAT) | has('x', O_EXCL) | has('t', O_TRUNC) |
                     has('d', O_DIRECTORY) | has('n', O_NOFOLLOW) | O_CLOEXEC;
    Fd fd(::openat(start, rest.c_str(), bits, 0600));
    if (!fd.valid()) return error_name(errno);
    slots_[slot] = std::move(fd);
    return is_folder(slot) ? "folder" : "file";
  }
  std::string close(std::size_t slot) override {
    slots_[slot].reset();
    return "ok";
  }
  std::string list(std::size_t slot) override {
    const int folder = folder_fd(slot);
    if (folder < 0) return "no folder";
    Fd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(own.valid());
    DIR* const stream = ::fdopendir(own.release());
    CHECK(stream != nullptr);
    std::vector<std::string> names;
    while (const dirent* const entry = ::readdir(stream)) names.emplace_back(entry->d_name);
    ::closedir(stream);
    return join(std::move(names));
  }
  std::string path_call(const std::string& verb, const std::string& path) override {
    std::string rest = path;
    const int start = folder_fd(take_start(rest));
    if (start < 0) return "no folder";
    if (verb == "mkdir") return said(::mkdirat(start, rest.c_str(), 0700));
    if (verb == "rmdir") return said(::unlinkat(start, rest.c_str(), AT_REMOVEDIR));
    if (verb == "unlink") return said(::unlinkat(start, rest.c_str(), 0));
    if (verb == "readlink") {
      std::array<char, 5000> target{};
      const ssize_t size = ::readlinkat(start, rest.c_str(), target.data(), target.size());
      return size < 0 ? error_name(errno) : std::string(target.data(), static_cast<size_t>(size));
    }
    struct stat info{};
    const int flags = verb == "lstat" ? AT_SYMLINK_NOFOLLOW : 0;
    return ::fstatat(start, rest.c_str(), &info, flags) != 0 ? error_name(errno) : told(info);
  }
  std::string pair_call(const std::string& verb, const std::string& from,
                        const std::string& to) override {
    std::string from_rest = from;
    std::string to_rest = to;
    const int start = folder_fd(take_start(from_rest));
    const int other = folder_fd(take_start(to_rest));
    if (start < 0 || other < 0) return "no folder";
    return said(verb == "link" ? ::linkat(start, from_rest.c_str(), other, to_rest.c_str(), 0)
                               : ::renameat(start, from_rest.c_str(), other, to_rest.c_str()));
  }
  std::string symlink(const std::string& target, const std::string& path) override {
    std::string rest = path;
    const int start = folder_fd(take_start(rest));
    if (start < 0) return "no folder";
    return said(::symlinkat(target.c_str(), start, rest.c_str()));
  }
  std::string write(std::size_t slot, std::uint64_t offset, const std::string& text) override {
    const int file = file_fd(slot);
    if (file < 0) return "no file";
    const ssize_t size = ::pwrite(file, text.data(), text.size(), static_cast<off_t>(offset));
    return size < 0 ? error_name(errno) : fmt::format("{}", size);
  }
  std::string file_call(const std::string& verb, std::size_t slot, std::uint64_t first,
                        std::uint64_t second) override {
    const int file = file_fd(slot);
    if (file < 0) return "no file";
    const off_t offset = static_cast<off_t>(first);
    if (verb == "resize") return said(::ftruncate(file, offset));
    if (verb == "allocate") {
      return said(::fallocate(file, 0, offset, static_cast<off_t>(second)));
    }
    if (verb == "fstat") {
      struct stat info{};
      return ::fstat(file, &info) != 0 ? error_name(errno) : told(info);
    }
    CHECK(verb == "read", verb);
    std::string bytes(second, '\0');
    const ssize_t size = ::pread(file, bytes.data(), bytes.size(), offset);
    return size < 0 ? error_name(errno) : bytes.substr(0, static_cast<std::size_t>(size));
  }

  static std::string said(int result) { return error_name(result == 0 ? 0 : errno); }
  static std::string told(const struct stat& info) {
    const NodeKind kind = S_ISDIR(info.st_mode)   ? NodeKind::kFolder
                          : S_ISREG(info.st_mode) ? NodeKind::kFile
                          : S_ISLNK(info.st_mode) ? NodeKind::kLink
                                                  : NodeKind::kOther;
    return describe(kind, info.st_nlink, static_cast<std::uint64_t>(info.st_size));
  }
  bool is_folder(std::size_t slot) const {
    struct stat info{};
    return ::fstat(slots_[slot].get(), &info) == 0 && S_ISDIR(info.st_mode);
  }
  int folder_fd(std::size_t slot) const { return is_folder(slot) ? slots_[slot].get() : -1; }
  int file_fd(std::size_t slot) const { return is_folder(slot) ? -1 : slots_[slot].get(); }

  std::string path_;
  std::array<Fd, kSlots + 1> slots_;  // the last: the root
};

}  // namespace godwit::capability
