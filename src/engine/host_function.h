// HostFunction: what a guest may import. A table of these is given to Module loading; wasi/
// provides the one for `wasi_snapshot_preview1`. The same table serves every engine.
//
// A host function runs on the guest's stack (a fiber): keep it shallow. It is noexcept. It must
// check everything that comes from the guest.
//
// Waiting: a host function that cannot go on returns HostStatus::kPending. The engine suspends the
// guest, Instance::resume returns Progress::kWaiting, and whoever the host function registered
// with (a pipe, a timer) tells the runtime, which resumes the instance. The engine then calls the
// same function again with the same arguments: what was begun is remembered in the host state.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/guest_memory.h"
#include "engine/value.h"

namespace godwit::engine {

// The state of one invocation that its host functions work on; the owner of the instance supplies
// it and host functions static_cast to the type that their table documents.
struct HostState {
 protected:
  HostState() = default;
  ~HostState() = default;
};

enum class HostStatus : std::uint8_t {
  kDone,     // the result, if any, is in `result`
  kPending,  // suspend the guest; call again when resumed (only where may_wait is set)
  kExit,     // end the guest: `exit_code` is set (proc_exit)
  kTrap,     // end the guest as trapped: `trap_message` is set to static text
};

class HostCall final {
 public:
  HostCall(std::span<const Value> arguments, const GuestMemory& memory, HostState& state)
      : arguments_(arguments), memory_(memory), state_(state) {}
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;

  std::uint32_t u32(std::size_t index) const { return arguments_[index].u32; }
  std::uint64_t u64(std::size_t index) const { return arguments_[index].u64; }
  const GuestMemory& memory() const { return memory_; }
  template <class State>
  State& state() const {
    return static_cast<State&>(state_);
  }

  Value result{.u64 = 0};
  std::int32_t exit_code = 0;
  const char* trap_message = "";

 private:
  std::span<const Value> arguments_;
  const GuestMemory& memory_;
  HostState& state_;
};

struct HostFunction {
  std::string_view module;  // "wasi_snapshot_preview1"
  std::string_view name;    // "fd_write"
  std::span<const ValueType> parameters;
  std::span<const ValueType> results;  // none or one
  bool may_wait;                       // may return kPending: such calls cost a little more
  HostStatus (*call)(HostCall& call) noexcept;
};

}  // namespace godwit::engine
