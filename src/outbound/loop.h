// Loop: what outbound HTTP needs of the event loop of its worker: sockets to watch, a timer, a way
// in from other threads. The server implements it over its I/O loop, tests over poll(2); so this
// folder names no I/O library.
//
//   auto watch = loop.watch(fd, observer);
//   watch->want(true, false);              // observer.on_socket(fd, true, false), again and again
//
// All on the worker's thread but for post().
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

namespace godwit::outbound {

class SocketObserver {
 public:
  // May change what is wanted and destroy the watch.
  virtual void on_socket(int fd, bool readable, bool writable) noexcept = 0;

 protected:
  ~SocketObserver() = default;
};

// Destroying it ends the watch; the socket is closed later by its owner.
class SocketWatch {
 public:
  virtual ~SocketWatch() = default;
  // From now on: tells while it is so, not only when it becomes so.
  virtual void want(bool readable, bool writable) = 0;
};

class TimerObserver {
 public:
  virtual void on_timer() noexcept = 0;  // may arm or destroy the timer

 protected:
  ~TimerObserver() = default;
};

class LoopTimer {
 public:
  virtual ~LoopTimer() = default;
  // Once, not before `deadline`, never from within this call; replaces an earlier deadline.
  virtual void arm(TimePoint deadline) = 0;
  virtual void cancel() = 0;
};

class Loop {
 public:
  // Null: the system watches no more (epoll_ctl(2): a limit, no memory). Does not throw: libcurl's
  // C frames lie below.
  virtual std::unique_ptr<SocketWatch> watch(int fd, SocketObserver& observer) = 0;
  virtual std::unique_ptr<LoopTimer> timer(TimerObserver& observer) = 0;
  // Any thread: run `task` on the worker's thread, or never when the loop has ended.
  virtual void post(std::function<void()> task) = 0;

 protected:
  ~Loop() = default;
};

}  // namespace godwit::outbound
