// One walk over a folder of functions; see folder.h. Private to src/registry. Use once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "registry/folder.h"

namespace godwit::registry {

FileStamp stamp_of(const struct stat& status);

class FolderWalk final {
 public:
  explicit FolderWalk(const FolderOptions& options) : options_(options) {}

  FolderListing walk(Fd root);

 private:
  // A folder on the way: its path and the name that its functions start with.
  struct Place {
    std::string path;  // "shop/", or "" for the root
    std::string name;  // "shop/", or ""
    std::uint32_t depth = 0;
    bool valid_name = true;
  };
  struct Settings {
    std::string path;
    FileStamp stamp;
    bool refused = false;
    bool used = false;
  };
  // What a folder holds, by its base name ("cart").
  struct Contents {
    std::vector<FolderFunction> functions;
    std::map<std::string, Settings> settings;
    std::vector<std::string> folders;
  };

  void folder(Fd fd, const Place& place);
  std::vector<std::string> entries(Fd fd, const Place& place);
  void entry(int folder_fd, const Place& place, const std::string& entry, Contents& contents);
  void file(const Place& place, const std::string& entry, const struct stat& status,
            Contents& contents);
  void finish(const Place& place, Contents& contents);
  void subfolder(int folder_fd, const Place& place, const std::string& entry);
  void refuse_duplicates();
  void problem(const std::string& path, const std::string& name, Error error);

  const FolderOptions options_;
  FolderListing listing_;
  std::uint32_t looked_at_ = 0;
};

}  // namespace godwit::registry
