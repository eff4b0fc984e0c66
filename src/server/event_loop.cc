#include "server/event_loop.h"

#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/error.h"
#include "runtime/worker.h"

namespace godwit::server {
namespace {

int make_eventfd() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  CHECK(fd >= 0, errno_text());  // without descriptors there is no server to report to
  return fd;
}

}  // namespace

EventLoop::EventLoop()
    : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE), timer_(io_), mailbox_event_(io_, make_eventfd()) {
  wait_mailbox();
}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  const auto guard = boost::asio::make_work_guard(io_);
  while (!io_.stopped()) {
    if (worker_->has_ready()) {
      worker_->run_turn();
      poll_io();
    } else {
      io_.run_one();
    }
  }
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(mailbox_mutex_);
  closed_ = true;
  dropped.swap(mailbox_);
}

void EventLoop::stop() {
  boost::asio::post(io_, [this] { io_.stop(); });
}

// Not io_.poll(): that goes on for as long as anything comes.
void EventLoop::poll_io() {
  const TimePoint until = monotonic_now() + kPollTime;
  while (io_.poll_one() != 0 && monotonic_now() < until) {
  }
}

void EventLoop::wake_at(TimePoint deadline) noexcept {
  if (!armed_for_ || deadline < *armed_for_) arm_timer(deadline);
}

void EventLoop::arm_timer(TimePoint deadline) {
  armed_for_ = deadline;
  timer_.expires_at(deadline);  // cancels the wait before
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_timer();
  });
}

void EventLoop::on_timer() {
  armed_for_.reset();
  worker_->fire_timers(monotonic_now());
  const auto next = worker_->timers().next_deadline();
  if (next) wake_at(*next);
}

void EventLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mailbox_mutex_);
    if (closed_) return;
    mailbox_.push_back(std::move(task));
    if (mailbox_.size() > 1) return;  // the event is signalled already
  }
  const std::uint64_t one = 1;
  const ssize_t written = ::write(mailbox_event_.native_handle(), &one, sizeof(one));
  CHECK(written == sizeof(one) || errno == EAGAIN, errno_text());
}

void EventLoop::wait_mailbox() {
  mailbox_event_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this](const boost::system::error_code& error) {
                              if (error) return;
                              drain_mailbox();
                              wait_mailbox();
                            });
}

void EventLoop::drain_mailbox() {
  std::uint64_t count = 0;
  const ssize_t got = ::read(mailbox_event_.native_handle(), &count, sizeof(count));
  CHECK(got == sizeof(count) || errno == EAGAIN, errno_text());
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mailbox_mutex_);
    tasks.swap(mailbox_);
  }
  for (const auto& task : tasks) task();
}

}  // namespace godwit::server
