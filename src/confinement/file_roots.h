// FileRoots: the folders and files that a confined process goes on using, opened and held, and the
// question that a reload asks: would this path be within them?
//
//   auto roots = FileRoots::open({{"site", RootAccess::kRead, "PATH"},
//                                 {"/srv/pictures", RootAccess::kWrite, "[volume.pictures]"}});
//   restrict_files(roots, {});                                // landlock.h
//   roots.covers("/srv/music", RootAccess::kRead);            // false: that needs a restart
//
// Immutable; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"

namespace godwit::confinement {

enum class RootAccess : std::uint8_t {
  kReadFile,  // files can be read, folders not listed
  kRead,      // and listed
  kWrite,     // and all changed: no device nodes, sockets or pipes are made
};

struct Root {
  std::string path;
  RootAccess access = RootAccess::kRead;
  std::string place;  // who named it, for messages

  bool operator==(const Root&) const = default;
};

class FileRoots final {
 public:
  struct OpenRoot {
    Root root;
    Fd fd;  // O_PATH; held so that what stands there keeps its identity (procfs)
    bool is_folder = false;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };

  // What can't be opened is left out, and listed in missing().
  static FileRoots open(const std::vector<Root>& wanted);

  const std::vector<OpenRoot>& roots() const { return roots_; }
  const std::vector<Root>& missing() const { return missing_; }

  // Does a root that allows `access` hold what stands at `path` now? True as well where nothing
  // stands there: there is nothing to be refused.
  bool covers(const std::string& path, RootAccess access) const;

 private:
  std::vector<OpenRoot> roots_;
  std::vector<Root> missing_;
};

}  // namespace godwit::confinement
