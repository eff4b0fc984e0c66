// Folder and File: the part of a file system that an invocation was handed. Three things stand
// behind them: a folder of the host (host_folder.h), a private folder in memory
// (memory_file_system.h), and in tests both.
//
//   auto opened = folder->open("notes/today.txt", {.read = true}, Patience::kNone);
//   if (!opened && opened.error() == kWouldBlock) …   // again, on another thread, with kMayBlock
//
// A path is relative to its folder and never leads out of it: not by "..", not by an absolute
// path, not through a symbolic link, not while somebody renames what it passes through. Paths and
// names are UTF-8 without NUL (the caller has checked). A step that leads out is
// std::errc::operation_not_permitted.
//
// One shape for all operations: with Patience::kNone the call answers from memory and at once, or
// is kWouldBlock and has done nothing; with kMayBlock it may take as long as a disk takes, and is
// called on a thread that may wait (blocking.h). What never blocks ignores the parameter.
//
// Errors are POSIX's, as std::errc. What was granted for reading only answers every change with
// read_only_file_system; quotas answer with no_space_on_device. Thread-safe: several threads may
// use one object at once, and what they change is seen by all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <tl/expected.hpp>

#include "base/bytes.h"

namespace godwit::capability {

template <class T>
using FileResult = tl::expected<T, std::errc>;

inline tl::unexpected<std::errc> file_error(std::errc error) { return tl::unexpected(error); }

enum class Patience : std::uint8_t { kNone, kMayBlock };
inline constexpr std::errc kWouldBlock = std::errc::operation_would_block;

// Longer is filename_too_long.
inline constexpr std::size_t kMaxNameBytes = 255;
inline constexpr std::size_t kMaxPathBytes = 4095;
// More on one way is too_many_symbolic_link_levels.
inline constexpr int kMaxLinksFollowed = 40;

enum class NodeKind : std::uint8_t { kFile, kFolder, kLink, kOther };

struct NodeInfo {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  NodeKind kind = NodeKind::kOther;
  std::uint64_t links = 1;
  std::uint64_t size = 0;         // bytes; of a link: of its target
  std::uint64_t accessed_ns = 0;  // all since the epoch
  std::uint64_t modified_ns = 0;
  std::uint64_t changed_ns = 0;
};

struct TimeChange {
  enum class What : std::uint8_t { kKeep, kNow, kSet };
  What what = What::kKeep;
  std::uint64_t ns = 0;  // since the epoch, of kSet
};
struct TimesChange {
  TimeChange accessed;
  TimeChange modified;
};

enum class Sync : std::uint8_t { kNone, kData, kAll };
enum class Follow : std::uint8_t { kNo, kYes };  // a symbolic link at the end of a path
enum class Advice : std::uint8_t {
  kNormal,
  kSequential,
  kRandom,
  kWillNeed,
  kDontNeed,
  kNoReuse
};  // in WASI's order

struct OpenOptions {
  bool read = false;  // neither read nor write: the node can be asked about, nothing else
  bool write = false;
  bool create = false;
  bool exclusive = false;  // with create: file_exists when there is something
  bool truncate = false;
  bool folder = false;          // not_a_directory for anything else
  Follow follow = Follow::kNo;  // kNo: a link at the end is too_many_symbolic_link_levels
  Sync sync = Sync::kNone;      // every write reaches the disk before it returns
};

class Folder;

// An open file. Has no position: every transfer says where.
class File {
 public:
  virtual ~File() = default;
  // How many bytes were read: fewer than asked only at the end of the file (kNone: also where more
  // would block). Errors: bad_file_descriptor when not opened for reading.
  virtual FileResult<std::size_t> read(std::uint64_t offset, MutableByteSpan out,
                                       Patience patience) = 0;
  // How many bytes were written: fewer than given when a quota or the disk is nearly full (none at
  // all: no_space_on_device). A gap before `offset` reads as zeros. Errors: bad_file_descriptor
  // when not opened for writing, file_too_large.
  virtual FileResult<std::size_t> write(std::uint64_t offset, ByteSpan bytes,
                                        Patience patience) = 0;
  struct Appended {
    std::size_t size;   // bytes written
    std::uint64_t end;  // the offset behind them
  };
  // Writes at the end, wherever that is now, in one step with finding it.
  virtual FileResult<Appended> append(ByteSpan bytes, Patience patience) = 0;
  virtual FileResult<NodeInfo> info(Patience patience) = 0;
  // Cuts or fills with zeros. Errors as write(); invalid_argument when not opened for writing.
  virtual FileResult<void> resize(std::uint64_t size, Patience patience) = 0;
  // Makes sure that writes in the range find room; the file grows to offset + size.
  virtual FileResult<void> allocate(std::uint64_t offset, std::uint64_t size,
                                    Patience patience) = 0;
  virtual FileResult<void> set_times(const TimesChange& times, Patience patience) = 0;
  virtual FileResult<void> sync(Sync what, Patience patience) = 0;
  virtual FileResult<void> advise(std::uint64_t offset, std::uint64_t size, Advice advice,
                                  Patience patience) = 0;
  // Must its last reference be let go where one may wait (blocking.h: dispose)?
  virtual bool closing_may_block() const = 0;
};

// What stands in a folder. "." and ".." are there too, ".." with the folder's own inode number.
struct FolderEntry {
  std::string name;
  std::uint64_t inode = 0;
  NodeKind kind = NodeKind::kOther;
  std::uint64_t next = 0;  // list() with this goes on behind this entry
};

// One of the two is set.
struct Opened {
  std::shared_ptr<File> file;
  std::shared_ptr<Folder> folder;
};

// An open folder. The path "." is the folder itself; an empty path is no_such_file_or_directory.
class Folder : public std::enable_shared_from_this<Folder> {
 public:
  virtual ~Folder() = default;
  // Only files and folders can be opened (kOther: operation_not_permitted).
  virtual FileResult<Opened> open(std::string_view path, const OpenOptions& options,
                                  Patience patience) = 0;
  virtual FileResult<NodeInfo> info(Patience patience) = 0;
  virtual FileResult<NodeInfo> info_of(std::string_view path, Follow follow, Patience patience) = 0;
  virtual FileResult<void> set_times(const TimesChange& times, Patience patience) = 0;
  virtual FileResult<void> set_times_of(std::string_view path, Follow follow,
                                        const TimesChange& times, Patience patience) = 0;
  // The entries behind `position` (0: from the start), about `bytes_max` bytes of names and
  // records, but at least one; none: the end. A position that this folder never gave out gives
  // some entries, an end, or invalid_argument.
  virtual FileResult<std::vector<FolderEntry>> list(std::uint64_t position, std::size_t bytes_max,
                                                    Patience patience) = 0;
  virtual FileResult<void> make_folder(std::string_view path, Patience patience) = 0;
  virtual FileResult<void> remove_folder(std::string_view path, Patience patience) = 0;
  virtual FileResult<void> remove_file(std::string_view path, Patience patience) = 0;
  // Between two file systems: cross_device_link.
  virtual FileResult<void> rename(std::string_view path, Folder& to, std::string_view to_path,
                                  Patience patience) = 0;
  // A hard link to what stands at `path` (a symbolic link there is linked itself).
  virtual FileResult<void> link(std::string_view path, Folder& to, std::string_view to_path,
                                Patience patience) = 0;
  // Errors: operation_not_permitted for an absolute target; a relative one is judged when it is
  // followed.
  virtual FileResult<void> symlink(std::string_view target, std::string_view path,
                                   Patience patience) = 0;
  virtual FileResult<std::string> read_link(std::string_view path, Patience patience) = 0;
  virtual FileResult<void> sync(Sync what, Patience patience) = 0;
};

}  // namespace godwit::capability
