#include "cli/poll_loop.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>

namespace godwit::cli {

Result<std::unique_ptr<PollLoop>> PollLoop::create() {
  Fd mailbox(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!mailbox.valid()) return fail(ErrorCode::kSystemCall, "eventfd: " + errno_text());
  return std::unique_ptr<PollLoop>(new PollLoop(std::move(mailbox)));
}

void PollLoop::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(std::move(task));
  ::eventfd_write(mailbox_.get(), 1);
}

void PollLoop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (const std::function<void()>& task : tasks) task();
}

void PollLoop::run(runtime::Worker& worker, const std::function<bool()>& done) {
  while (true) {
    run_posted();
    worker.fire_timers(monotonic_now());
    worker.run_ready();
    if (done()) return;
    wait(worker, worker.timers().next_deadline());
  }
}

void PollLoop::wait(const runtime::Worker& worker, std::optional<TimePoint> until) {
  std::vector<pollfd> waiting = {{mailbox_.get(), POLLIN, 0}};
  std::vector<Source*> waiters;
  for (Source* const source : sources_) {
    const short wanted = source->wanted();
    if (wanted == 0) continue;
    waiting.push_back({source->fd(), wanted, 0});
    waiters.push_back(source);
  }
  timespec timeout{};
  if (until && !worker.has_ready()) {
    const auto left = std::max(*until - monotonic_now(), Nanoseconds(0));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    timeout = {seconds.count(), (left - seconds).count()};
  }
  const bool for_ever = !until && !worker.has_ready();
  if (::ppoll(waiting.data(), waiting.size(), for_ever ? nullptr : &timeout, nullptr) <= 0) return;
  if (waiting[0].revents != 0) {
    eventfd_t ignored = 0;
    ::eventfd_read(mailbox_.get(), &ignored);
  }
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    if (waiting[i + 1].revents != 0) waiters[i]->ready();
  }
}

}  // namespace godwit::cli
