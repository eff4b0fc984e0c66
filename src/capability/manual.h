// The capabilities with a hand on the wheel, for tests: time passes when the test says so, input
// arrives when the test pushes it, wake-ups are counted.
//
//   ManualClock clock;
//   ManualTimers timers(clock);
//   ManualInput input;                     // pending until push() or end()
//   CountingWaker waker;
//   timers.advance(50ms);                  // moves the clock and fires what is due
//
// Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capability/blocking.h"
#include "capability/clock.h"
#include "capability/random.h"
#include "capability/stream.h"
#include "capability/timer.h"

namespace godwit::capability {

class CountingWaker final : public Waker {
 public:
  void wake() noexcept override { ++count_; }
  int count() const { return count_; }
  // How often it was woken since the last call.
  int take() { return std::exchange(count_, 0); }

 private:
  int count_ = 0;
};

class ManualClock final : public Clock {
 public:
  static constexpr std::uint64_t kStartRealtimeNs = 1'700'000'000ULL * 1'000'000'000ULL;

  std::uint64_t realtime_ns() const override { return realtime_ns_; }
  TimePoint now() const override { return now_; }

  void advance(Nanoseconds time) {
    now_ += time;
    realtime_ns_ += static_cast<std::uint64_t>(time.count());
  }
  // Someone set the machine's clock: real time jumps, monotonic time does not.
  void set_realtime_ns(std::uint64_t value) { realtime_ns_ = value; }

 private:
  TimePoint now_ = TimePoint(std::chrono::hours(1));
  std::uint64_t realtime_ns_ = kStartRealtimeNs;
};

class ManualTimers final : public Timers {
 public:
  explicit ManualTimers(ManualClock& clock) : clock_(clock) {}

  TimerId arm(TimePoint deadline, Waker* waker) override {
    armed_.push_back({TimerId{++last_id_}, deadline, waker});
    return armed_.back().id;
  }
  void cancel(TimerId timer) override {
    std::erase_if(armed_, [&](const Armed& armed) { return armed.id == timer; });
  }

  std::size_t armed() const { return armed_.size(); }
  std::uint64_t ever_armed() const { return last_id_; }
  // The earliest deadline; TimePoint::max() when nothing is armed.
  TimePoint next() const {
    TimePoint earliest = TimePoint::max();
    for (const Armed& armed : armed_) earliest = std::min(earliest, armed.deadline);
    return earliest;
  }
  // Lets `time` pass and fires what is due then.
  void advance(Nanoseconds time) {
    clock_.advance(time);
    std::vector<Armed> fired;
    std::erase_if(armed_, [&](const Armed& armed) {
      const bool due = armed.deadline <= clock_.now();
      if (due) fired.push_back(armed);
      return due;
    });
    for (const Armed& armed : fired) armed.waker->wake();
  }

 private:
  struct Armed {
    TimerId id;
    TimePoint deadline;
    Waker* waker;
  };

  ManualClock& clock_;
  std::vector<Armed> armed_;
  std::uint64_t last_id_ = 0;
};

// Bytes that arrive later.
class ManualInput final : public InputStream {
 public:
  ReadResult read(MutableByteSpan out) override {
    if (bytes_.empty()) return {ended_ ? ReadStatus::kEnd : ReadStatus::kPending, 0};
    const std::size_t size = std::min(out.size(), bytes_.size());
    std::copy_n(as_bytes(bytes_).begin(), size, out.begin());
    bytes_.erase(0, size);
    return {ReadStatus::kBytes, size};
  }
  bool wait_readable(Waker* waker) override {
    if (ended_ || !bytes_.empty()) return false;
    waker_ = waker;
    return true;
  }
  void cancel_wait() override { waker_ = nullptr; }
  std::size_t available() const override { return bytes_.size(); }

  void push(std::string_view bytes) {
    bytes_ += bytes;
    wake();
  }
  void end() {
    ended_ = true;
    wake();
  }
  bool waited_for() const { return waker_ != nullptr; }

 private:
  void wake() {
    if (Waker* const waker = std::exchange(waker_, nullptr)) waker->wake();
  }

  std::string bytes_;
  bool ended_ = false;
  Waker* waker_ = nullptr;
};

// 0, 1, 2, …: so that a test can tell which bytes were filled.
class CountingRandom final : public Random {
 public:
  void fill(MutableByteSpan out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next_++);
    filled_ += out.size();
  }
  std::size_t filled() const { return filled_; }

 private:
  std::uint8_t next_ = 0;
  std::size_t filled_ = 0;
};

// Work waits until the test lets it happen.
class ManualBlocking final : public Blocking {
 public:
  void start(std::function<void()> work, Waker* waker) override {
    work_ = std::move(work);
    waker_ = waker;
    ++started_;
  }
  bool busy() const override { return work_ != nullptr; }
  void cancel() override { work_ = nullptr; }
  void dispose(std::shared_ptr<void> object) override {
    object.reset();
    ++disposed_;
  }

  // Does what was started, if anything, and wakes.
  void finish() {
    if (work_ == nullptr) return;
    std::exchange(work_, nullptr)();
    waker_->wake();
  }
  int started() const { return started_; }
  int disposed() const { return disposed_; }

 private:
  std::function<void()> work_;
  Waker* waker_ = nullptr;
  int started_ = 0;
  int disposed_ = 0;
};

}  // namespace godwit::capability
