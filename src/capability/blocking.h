// Blocking: work that may wait for a disk is done on another thread, and the guest sleeps until
// it is done. The runtime's pool stands behind it; tests use ManualBlocking (capability/manual.h).
//
//   auto shared = std::make_shared<Job>(…);
//   blocking.start([shared] { shared->result = shared->work(); }, &waker);
//   …                                             // woken: !blocking.busy(), the result is there
//
// One piece of work at a time (a guest waits for one thing). Worker-local: not thread-safe; the
// work itself runs on any thread and must own what it touches, for it goes on when its invocation
// has ended long since.
#pragma once

#include <functional>
#include <memory>

#include "base/waker.h"

namespace godwit::capability {

class Blocking {
 public:
  // Runs `work` on another thread, never within this call, then wakes `waker` on this one.
  // REQUIRES: !busy().
  virtual void start(std::function<void()> work, Waker* waker) = 0;
  // Started, and not yet known to be done. What the work wrote may be read once this is false.
  virtual bool busy() const = 0;
  // Forgets the waker: busy() is false from now on. The work goes on or never begins.
  virtual void cancel() = 0;
  // Lets go of the last reference to something whose end may block (a file).
  virtual void dispose(std::shared_ptr<void> object) = 0;

 protected:
  ~Blocking() = default;
};

}  // namespace godwit::capability
