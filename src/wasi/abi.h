// The types and layouts of WASI preview 1 and of its predecessor, snapshot 0 (`wasi_unstable`), as
// they stand in guest memory. Source: typenames.witx in WebAssembly/WASI, legacy/preview1 and
// legacy/preview0. Padding is written out, so that it is zero: no byte of the host's stack may
// reach a guest. Values; guests and hosts are little-endian.
#pragma once

#include <bit>
#include <cstdint>

namespace godwit::wasi {

static_assert(std::endian::native == std::endian::little);

enum class Errno : std::uint16_t {
  kSuccess = 0,
  kAcces = 2,
  kAgain = 6,
  kBadf = 8,
  kBusy = 10,
  kDquot = 19,
  kExist = 20,
  kFault = 21,
  kFbig = 22,
  kIlseq = 25,
  kIntr = 27,
  kInval = 28,
  kIo = 29,
  kIsdir = 31,
  kLoop = 32,
  kMfile = 33,
  kMlink = 34,
  kNametoolong = 37,
  kNfile = 41,
  kNoent = 44,
  kNomem = 48,
  kNospc = 51,
  kNosys = 52,
  kNotdir = 54,
  kNotempty = 55,
  kNotsock = 57,
  kNotsup = 58,
  kNxio = 60,
  kOverflow = 61,
  kPerm = 63,
  kPipe = 64,
  kRofs = 69,
  kSpipe = 70,
  kTxtbsy = 74,
  kXdev = 75,
  kNotcapable = 76,
};

enum class Fd : std::uint32_t {};
using Size = std::uint32_t;
using Timestamp = std::uint64_t;  // nanoseconds

enum class ClockId : std::uint32_t { kRealtime, kMonotonic, kProcessCpu, kThreadCpu };

enum class FileType : std::uint8_t {
  kUnknown = 0,
  kDirectory = 3,
  kRegularFile = 4,
  kSymbolicLink = 7,
};

// lookupflags
inline constexpr std::uint32_t kLookupFollow = 1 << 0;

// oflags
inline constexpr std::uint32_t kOpenCreate = 1 << 0;
inline constexpr std::uint32_t kOpenDirectory = 1 << 1;
inline constexpr std::uint32_t kOpenExclusive = 1 << 2;
inline constexpr std::uint32_t kOpenTruncate = 1 << 3;
inline constexpr std::uint32_t kAllOpenFlags = (1 << 4) - 1;

// fdflags
inline constexpr std::uint16_t kFdAppend = 1 << 0;
inline constexpr std::uint16_t kFdDsync = 1 << 1;
inline constexpr std::uint16_t kFdNonblock = 1 << 2;
inline constexpr std::uint16_t kFdRsync = 1 << 3;
inline constexpr std::uint16_t kFdSync = 1 << 4;
inline constexpr std::uint16_t kAllFdFlags = (1 << 5) - 1;

// fstflags
inline constexpr std::uint32_t kSetAtime = 1 << 0;
inline constexpr std::uint32_t kSetAtimeNow = 1 << 1;
inline constexpr std::uint32_t kSetMtime = 1 << 2;
inline constexpr std::uint32_t kSetMtimeNow = 1 << 3;
inline constexpr std::uint32_t kAllTimeFlags = (1 << 4) - 1;

inline constexpr std::uint32_t kLastAdvice = 5;  // noreuse
inline constexpr std::uint32_t kLastWhence = 2;  // both snapshots have three, in another order

// rights
namespace right {
inline constexpr std::uint64_t kFdDatasync = 1ULL << 0;
inline constexpr std::uint64_t kFdRead = 1ULL << 1;
inline constexpr std::uint64_t kFdSeek = 1ULL << 2;
inline constexpr std::uint64_t kFdFdstatSetFlags = 1ULL << 3;
inline constexpr std::uint64_t kFdSync = 1ULL << 4;
inline constexpr std::uint64_t kFdTell = 1ULL << 5;
inline constexpr std::uint64_t kFdWrite = 1ULL << 6;
inline constexpr std::uint64_t kFdAdvise = 1ULL << 7;
inline constexpr std::uint64_t kFdAllocate = 1ULL << 8;
inline constexpr std::uint64_t kPathCreateDirectory = 1ULL << 9;
inline constexpr std::uint64_t kPathCreateFile = 1ULL << 10;
inline constexpr std::uint64_t kPathLinkSource = 1ULL << 11;
inline constexpr std::uint64_t kPathLinkTarget = 1ULL << 12;
inline constexpr std::uint64_t kPathOpen = 1ULL << 13;
inline constexpr std::uint64_t kFdReaddir = 1ULL << 14;
inline constexpr std::uint64_t kPathReadlink = 1ULL << 15;
inline constexpr std::uint64_t kPathRenameSource = 1ULL << 16;
inline constexpr std::uint64_t kPathRenameTarget = 1ULL << 17;
inline constexpr std::uint64_t kPathFilestatGet = 1ULL << 18;
inline constexpr std::uint64_t kPathFilestatSetSize = 1ULL << 19;
inline constexpr std::uint64_t kPathFilestatSetTimes = 1ULL << 20;
inline constexpr std::uint64_t kFdFilestatGet = 1ULL << 21;
inline constexpr std::uint64_t kFdFilestatSetSize = 1ULL << 22;
inline constexpr std::uint64_t kFdFilestatSetTimes = 1ULL << 23;
inline constexpr std::uint64_t kPathSymlink = 1ULL << 24;
inline constexpr std::uint64_t kPathRemoveDirectory = 1ULL << 25;
inline constexpr std::uint64_t kPathUnlinkFile = 1ULL << 26;
inline constexpr std::uint64_t kPollFdReadwrite = 1ULL << 27;

// What can be done with a file, and with a folder.
inline constexpr std::uint64_t kOfFiles =
    kFdDatasync | kFdRead | kFdSeek | kFdFdstatSetFlags | kFdSync | kFdTell | kFdWrite | kFdAdvise |
    kFdAllocate | kFdFilestatGet | kFdFilestatSetSize | kFdFilestatSetTimes | kPollFdReadwrite;
inline constexpr std::uint64_t kOfFolders =
    kFdDatasync | kFdFdstatSetFlags | kFdSync | kPathCreateDirectory | kPathCreateFile |
    kPathLinkSource | kPathLinkTarget | kPathOpen | kFdReaddir | kPathReadlink | kPathRenameSource |
    kPathRenameTarget | kPathFilestatGet | kPathFilestatSetSize | kPathFilestatSetTimes |
    kFdFilestatGet | kFdFilestatSetTimes | kPathSymlink | kPathRemoveDirectory | kPathUnlinkFile;
}  // namespace right

struct FdStat {
  FileType filetype;
  std::uint8_t padding0;
  std::uint16_t flags;
  std::uint32_t padding1;
  std::uint64_t rights_base;
  std::uint64_t rights_inheriting;
};
static_assert(sizeof(FdStat) == 24);

struct FileStat {
  std::uint64_t device;
  std::uint64_t inode;
  FileType filetype;
  std::uint8_t padding[7];
  std::uint64_t link_count;
  std::uint64_t size;
  Timestamp accessed;
  Timestamp modified;
  Timestamp changed;
};
static_assert(sizeof(FileStat) == 64);

// What fd_readdir writes before each name, which follows it without padding.
struct Dirent {
  std::uint64_t next;
  std::uint64_t inode;
  Size name_size;
  FileType type;
  std::uint8_t padding[3];
};
static_assert(sizeof(Dirent) == 24);

// What fd_prestat_get says of a preopened folder.
struct Prestat {
  std::uint8_t tag;  // 0: a folder, the only kind
  std::uint8_t padding[3];
  Size name_size;
};
static_assert(sizeof(Prestat) == 8);

struct Iovec {
  std::uint32_t address;
  Size size;
};
static_assert(sizeof(Iovec) == 8);

enum class EventType : std::uint8_t { kClock, kFdRead, kFdWrite };
inline constexpr std::uint16_t kHangup = 1 << 0;        // eventrwflags
inline constexpr std::uint16_t kAbsoluteTime = 1 << 0;  // subclockflags

struct Event {
  std::uint64_t userdata;
  Errno error;
  EventType type;
  std::uint8_t padding0[5];
  std::uint64_t byte_count;  // of fd events, as is `flags`
  std::uint16_t flags;
  std::uint8_t padding1[6];
};
static_assert(sizeof(Event) == 32);

struct Subscription {
  std::uint64_t userdata;
  EventType type;
  std::uint8_t padding0[7];
  std::uint32_t clock_or_fd;  // the rest is of clocks only
  std::uint32_t padding1;
  Timestamp timeout;
  Timestamp precision;
  std::uint16_t flags;
  std::uint8_t padding2[6];

  Fd fd() const { return Fd{clock_or_fd}; }
  ClockId clock() const { return ClockId{clock_or_fd}; }
};
static_assert(sizeof(Subscription) == 48);

// Where snapshot 0 is laid out in another way.
namespace snapshot0 {

struct FileStat {
  std::uint64_t device;
  std::uint64_t inode;
  FileType filetype;
  std::uint8_t padding[3];
  std::uint32_t link_count;
  std::uint64_t size;
  Timestamp accessed;
  Timestamp modified;
  Timestamp changed;
};
static_assert(sizeof(FileStat) == 56);

struct Subscription {
  std::uint64_t userdata;
  EventType type;
  std::uint8_t padding0[7];
  std::uint64_t identifier_or_fd;  // an identifier of the guest's own, which means nothing to us
  std::uint32_t clock_id;
  std::uint32_t padding1;
  Timestamp timeout;
  Timestamp precision;
  std::uint16_t flags;
  std::uint8_t padding2[6];

  Fd fd() const { return Fd{static_cast<std::uint32_t>(identifier_or_fd)}; }
  ClockId clock() const { return ClockId{clock_id}; }
};
static_assert(sizeof(Subscription) == 56);

}  // namespace snapshot0
}  // namespace godwit::wasi
