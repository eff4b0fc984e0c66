// What the functions on files and folders begin and end with: finding the descriptor with its
// rights, reading a path out of guest memory, and saying what came of it.
//
//   FolderPath at;
//   if (const Errno error = at.find(call, fd, path, path_size, right::kPathUnlinkFile); …)
//   return finish(call.host.perform(kPathCostNs, [at](Patience p) {
//     return at.folder->remove_file(at.path, p);
//   }));
//
// Internal to src/wasi.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "capability/file_system.h"
#include "wasi/call.h"
#include "wasi/preview1.h"

namespace godwit::wasi {

// About what the host spends on finding a path, beside what blocks.
inline constexpr std::uint64_t kPathCostNs = 3000;
inline constexpr std::uint64_t kAttributeCostNs = 500;

Errno to_errno(std::errc error);
FileType file_type(capability::NodeKind kind);

template <class Stat>
Stat to_filestat(const capability::NodeInfo& info);

// A path as a guest wrote it. Errors: kFault, kNametoolong, kInval (NUL), kIlseq (not UTF-8).
Errno read_path(const Call& call, Pointer path, Size size, std::string& text);

// A folder, and a path below it. Owns both: it goes where the work is done.
struct FolderPath {
  std::shared_ptr<capability::Folder> folder;
  std::string path;

  // The descriptor is judged first (kBadf, kNotdir, kNotcapable), then the path.
  Errno find(const Call& call, Fd fd, Pointer path, Size path_size, std::uint64_t rights);
};

// Of path_rename and path_link.
struct TwoPaths {
  FolderPath from;
  FolderPath to;

  struct End {
    Fd fd;
    Pointer path;
    Size path_size;
    std::uint64_t rights;
  };
  // Both descriptors are judged before any path.
  Errno find(const Call& call, const End& from_end, const End& to_end);
};

// An open file. Errors: kBadf (also for a folder), kSpipe for a stream, kNotcapable.
Errno find_file(const Call& call, Fd fd, std::uint64_t rights, Descriptor*& found);

// fstflags with their times. Errors: kInval.
Errno read_times(Timestamp accessed, Timestamp modified, std::uint32_t flags,
                 capability::TimesChange& times);

// Is it a range that a file can have? Positions end at INT64_MAX.
constexpr bool is_file_range(std::uint64_t offset, std::uint64_t size) {
  return offset <= INT64_MAX && size <= INT64_MAX - offset;
}

// The answer of a function that has nothing to tell but its errno.
inline Answer finish(const std::optional<capability::FileResult<void>>& done) {
  if (!done) return Answer::pending();
  return *done ? Errno::kSuccess : to_errno(done->error());
}

}  // namespace godwit::wasi
