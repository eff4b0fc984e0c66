// A folder is a platform: finds the functions of a folder. Each NAME.wasm or NAME.wat is the
// function NAME, subfolders nest, index.wasm serves its folder's own path, NAME.toml holds
// settings. What can't be accepted is a problem of its own and does not stop the others.
//
//   auto folder = registry::Folder::open("examples", {});
//   auto listing = folder->scan();
//   for (const auto& function : listing->functions) {
//     auto bytes = folder->read(function.path, limit);
//   }
//
// A Folder may be used from any thread. Paths in a listing are relative to the root and are opened
// one segment at a time without following symbolic links, so that a folder which changes under us
// can't lead outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"

namespace godwit::registry {

enum class UnsafeFiles : std::uint8_t {
  kRefuse,
  kAllow,  // the operator's word: symbolic links are followed, foreign writers are accepted
};

struct FolderOptions {
  UnsafeFiles unsafe_files = UnsafeFiles::kRefuse;
  std::uint32_t depth_max = 8;          // of folders, the root being 0
  std::uint32_t entries_max = 100'000;  // looked at per scan, of whatever kind
};

// Two equal stamps: the file has not changed (or was changed within a clock tick and back).
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;  // since the epoch
  std::int64_t changed_ns = 0;   // the inode's: a restored mtime doesn't hide a change

  bool operator==(const FileStamp&) const = default;
};

struct FolderFunction {
  std::string name;      // "shop/cart"; "shop" for shop/index.wasm; empty for the root's index
  std::string path;      // "shop/cart.wasm"
  bool is_text = false;  // .wat
  FileStamp stamp;
  std::string settings_path;  // "shop/cart.toml", or empty
  FileStamp settings_stamp;

  bool operator==(const FolderFunction&) const = default;
};

// Something that can't be accepted, or (name empty) that is worth a warning.
struct FolderProblem {
  std::string path;
  std::string name;  // the function that it would have been (its route answers 503), or empty
  Error error;
};

struct FolderListing {
  std::vector<FolderFunction> functions;  // by name
  std::vector<FolderProblem> problems;    // by path
  std::vector<std::string> folders;       // that were looked into; the root is ""
};

class Folder final {
 public:
  // Errors: kFileUnreadable, kUnsafeFile (the root itself).
  static Result<Folder> open(const std::string& path, const FolderOptions& options);

  // Errors: only when the root itself can't be read; all else is a problem in the listing.
  Result<FolderListing> scan() const;
  // A file of a listing. Errors: kFileUnreadable, kUnsafeFile, kModuleTooLarge beyond `bytes_max`.
  Result<Bytes> read(const std::string& path, std::uint64_t bytes_max) const;
  // Of the same files. Errors: kFileUnreadable, kUnsafeFile.
  Result<FileStamp> stamp(const std::string& path) const;
  // A folder of a listing, for the watcher. Errors: kFileUnreadable, kUnsafeFile.
  Result<Fd> open_folder(const std::string& path) const;

  const std::string& path() const { return path_; }
  const FolderOptions& options() const { return options_; }

 private:
  Folder(std::string path, Fd root, const FolderOptions& options)
      : path_(std::move(path)), root_(std::move(root)), options_(options) {}
  Result<Fd> open_below(const std::string& path, int flags) const;

  std::string path_;
  Fd root_;
  FolderOptions options_;
};

// The stamp of whatever stands at a path, links followed; all zero when nothing does.
FileStamp stamp_of(const std::string& path);

// A single file by its path in the working directory (`godwit run FILE`, `check FILE`): size-
// bounded, regular files only; symbolic links are fine, the user named it. Errors:
// kFileUnreadable, kModuleTooLarge.
Result<Bytes> read_file(const std::string& path, std::uint64_t bytes_max);

}  // namespace godwit::registry
