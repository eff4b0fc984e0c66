#include "runtime/blocking_pool.h"

#include <algorithm>
#include <utility>

#include <pthread.h>

#include "base/check.h"

namespace godwit::runtime {

// --- The pool -----------------------------------------------------------------------------------

BlockingPool::BlockingPool(unsigned threads_max)
    : threads_max_(std::max(threads_max, 2U)), per_owner_max_(threads_max_ - 1) {}

BlockingPool::~BlockingPool() {
  std::unordered_map<const void*, Owner> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(owners_);
    turns_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BlockingPool::submit(const void* owner, std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    Owner& queue = owners_[owner];
    if (queue.waiting.empty()) turns_.push_back(owner);
    queue.waiting.push_back(std::move(work));
    start_thread_if_useful();
  }
  changed_.notify_one();
}

bool BlockingPool::busy() {
  const std::lock_guard lock(mutex_);
  return !owners_.empty();
}

void BlockingPool::start_thread_if_useful() {
  if (idle_ != 0 || threads_.size() >= threads_max_) return;
  threads_.emplace_back([this] { run(); });
}

bool BlockingPool::take(const void*& owner, std::function<void()>& work) {
  for (std::size_t looked_at = 0; looked_at < turns_.size(); ++looked_at) {
    owner = turns_.front();
    turns_.pop_front();
    Owner& queue = owners_[owner];
    if (queue.running >= per_owner_max_) {
      turns_.push_back(owner);
      continue;
    }
    work = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    ++queue.running;
    if (!queue.waiting.empty()) turns_.push_back(owner);
    return true;
  }
  return false;
}

void BlockingPool::run() {
  pthread_setname_np(pthread_self(), "blocking");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const void* owner = nullptr;
    std::function<void()> work;
    if (!take(owner, work)) {
      ++idle_;
      changed_.wait(lock);
      --idle_;
      continue;
    }
    lock.unlock();
    work();
    work = nullptr;  // what it owned ends here too, outside of the lock
    lock.lock();
    const auto found = owners_.find(owner);
    if (found == owners_.end()) continue;  // the pool ends
    --found->second.running;
    if (!found->second.waiting.empty()) {
      changed_.notify_one();  // it may have waited for this very place
    } else if (found->second.running == 0) {
      owners_.erase(found);
    }
  }
}

// --- One worker's side --------------------------------------------------------------------------

BlockingDesk::BlockingDesk(Loop& loop, BlockingPool& pool)
    : pool_(pool), way_back_(std::make_shared<WayBack>()) {
  way_back_->loop = &loop;
}

BlockingDesk::~BlockingDesk() {
  const std::lock_guard lock(way_back_->mutex);
  way_back_->loop = nullptr;
}

void GuestBlocking::start(std::function<void()> work, Waker* waker) {
  CHECK(desk_ != nullptr && job_ == nullptr);
  waker_ = waker;
  job_ = std::make_shared<Job>(Job{std::move(work), Nanoseconds{0}, this});
  desk_->pool_.submit(owner_, [job = job_, way_back = desk_->way_back_] {
    const Nanoseconds before = thread_cpu_now();
    job->work();
    job->work = nullptr;
    job->cpu = thread_cpu_now() - before;
    const std::lock_guard lock(way_back->mutex);
    if (way_back->loop == nullptr) return;
    way_back->loop->post([job] {
      if (job->guest != nullptr) job->guest->finished(*job);
    });
  });
}

void GuestBlocking::finished(const Job& job) noexcept {
  cpu_ += job.cpu;
  job_ = nullptr;
  waker_->wake();
}

void GuestBlocking::cancel() {
  if (job_ == nullptr) return;
  job_->guest = nullptr;
  job_ = nullptr;
}

void GuestBlocking::dispose(std::shared_ptr<void> object) {
  if (desk_ == nullptr) return;
  desk_->pool_.submit(owner_, [held = std::move(object)]() mutable { held.reset(); });
}

}  // namespace godwit::runtime
