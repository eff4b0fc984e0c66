// Waker: how something that became ready tells the one who waits for it.
//
// wake() may be called while the caller holds its own state in the middle of a change, so an
// implementation only notes the fact (puts an invocation on its worker's run queue, sets a flag);
// it never runs a guest, reads a pipe or destroys anything. Registrations are one-shot. Worker-
// local: called on the thread that registered.
#pragma once

namespace godwit {

class Waker {
 public:
  virtual void wake() noexcept = 0;

 protected:
  ~Waker() = default;
};

}  // namespace godwit
