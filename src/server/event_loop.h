// EventLoop: one thread's I/O and time, over Boost.Asio. It drives the runtime's worker of the
// same thread (runtime/loop.h): a turn of guests, then the I/O that came meanwhile, then a turn.
//
//   EventLoop loop;
//   loop.attach(worker);
//   loop.run();                        // until stop()
//
// The io_context is used by its own thread alone (concurrency hint UNSAFE, so without locks); the
// only way in from elsewhere is post(), which wakes the thread through an eventfd.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "runtime/loop.h"

namespace godwit::runtime {
class Worker;
}

namespace godwit::server {

class EventLoop final : public runtime::Loop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Before run(): whose ready invocations and timers this loop serves.
  void attach(runtime::Worker& worker) { worker_ = &worker; }
  boost::asio::io_context& io() { return io_; }

  // Runs until stop(). On return no task that was posted will run any more.
  void run();
  // Worker thread only. What is queued before (handlers of what was just closed) still runs.
  void stop();

  void wake_at(TimePoint deadline) noexcept override;
  void post(std::function<void()> task) override;

 private:
  // The I/O between two turns of guests when there is more: neither may starve the other.
  static constexpr Nanoseconds kPollTime = std::chrono::microseconds(500);

  void poll_io();
  void arm_timer(TimePoint deadline);
  void on_timer();
  void wait_mailbox();
  void drain_mailbox();

  boost::asio::io_context io_;
  boost::asio::steady_timer timer_;
  boost::asio::posix::stream_descriptor mailbox_event_;
  runtime::Worker* worker_ = nullptr;
  std::optional<TimePoint> armed_for_;

  std::mutex mailbox_mutex_;  // guards the two below; held for a push or a swap only
  std::vector<std::function<void()>> mailbox_;
  bool closed_ = false;
};

}  // namespace godwit::server
