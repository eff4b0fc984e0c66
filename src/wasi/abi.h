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
  kExist = 20,
  kFault = 21,
  kInval = 28,
  kIo = 29,
  kIsdir = 31,
  kMfile = 33,
  kNametoolong = 37,
  kNoent = 44,
  kNotdir = 54,
  kNotsock = 57,
  kNotsup = 58,
  kPipe = 64,
  kSpipe = 70,
  kNotcapable = 76,
};

enum class Fd : std::uint32_t {};
using Size = std::uint32_t;
using Timestamp = std::uint64_t;  // nanoseconds

enum class ClockId : std::uint32_t { kRealtime, kMonotonic, kProcessCpu, kThreadCpu };

enum class FileType : std::uint8_t { kUnknown = 0, kDirectory = 3 };

// oflags
inline constexpr std::uint32_t kOpenCreate = 1 << 0;
inline constexpr std::uint32_t kOpenDirectory = 1 << 1;
inline constexpr std::uint32_t kOpenExclusive = 1 << 2;
inline constexpr std::uint32_t kAllOpenFlags = (1 << 4) - 1;

// fdflags
inline constexpr std::uint16_t kFdNonblock = 1 << 2;
inline constexpr std::uint16_t kAllFdFlags = (1 << 5) - 1;

// fstflags
inline constexpr std::uint32_t kSetAtime = 1 << 0;
inline constexpr std::uint32_t kSetAtimeNow = 1 << 1;
inline constexpr std::uint32_t kSetMtime = 1 << 2;
inline constexpr std::uint32_t kSetMtimeNow = 1 << 3;
inline constexpr std::uint32_t kAllTimeFlags = (1 << 4) - 1;

inline constexpr std::uint32_t kLastAdvice = 5;  // noreuse
inline constexpr std::uint32_t kLastWhence = 2;  // both snapshots have three, in another order

// rights: the ones that a stream or the folder of devices can have
namespace right {
inline constexpr std::uint64_t kFdRead = 1ULL << 1;
inline constexpr std::uint64_t kFdFdstatSetFlags = 1ULL << 3;
inline constexpr std::uint64_t kFdWrite = 1ULL << 6;
inline constexpr std::uint64_t kPathOpen = 1ULL << 13;
inline constexpr std::uint64_t kPathFilestatGet = 1ULL << 18;
inline constexpr std::uint64_t kFdFilestatGet = 1ULL << 21;
inline constexpr std::uint64_t kPollFdReadwrite = 1ULL << 27;
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
