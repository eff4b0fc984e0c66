// PollLoop: the event loop of one invocation without a server: poll(2) over a handful of
// descriptors, around a runtime worker.
//
//   auto loop = PollLoop::create();
//   runtime::Worker worker(**loop);
//   (*loop)->add(input);                               // a PollLoop::Source
//   invocation.begin(…);
//   (*loop)->run(worker, [&] { return ended; });
//
// One thread, but for post().
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/loop.h"
#include "runtime/worker.h"

namespace godwit::cli {

class PollLoop final : public runtime::Loop {
 public:
  // A descriptor that is waited for.
  class Source {
   public:
    virtual int fd() const = 0;
    // POLLIN, POLLOUT, or 0: nothing is wanted now.
    virtual short wanted() const = 0;
    // What was wanted has come, or the descriptor failed.
    virtual void ready() = 0;

   protected:
    ~Source() = default;
  };

  // Errors: kSystemCall.
  static Result<std::unique_ptr<PollLoop>> create();
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  // Sources must stay until the last run() has returned.
  void add(Source& source) { sources_.push_back(&source); }
  // Turns until `done`, which is asked once a turn.
  void run(runtime::Worker& worker, const std::function<bool()>& done);

  // runtime::Loop. run() looks at the worker's queues in each turn, so there is nothing to note.
  void wake_at(TimePoint) noexcept override {}
  void post(std::function<void()> task) override;

 private:
  explicit PollLoop(Fd mailbox) : mailbox_(std::move(mailbox)) {}
  void run_posted();
  void wait(const runtime::Worker& worker, std::optional<TimePoint> until);

  Fd mailbox_;  // eventfd: post() was called
  std::vector<Source*> sources_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
};

}  // namespace godwit::cli
