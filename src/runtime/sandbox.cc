#include "runtime/sandbox.h"

#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "runtime/worker.h"

namespace godwit::runtime {
namespace {

std::string_view entry_of(const Function& function) {
  if (function.kind == wasm::ModuleKind::kCore) return "_start";
  return function.contract == wasm::Contract::kHttp ? engine::kHttpEntry : engine::kCommandEntry;
}

}  // namespace

// --- The guest's timers -------------------------------------------------------------------------

capability::TimerId GuestTimer::arm(TimePoint deadline, Waker* waker) {
  waker_ = waker;
  queue_.arm(*this, deadline);
  return capability::TimerId{++last_id_};
}

void GuestTimer::cancel(capability::TimerId id) {
  if (id == capability::TimerId{last_id_}) disarm();
}

void GuestTimer::on_timer() noexcept { waker_->wake(); }

// --- A fresh one --------------------------------------------------------------------------------

Sandbox::Sandbox(Worker& worker)
    : worker_(worker),
      timer_(worker.timers()),
      component_timer_(worker.timers()),
      blocking_(worker.blocking()) {}

Result<void> Sandbox::make(const InvocationInput& input, Waker& owner,
                           engine::MemoryAccount* account) {
  const Function& function = *input.function;
  owner_ = &owner;
  requests_ = 1;
  clock_.emplace();
  blocking_.set_owner(function.gate.get());  // the same for all of its versions
  wasi_.emplace(preview1_options(input));
  if (function.kind == wasm::ModuleKind::kComponent) {
    component_.emplace(component_options(input));
  }
  auto instance = function.module->instantiate({.state = &*wasi_,
                                                .entry = entry_of(function),
                                                .component = component_ ? &*component_ : nullptr,
                                                .memory = account,
                                                .keep = function.spec.instances.reused()});
  if (!instance) {
    drop();
    return fail(std::move(instance.error()));
  }
  instance_ = std::move(*instance);
  return {};
}

// What the guest's host functions work on.
wasi::Preview1::Options Sandbox::preview1_options(const InvocationInput& input) {
  const Function& function = *input.function;
  const bool has_devices = function.spec.devices == manifest::DeviceFolder::kStdio;
  std::span<const capability::FileGrant> files;
  if (function.grants != nullptr) files = function.grants->files;
  return {.arguments = input.arguments,
          .environment = input.environment,
          .standard_input = input.standard_input,
          .standard_output = input.standard_output,
          .standard_error = input.standard_error,
          .clock = &*clock_,
          .random = &worker_.random(),
          .timers = &timer_,
          .waker = this,
          .devices = has_devices ? wasi::Devices::kStdio : wasi::Devices::kNone,
          .files = files,
          .blocking = &blocking_};
}

wasi::ComponentHost::Options Sandbox::component_options(const InvocationInput& input) {
  const Function& function = *input.function;
  return {.preview1 = &*wasi_,
          .clock = &*clock_,
          .standard_input = input.standard_input,
          .standard_output = input.standard_output,
          .standard_error = input.standard_error,
          .timers = &component_timer_,
          .waker = this,
          .configuration = function.spec.environment,
          .http = input.http,
          .outbound = worker_.outbound(),
          .outbound_grant = function.grants ? function.grants->outbound : nullptr,
          .function = function.spec.name};
}

void Sandbox::wake() noexcept {
  if (owner_ != nullptr) owner_->wake();
}

// --- One that is used again ---------------------------------------------------------------------

bool Sandbox::rest() {
  CHECK(instance_ != nullptr);
  owner_ = nullptr;
  if (component_) component_->rest();
  return wasi_->rest();
}

void Sandbox::bind(const InvocationInput& input, Waker& owner) {
  CHECK(instance_ != nullptr && owner_ == nullptr);
  owner_ = &owner;
  ++requests_;
  wasi_->bind(preview1_options(input));
  if (component_) component_->bind(component_options(input));
}

// --- The end ------------------------------------------------------------------------------------

std::unique_ptr<engine::Instance> Sandbox::take_instance() {
  CHECK(!component_);  // its instance looks at the host to its very end
  return std::move(instance_);
}

void Sandbox::drop() {
  instance_.reset();
  component_.reset();
  timer_.forget();
  component_timer_.forget();
  wasi_.reset();
  owner_ = nullptr;
}

}  // namespace godwit::runtime
