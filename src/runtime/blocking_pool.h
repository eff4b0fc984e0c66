// BlockingPool: a few threads for work that may wait for a disk, shared by all workers; and
// BlockingDesk, where the invocations of one worker hand such work in.
//
//   BlockingPool pool(4);                        // threads start with the first work
//   pool.submit(owner, [file] { … });            // any thread
//
// Fair: each owner (a function) has a queue of its own, the queues take turns, and no owner has
// all threads, so that one function on a slow disk does not stop the files of the others. A system
// call that hangs (a dead network disk) keeps its thread; its invocation ends by its own deadline.
//
// Thread-safe. The destructor drops what has not begun and waits for what has.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "capability/blocking.h"
#include "runtime/loop.h"

namespace godwit::runtime {

class BlockingPool final {
 public:
  explicit BlockingPool(unsigned threads_max);
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool();

  // `owner` is only compared.
  void submit(const void* owner, std::function<void()> work);
  // Is something waiting or running? Whoever is in a hurry need not wait for the destructor.
  bool busy();

 private:
  struct Owner {
    std::deque<std::function<void()>> waiting;
    unsigned running = 0;
  };

  void run();
  // The work whose turn it is. REQUIRES: mutex_ is held.
  bool take(const void*& owner, std::function<void()>& work);
  void start_thread_if_useful();

  const unsigned threads_max_;
  const unsigned per_owner_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<const void*, Owner> owners_;  // those that wait or run
  std::deque<const void*> turns_;                  // owners with something waiting
  unsigned idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// What one worker's invocations share: the way back from the pool, which ends with the worker.
class BlockingDesk final {
 public:
  BlockingDesk(Loop& loop, BlockingPool& pool);
  BlockingDesk(const BlockingDesk&) = delete;
  BlockingDesk& operator=(const BlockingDesk&) = delete;
  ~BlockingDesk();

 private:
  friend class GuestBlocking;
  // Outlives the worker, for work that comes back too late.
  struct WayBack {
    std::mutex mutex;
    Loop* loop;  // null: the worker is gone
  };

  BlockingPool& pool_;
  std::shared_ptr<WayBack> way_back_;
};

// The blocking work of one invocation.
class GuestBlocking final : public capability::Blocking {
 public:
  explicit GuestBlocking(BlockingDesk* desk) : desk_(desk) {}
  GuestBlocking(const GuestBlocking&) = delete;
  GuestBlocking& operator=(const GuestBlocking&) = delete;
  ~GuestBlocking() { cancel(); }

  // Whose work it is from now on (BlockingPool's fairness).
  void set_owner(const void* owner) { owner_ = owner; }
  // CPU time that its work has used on other threads since the last call.
  Nanoseconds take_cpu() { return std::exchange(cpu_, Nanoseconds{0}); }

  void start(std::function<void()> work, Waker* waker) override;
  bool busy() const override { return job_ != nullptr; }
  void cancel() override;
  void dispose(std::shared_ptr<void> object) override;

 private:
  struct Job {
    std::function<void()> work;
    Nanoseconds cpu{0};
    GuestBlocking* guest;  // null: cancelled. Only the worker's thread looks at it.
  };

  void finished(const Job& job) noexcept;

  BlockingDesk* desk_;  // null: this worker has no pool, and nothing that needs one is granted
  const void* owner_ = nullptr;
  std::shared_ptr<Job> job_;
  Waker* waker_ = nullptr;
  Nanoseconds cpu_{0};
};

}  // namespace godwit::runtime
