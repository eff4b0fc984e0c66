// OperatorFile: what `godwit serve PATH` (and `check`) was pointed at: a folder of functions, with
// a godwit.toml in it or without, or a *.toml file, wherever its functions are.
//
//   auto file = OperatorFile::locate({.path = "site"});
//   auto manifest = file->read();                    // null: a folder without a godwit.toml
//   if (!manifest) return fail(manifest.error());    // broken, or others can write it
//   file->functions_folder(manifest->get());         // "site"; empty: there is none
//
// Immutable; reads the file anew each time, under the rules of a served folder (no links, nobody
// else can write it): who can change this file can grant everything. Safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "manifest/manifest.h"
#include "registry/folder.h"

namespace godwit::cli {

struct OperatorFileOptions {
  std::string path;
  std::vector<std::string> limits;  // KEY=VALUE, of the command line
  registry::UnsafeFiles unsafe_files = registry::UnsafeFiles::kRefuse;
};

class OperatorFile final {
 public:
  // Errors: kFileUnreadable when there is nothing at the path.
  static Result<OperatorFile> locate(OperatorFileOptions options);

  // Null where PATH is a folder without a godwit.toml. Errors: kFileUnreadable, kUnsafeFile, and
  // those of manifest::parse_manifest.
  Result<std::shared_ptr<const manifest::Manifest>> read() const;

  // A path as it is written in the file, from where we are.
  std::string resolve(const std::string& path) const;
  // Empty: functions of the file only.
  std::string functions_folder(const manifest::Manifest* manifest) const;
  // The module of a function of the file. Errors: kFileUnreadable, kUnsafeFile, kModuleTooLarge.
  Result<Bytes> read_source(const std::string& source, std::uint64_t bytes_max) const;
  // All zero when it can't be looked at.
  registry::FileStamp stamp_source(const std::string& source) const;

  const std::string& folder() const { return folder_; }  // where relative paths start
  std::string path() const { return folder_ + "/" + name_; }

  void set_unsafe_files(registry::UnsafeFiles unsafe_files) {
    options_.unsafe_files = unsafe_files;
  }

 private:
  OperatorFile() = default;
  // A folder, and the path below it, through which a source is opened.
  struct Source {
    std::string folder;
    std::string path;
  };
  Source source_of(const std::string& source) const;

  OperatorFileOptions options_;
  std::string folder_;
  std::string name_;        // "godwit.toml"
  bool is_folder_ = false;  // PATH is the folder, the file need not be there
};

}  // namespace godwit::cli
