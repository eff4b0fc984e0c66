// For tests: a Loop over poll(2), turned by hand.
//
//   TestLoop loop;
//   ASSERT_TRUE(loop.run_until([&] { return call->state() != OutboundState::kPending; }));
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "outbound/loop.h"

namespace godwit::outbound {

class TestLoop final : public Loop {
 public:
  TestLoop() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  std::unique_ptr<SocketWatch> watch(int fd, SocketObserver& observer) override {
    if (refuses_watches) return nullptr;
    return std::make_unique<Watch>(*this, fd, observer);
  }
  std::unique_ptr<LoopTimer> timer(TimerObserver& observer) override {
    return std::make_unique<Timer>(*this, observer);
  }
  void post(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof(one));
  }

  // Turns until `done`; false when that takes longer than any test should.
  bool run_until(const std::function<bool()>& done) {
    const TimePoint give_up = monotonic_now() + std::chrono::seconds(30);
    while (!done()) {
      if (monotonic_now() > give_up) return false;
      turn(std::chrono::milliseconds(20));
    }
    return true;
  }
  // What is due now, a few times over.
  void settle() {
    for (int i = 0; i < 20; ++i) turn(std::chrono::milliseconds(1));
  }
  std::size_t watches() const { return watches_.size(); }

  bool refuses_watches = false;

 private:
  struct Watch final : SocketWatch {
    Watch(TestLoop& of, int number, SocketObserver& who) : loop(of), fd(number), observer(who) {
      loop.watches_[fd] = this;
    }
    ~Watch() override { loop.watches_.erase(fd); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    void want(bool readable, bool writable) override {
      events = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
    }
    TestLoop& loop;
    const int fd;
    SocketObserver& observer;
    short events = 0;
  };
  struct Timer final : LoopTimer {
    Timer(TestLoop& of, TimerObserver& who) : loop(of), observer(who) {}
    ~Timer() override { loop.timers_.erase(this); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void arm(TimePoint at) override {
      deadline = at;
      loop.timers_.insert(this);
    }
    void cancel() override { loop.timers_.erase(this); }
    TestLoop& loop;
    TimerObserver& observer;
    TimePoint deadline;
  };

  void turn(std::chrono::milliseconds at_most) {
    std::vector<pollfd> fds = {{.fd = event_.get(), .events = POLLIN, .revents = 0}};
    for (const auto& [fd, watch] : watches_) {
      fds.push_back({.fd = fd, .events = watch->events, .revents = 0});
    }
    TimePoint until = monotonic_now() + at_most;
    for (const Timer* timer : timers_) until = std::min(until, timer->deadline);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - monotonic_now()).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, wait)));
    if (fds[0].revents != 0) take_tasks();
    for (std::size_t i = 1; i < fds.size(); ++i) {
      const auto found = watches_.find(fds[i].fd);
      if (fds[i].revents == 0 || found == watches_.end()) continue;
      const short events = found->second->events;
      const bool trouble = (fds[i].revents & (POLLERR | POLLHUP)) != 0;
      found->second->observer.on_socket(
          fds[i].fd, (events & POLLIN) != 0 && (trouble || (fds[i].revents & POLLIN) != 0),
          (events & POLLOUT) != 0 && (trouble || (fds[i].revents & POLLOUT) != 0));
    }
    fire_timers();
  }
  void take_tasks() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof(count));
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
  }
  void fire_timers() {
    const TimePoint now = monotonic_now();
    const std::vector<Timer*> all(timers_.begin(), timers_.end());
    for (Timer* const timer : all) {
      if (!timers_.contains(timer) || timer->deadline > now) continue;
      timers_.erase(timer);
      timer->observer.on_timer();
    }
  }

  Fd event_;
  std::map<int, Watch*> watches_;
  std::set<Timer*> timers_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
};

}  // namespace godwit::outbound
