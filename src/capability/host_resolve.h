// Resolving a guest's path on the host: the only place with openat2(2), and the only calls that
// are given more than one component. Everything else works on a descriptor, or on one name in a
// folder's descriptor.
//
//   const HostBase base{.folder = fd, .handles = budget, .patience = patience};
//   auto node = open_beneath(base, path, O_PATH | O_NOFOLLOW);   // never opens what it finds
//   auto file = node ? reopen(base, node->get(), O_RDWR) : …;    // the same node, for input/output
//
// Why two steps: opening a FIFO or a device has effects (or hangs) before its type can be asked.
// With O_PATH nothing is opened; reopen() then takes exactly that node, through /proc/self/fd, and
// cannot be lured to another by a rename in between.
//
// Pure functions over descriptors; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <sys/stat.h>

#include "base/fd.h"
#include "capability/file_system.h"
#include "capability/handle_budget.h"

namespace godwit::capability {

// A descriptor that is counted in a budget while it is open.
class HostHandle final {
 public:
  HostHandle() = default;

  // Errors: too_many_files_open_in_system. `budget` may be null and outlives the handle.
  static FileResult<HostHandle> reserve(HandleBudget* budget);
  // REQUIRES: nothing was put in before.
  void put(Fd fd) { fd_ = std::move(fd); }
  void reset() {
    fd_.reset();
    ticket_.reset();
  }

  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

 private:
  struct GiveBack {
    void operator()(HandleBudget* budget) const { budget->give_back(); }
  };
  std::unique_ptr<HandleBudget, GiveBack> ticket_;
  Fd fd_;  // after the ticket: closed before it is given back
};

struct HostBase {
  int folder = -1;                  // paths are relative to it and don't leave it
  HandleBudget* handles = nullptr;  // null: not counted
  Patience patience = Patience::kMayBlock;
};

// openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV; O_CLOEXEC is added, and
// O_NONBLOCK | O_NOCTTY unless it is an O_PATH. With Patience::kNone what the kernel does not have
// in its cache is kWouldBlock. Errors: operation_not_permitted where the path leads out (or onto
// another mount); invalid_argument for a NUL; device_or_resource_busy when folders on the way kept
// being renamed; and the kernel's.
FileResult<HostHandle> open_beneath(const HostBase& base, std::string_view path, int flags,
                                    mode_t mode = 0);

// Opens the node behind an O_PATH descriptor anew. REQUIRES: it is a regular file.
FileResult<HostHandle> reopen(const HostBase& base, int node, int flags);

FileResult<struct stat> stat_of(int fd);

// Can open_beneath work here? 0, or the errno that says why not (ENOSYS: no openat2; EINVAL: no
// RESOLVE_CACHED; EPERM: a filter).
int resolve_support(int folder);
// Is /proc there for reopen()? 0 or the errno.
int reopen_support();

// A path cut before its last component, as Linux does it for calls that act on a name.
struct LastStep {
  enum class Kind : std::uint8_t { kName, kDot, kDotDot, kRoot };
  std::string_view parent;  // may be empty: the folder itself
  std::string_view name;    // without slashes; empty for kRoot
  Kind kind = Kind::kName;
  bool trailing_slash = false;  // only a folder can be meant
};
// Errors: no_such_file_or_directory for an empty path; filename_too_long; invalid_argument for NUL.
FileResult<LastStep> split_last(std::string_view path);

// The folder and the one name that an *at call is to be made with. No call that is given them may
// follow what stands there.
struct NamedPlace {
  HostHandle owned_parent;  // closed with the place, unless the parent is the base itself
  int parent = -1;
  std::array<char, kMaxNameBytes + 1> name;
  LastStep::Kind kind = LastStep::Kind::kName;  // anything else: there is no name to act on
  bool trailing_slash = false;
};
// Errors: as open_beneath for the way to the parent, and where the path ends in dots for the whole.
FileResult<NamedPlace> find_place(const HostBase& base, std::string_view path);

// What an operation says to a path that ends in "." or "..".
struct DotErrors {
  std::errc dot;
  std::errc dot_dot;
};
FileResult<void> must_be_name(const NamedPlace& place, const DotErrors& errors);
// Both together.
FileResult<NamedPlace> find_name(const HostBase& base, std::string_view path,
                                 const DotErrors& errors);

// errno as the contract of file_system.h has it: whatever is no POSIX answer to a guest is
// io_error, and EAGAIN is device_or_resource_busy (kWouldBlock is said on purpose only).
std::errc errc_of(int error_number);

}  // namespace godwit::capability
