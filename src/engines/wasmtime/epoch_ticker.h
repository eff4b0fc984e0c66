// EpochTicker: the clock that ends time slices. One thread ticks once a period (a millisecond)
// while any thread is inside a guest, and sleeps without waking up once none has been for 100
// periods.
//
//   EpochTicker ticker([&] { increment_epoch(); });
//   std::shared_ptr<EpochTicker::Lane> lane = ticker.lane();   // once per thread (or instance)
//   ticker.enter(*lane);
//   run_the_guest();
//   ticker.leave(*lane);
//
// Thread-safety: lane() may be called from any thread; a Lane is entered and left by the thread
// that asked for it. enter() and leave() write only the thread's own cache line; the one shared
// word they read is written when the ticker parks or is woken, not per request.
//
// Memory order. enter() writes the lane and then reads `parked_`; the ticker writes `parked_` and
// then reads the lanes. Each may only go on sleeping (or not waking) when it has seen that the
// other has not yet written, so both must not miss each other: store before load on both sides,
// which is Dekker's pattern and needs sequential consistency on these four accesses (on x86 the
// store becomes an xchg, about 5 ns). leave() orders nothing: the ticker only wants to know "still
// inside?", and learns it late at worst, by one tick.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace godwit::engines::wasmtime {

class EpochTicker final {
 public:
  static constexpr std::chrono::milliseconds kPeriod{1};
  static constexpr int kIdleTicks = 100;  // without any guest, before the ticker parks

  // Odd while its thread is inside a guest; grows with every entry and leave.
  struct alignas(64) Lane {
    std::atomic<std::uint64_t> passages{0};
  };

  explicit EpochTicker(std::function<void()> tick, std::chrono::microseconds period = kPeriod);
  ~EpochTicker();
  EpochTicker(const EpochTicker&) = delete;
  EpochTicker& operator=(const EpochTicker&) = delete;

  // The calling thread's lane; the same one every time.
  std::shared_ptr<Lane> lane();

  void enter(Lane& lane) noexcept {
    const std::uint64_t passages = lane.passages.load(std::memory_order_relaxed);
    lane.passages.store(passages + 1, std::memory_order_seq_cst);
    if (parked_.load(std::memory_order_seq_cst) != 0) [[unlikely]]
      unpark();
  }
  void leave(Lane& lane) noexcept {
    const std::uint64_t passages = lane.passages.load(std::memory_order_relaxed);
    lane.passages.store(passages + 1, std::memory_order_release);
  }

  // Returns when every thread that was inside has left (or left and entered again): what they
  // could see only before is unused then. The other half of the pattern above: whoever calls this
  // has stored what those see who enter later, sequentially consistent. May take as long as a
  // thread stays inside.
  void wait_for_passages();

  bool parked() const { return parked_.load(std::memory_order_relaxed) != 0; }

 private:
  struct Watched {
    std::shared_ptr<Lane> lane;
    std::uint64_t seen = 0;
  };

  void unpark() noexcept;
  void run();
  // True when any thread is inside a guest or has been since the last look.
  bool active();
  void park();

  const std::uint64_t id_;
  const std::function<void()> tick_;
  const std::chrono::microseconds period_;
  std::mutex mutex_;  // lanes_; taken by the ticker, and by a thread's first lane()
  std::vector<Watched> lanes_;
  alignas(64) std::atomic<int> parked_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ready_{false};  // its thread runs as it will
  std::thread thread_;
};

}  // namespace godwit::engines::wasmtime
