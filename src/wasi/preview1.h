// Preview1: the state of one invocation that speaks WASI preview 1, and the tables of host
// functions that work on it. The same for every engine that runs core modules.
//
//   Preview1 wasi({.arguments = &arguments, .environment = &environment, .standard_input = &in,
//                  .standard_output = &out, .standard_error = &log, .clock = &clock,
//                  .random = &random, .timers = &timers, .waker = &invocation});
//   auto module = engine.load(std::move(artifact), {host_functions(), limits});
//   auto instance = (*module)->instantiate({.state = &wasi});
//
// Grants nothing but its streams, clock and random bytes: no folder is open, no socket exists.
// Belongs to one invocation and its thread. All that the options point to must outlive it.
// Destroying it, at any moment, cancels whatever it waits for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/waker.h"
#include "capability/clock.h"
#include "capability/random.h"
#include "capability/stream.h"
#include "capability/timer.h"
#include "engine/host_function.h"
#include "wasi/abi.h"
#include "wasi/string_list.h"

namespace godwit::wasi {

// What the guest's monotonic clock shows when the invocation starts. Not 0: Go's runtime refuses a
// clock that reads 0, and programs subtract durations from "now" and expect no underflow.
inline constexpr Timestamp kMonotonicStartNs = 1'000'000ULL * 1'000'000'000ULL;

// What one host call does at most: it cannot be interrupted.
inline constexpr std::uint32_t kMaxIovecs = 1024;                       // more: EINVAL, as IOV_MAX
inline constexpr std::size_t kMaxTransferBytes = std::size_t{1} << 20;  // then a short count
inline constexpr std::uint32_t kMaxRandomBytes = 4U << 20;              // more: EINVAL; 7 ms
inline constexpr std::uint32_t kMaxSubscriptions = 4096;                // more: EINVAL

// An open file descriptor: one end of a stream.
struct Descriptor {
  capability::InputStream* input = nullptr;  // one of the two is set when it is open
  capability::OutputStream* output = nullptr;
  std::uint64_t rights = 0;
  std::uint16_t flags = 0;  // fdflags; of these only kFdNonblock has an effect on streams

  bool open() const { return input != nullptr || output != nullptr; }
  bool may(std::uint64_t needed) const { return (rights & needed) == needed; }
};

class Preview1 final : public engine::HostState {
 public:
  // All are required.
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
  };

  explicit Preview1(const Options& options);
  Preview1(const Preview1&) = delete;
  Preview1& operator=(const Preview1&) = delete;
  ~Preview1() { stop_waiting(); }

  // --- For the host functions -------------------------------------------------------------------
  const StringList& arguments() const { return *options_.arguments; }
  const StringList& environment() const { return *options_.environment; }
  const capability::Clock& clock() const { return *options_.clock; }
  capability::Random& random() { return *options_.random; }

  // The descriptor of that number, or null when it is not open.
  Descriptor* descriptor(Fd fd);

  // Since the invocation's start, in nanoseconds.
  std::uint64_t elapsed_ns(TimePoint now) const {
    return static_cast<std::uint64_t>((now - started_).count());
  }

  // Registers the invocation's waker with a stream; false when there is nothing to wait for.
  bool wait_for(capability::InputStream& stream);
  bool wait_for(capability::OutputStream& stream);
  void wait_until(TimePoint deadline);
  // Cancels all of these registrations. Every function that may wait starts with it: it is called
  // again when woken, and a wake-up may be somebody else's.
  void stop_waiting();

  // When the poll_oneoff that is waiting was first called: its relative timeouts count from there.
  // Forgotten by stop_waiting().
  const std::optional<TimePoint>& poll_began() const { return poll_began_; }
  void remember_poll(TimePoint began) { poll_began_ = began; }

 private:
  Options options_;
  TimePoint started_;
  // Numbers beyond stdio do not exist, because nothing that would open one is granted.
  std::array<Descriptor, 3> descriptors_;
  bool waiting_ = false;
  capability::TimerId timer_ = capability::TimerId::kNone;
  std::optional<TimePoint> poll_began_;
};

// The 46 functions of `wasi_snapshot_preview1`. The host state of all tables is a Preview1.
std::span<const engine::HostFunction> preview1_functions();
// The 45 functions of its predecessor `wasi_unstable` (snapshot 0), converted where they differ:
// filestat, poll_oneoff's subscriptions, and the values of whence.
std::span<const engine::HostFunction> snapshot0_functions();
// Both, for engine::LoadOptions.
std::span<const engine::HostFunction> host_functions();

}  // namespace godwit::wasi
