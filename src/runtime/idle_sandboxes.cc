#include "runtime/idle_sandboxes.h"

#include <algorithm>
#include <utility>

namespace godwit::runtime {

IdleSandboxes::Idle::Idle(IdleSandboxes& its_owner, std::unique_ptr<Sandbox> its_sandbox,
                          std::shared_ptr<const Function> its_function, FunctionShare& its_share)
    : owner(its_owner),
      function(std::move(its_function)),
      share(its_share),
      sandbox(std::move(its_sandbox)) {
  ++share.users;
}

IdleSandboxes::Idle::~Idle() {
  if (sandbox != nullptr) {
    sandbox.reset();
    share.places.release(function->module->places());
  }
  --share.users;
}

std::unique_ptr<Sandbox> IdleSandboxes::take(const Function& function) {
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const Idle& each) {
    return each.function.get() == &function;
  });
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<Sandbox> sandbox = std::move(found->sandbox);
  idle_.erase(found);
  return sandbox;
}

void IdleSandboxes::keep(std::unique_ptr<Sandbox> sandbox, std::shared_ptr<const Function> function,
                         FunctionShare& share) {
  const Nanoseconds max_idle = function->spec.instances.max_idle;
  Idle& idle = idle_.emplace_front(*this, std::move(sandbox), std::move(function), share);
  idle.place = idle_.begin();
  timers_.arm(idle, monotonic_now() + max_idle);
  if (idle_.size() > kMost) drop_oldest();
}

bool IdleSandboxes::drop_oldest() {
  if (idle_.empty()) return false;
  idle_.pop_back();
  return true;
}

}  // namespace godwit::runtime
