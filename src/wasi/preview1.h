// Preview1: the state of one invocation that speaks WASI preview 1, and the tables of host
// functions that work on it. The same for every engine that runs core modules.
//
//   Preview1 wasi({.arguments = &arguments, .environment = &environment, .standard_input = &in,
//                  .standard_output = &out, .standard_error = &log, .clock = &clock,
//                  .random = &random, .timers = &timers, .waker = &invocation});
//   auto module = engine.load(std::move(artifact), {host_functions(), limits});
//   auto instance = (*module)->instantiate({.state = &wasi});
//
// Grants nothing but its streams, clock and random bytes, and the folders that it was handed
// (`files`); the folder of devices, when it is asked for, holds only those streams again. No socket
// exists.
// Belongs to one invocation and its thread. All that the options point to must outlive it.
// Destroying it, at any moment, cancels whatever it waits for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/waker.h"
#include "capability/blocking.h"
#include "capability/clock.h"
#include "capability/file_system.h"
#include "capability/grants.h"
#include "capability/random.h"
#include "capability/stream.h"
#include "capability/timer.h"
#include "engine/host_function.h"
#include "wasi/abi.h"
#include "wasi/descriptor_table.h"
#include "wasi/string_list.h"

namespace godwit::wasi {

// What the guest's monotonic clock shows when the invocation starts. Not 0: Go's runtime refuses a
// clock that reads 0, and programs subtract durations from "now" and expect no underflow.
inline constexpr Timestamp kMonotonicStartNs = 1'000'000ULL * 1'000'000'000ULL;

// What one host call does at most: it cannot be interrupted.
inline constexpr std::uint32_t kMaxIovecs = 1024;  // more: EINVAL, as IOV_MAX
// Then a read returns a short count, and a write gives way to others before it goes on.
inline constexpr std::size_t kMaxTransferBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxRandomPieceBytes = std::size_t{256} << 10;  // 0.4 ms
// What the calls of one time slice do together, about 1 ms: epochs interrupt loops, not host calls.
inline constexpr std::uint64_t kSliceWorkNs = 1'000'000;
inline constexpr std::uint32_t kMaxSubscriptions = 4096;  // more: EINVAL

// Is there a folder /dev with stdin, stdout and stderr, for programs that insist on file names?
enum class Devices : std::uint8_t { kNone, kStdio };

// Bytes that pass between a guest and a file: read or written on whichever thread does the work,
// which may outlive the invocation.
struct TransferBuffer {
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size = 0;
};

class Preview1 final : public engine::HostState {
 public:
  // All are required, but for the last three.
  struct Options {
    const StringList* arguments = nullptr;
    const StringList* environment = nullptr;
    capability::InputStream* standard_input = nullptr;
    capability::OutputStream* standard_output = nullptr;
    capability::OutputStream* standard_error = nullptr;
    const capability::Clock* clock = nullptr;
    capability::Random* random = nullptr;
    capability::Timers* timers = nullptr;
    Waker* waker = nullptr;  // told when what a host function waits for has come
    Devices devices = Devices::kNone;
    std::span<const capability::FileGrant> files;
    capability::Blocking* blocking = nullptr;  // required when there are files
  };

  explicit Preview1(const Options& options);
  Preview1(const Preview1&) = delete;
  Preview1& operator=(const Preview1&) = delete;
  ~Preview1();

  // The invocation is over and the guest lives on: lets go of its streams. False when an operation
  // of it is still under way. Files that are open stay so.
  bool rest();
  // The next invocation of the same guest: as options of the constructor, of which the clock,
  // timers, waker, devices, files and blocking are the same. REQUIRES: rest() was true.
  void bind(const Options& options);

  // --- For the host functions -------------------------------------------------------------------
  const StringList& arguments() const { return *options_.arguments; }
  const StringList& environment() const { return *options_.environment; }
  const capability::Clock& clock() const { return *options_.clock; }
  capability::Random& random() { return *options_.random; }

  // The descriptor of that number, or null when it is not open.
  Descriptor* descriptor(Fd fd) { return descriptors_.find(fd); }
  // Under the lowest free number. Errors: kMfile.
  Errno add_descriptor(Descriptor&& descriptor, Fd& number) {
    return descriptors_.add(std::move(descriptor), number);
  }
  void close(Descriptor& descriptor);
  // Of a descriptor that is_folder(): made now, if this is the first touch.
  const std::shared_ptr<capability::Folder>& folder(Descriptor& descriptor);

  // Opens "stdin", "stdout" or "stderr" again, under the lowest free number.
  // Errors: kNoent, kMfile.
  Errno open_device(std::string_view name, std::uint16_t flags, Fd& opened);

  // Since the invocation's start, in nanoseconds.
  std::uint64_t elapsed_ns(TimePoint now) const {
    return static_cast<std::uint64_t>((now - started_).count());
  }

  // Registers the invocation's waker with a stream; false when there is nothing to wait for.
  bool wait_for(capability::InputStream& stream);
  bool wait_for(capability::OutputStream& stream);
  void wait_until(TimePoint deadline);
  // The guest gives way to others and is called again at once.
  void give_way();
  // Charges a call with about so much host work before it is done. False: the slice's share is used
  // up; give_way() was called, and the function must return pending (it starts with a new share).
  bool afford(std::uint64_t work_ns);
  // Cancels all of these registrations. Every function that may wait starts with it: it is called
  // again when woken, and a wake-up may be somebody else's.
  void stop_waiting();

  // How far the transfer, random_get or fd_readdir that is waiting has come: they end when all is
  // done. Forgotten by stop_waiting().
  struct Progress {
    std::size_t size = 0;
    std::uint64_t cookie = 0;  // of fd_readdir: where it goes on
  };
  const Progress& progress() const { return progress_; }
  void remember_progress(Progress progress) {
    waiting_ = true;  // so that stop_waiting() forgets it
    progress_ = progress;
  }

  // Does `work(patience)` of a File or Folder (capability/file_system.h), here and now when that
  // does not block, else on another thread. Nothing: not done yet, and the function must return
  // pending; when it is called again it comes here again, and gets the result.
  // `work` owns all that it touches; what it returns is a FileResult. `cost_ns`: about what the
  // host does for it, not counting what blocks.
  template <class Work>
  auto perform(std::uint64_t cost_ns, Work work)
      -> std::optional<decltype(work(capability::Patience::kNone))>;
  // Did a perform() return nothing, and is to be asked again?
  bool performing() const { return operation_ != nullptr; }
  // At least so large. Not to be touched while performing(). The same one each time.
  const std::shared_ptr<TransferBuffer>& transfer_buffer(std::size_t size);

  // When the poll_oneoff that is waiting was first called: its relative timeouts count from there.
  // Forgotten by stop_waiting().
  const std::optional<TimePoint>& poll_began() const { return poll_began_; }
  void remember_poll(TimePoint began) { poll_began_ = began; }

 private:
  Options options_;
  TimePoint started_;
  DescriptorTable descriptors_;
  bool waiting_ = false;
  bool waiting_for_stream_ = false;
  capability::TimerId timer_ = capability::TimerId::kNone;
  std::optional<TimePoint> poll_began_;
  Progress progress_;
  std::shared_ptr<void> operation_;  // of the perform() that waits
  std::shared_ptr<TransferBuffer> transfer_buffer_;
  std::uint64_t work_ns_ = 0;
};

template <class Work>
auto Preview1::perform(std::uint64_t cost_ns, Work work)
    -> std::optional<decltype(work(capability::Patience::kNone))> {
  using Done = decltype(work(capability::Patience::kNone));
  struct Operation {
    Work work;
    std::optional<Done> done;
  };
  if (operation_ != nullptr) {
    if (options_.blocking->busy()) return std::nullopt;
    const auto operation = std::static_pointer_cast<Operation>(std::exchange(operation_, nullptr));
    return std::move(operation->done);
  }
  if (!afford(cost_ns)) return std::nullopt;
  Done at_once = work(capability::Patience::kNone);
  if (at_once || at_once.error() != capability::kWouldBlock) return at_once;
  auto operation = std::make_shared<Operation>(Operation{std::move(work), std::nullopt});
  options_.blocking->start(
      [operation] { operation->done = operation->work(capability::Patience::kMayBlock); },
      options_.waker);
  operation_ = std::move(operation);
  return std::nullopt;
}

// The 46 functions of `wasi_snapshot_preview1`. The host state of all tables is a Preview1.
std::span<const engine::HostFunction> preview1_functions();
// The 45 functions of its predecessor `wasi_unstable` (snapshot 0), converted where they differ:
// filestat, poll_oneoff's subscriptions, and the values of whence.
std::span<const engine::HostFunction> snapshot0_functions();
// The one function that Emscripten's standalone modules import beside preview 1.
std::span<const engine::HostFunction> emscripten_functions();
// All of these, for engine::LoadOptions.
std::span<const engine::HostFunction> host_functions();

}  // namespace godwit::wasi
