// How a host function of this folder is written: as a plain function whose parameters have the
// types of the specification. HostEntry<&function> makes it a row of the engine's table.
//
//   Errno clock_res_get(const Call& call, ClockId id, Out<Timestamp> resolution) {
//     if (!known(id)) return Errno::kInval;
//     return resolution.store(call, call.host.clock().resolution_ns());   // kFault: bad pointer
//   }
//
// Result types: Errno (ends at once), Answer (may also wait or trap), Exit (proc_exit).
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "engine/host_function.h"
#include "wasi/abi.h"

namespace godwit::wasi {

class Preview1;

// One call: the invocation's state, and the guest's memory for as long as the call lasts.
struct Call {
  Preview1& host;
  const engine::GuestMemory& memory;
};

// An address in guest memory, checked where it is used.
struct Pointer {
  std::uint32_t address;
};

// Where the guest wants a result of type T.
template <class T>
struct Out {
  std::uint32_t address;

  // Asked before anything happens that could not be undone when store() fails.
  bool fits(const Call& call) const { return call.memory.slice(address, sizeof(T)).has_value(); }
  Errno store(const Call& call, const T& value) const {
    return call.memory.store(address, value) ? Errno::kSuccess : Errno::kFault;
  }
};

struct Answer {
  engine::HostStatus status = engine::HostStatus::kDone;
  Errno error = Errno::kSuccess;
  const char* trap_message = "";

  Answer(Errno result) : error(result) {}  // NOLINT: functions return an Errno where they are done
  static Answer pending() { return Answer(engine::HostStatus::kPending, ""); }
  static Answer trap(const char* message) { return Answer(engine::HostStatus::kTrap, message); }

 private:
  Answer(engine::HostStatus host_status, const char* message)
      : status(host_status), trap_message(message) {}
};

struct Exit {
  std::uint32_t code;
};

namespace detail {

// 64-bit integers are i64; pointers, enums, flags and 32-bit integers are i32.
template <class T>
inline constexpr engine::ValueType kValueType =
    std::integral<T> && sizeof(T) == 8 ? engine::ValueType::kI64 : engine::ValueType::kI32;

template <class T>
T parameter(const engine::HostCall& raw, std::size_t index) {
  if constexpr (kValueType<T> == engine::ValueType::kI64) {
    return static_cast<T>(raw.u64(index));
  } else if constexpr (std::is_class_v<T>) {
    return T{raw.u32(index)};
  } else {
    static_assert(sizeof(T) == 4);
    return static_cast<T>(raw.u32(index));
  }
}

inline engine::HostStatus finish(engine::HostCall& raw, Errno error) {
  raw.result.u64 = static_cast<std::uint64_t>(error);
  return engine::HostStatus::kDone;
}
inline engine::HostStatus finish(engine::HostCall& raw, const Answer& answer) {
  raw.result.u64 = static_cast<std::uint64_t>(answer.error);
  raw.trap_message = answer.trap_message;
  return answer.status;
}
inline engine::HostStatus finish(engine::HostCall& raw, Exit exit) {
  raw.exit_code = static_cast<std::int32_t>(exit.code);
  return engine::HostStatus::kExit;
}

template <class Signature>
struct Adapter;

template <class Result, class... Parameters>
struct Adapter<Result (*)(const Call&, Parameters...)> {
  static constexpr std::array<engine::ValueType, sizeof...(Parameters)> kParameters{
      kValueType<Parameters>...};
  static constexpr std::array<engine::ValueType, std::same_as<Result, Exit> ? 0 : 1> kResults{};
  static constexpr bool kMayWait = std::same_as<Result, Answer>;

  template <auto kFunction>
  static engine::HostStatus call(engine::HostCall& raw) noexcept {
    return call_with<kFunction>(raw, std::index_sequence_for<Parameters...>());
  }

 private:
  template <auto kFunction, std::size_t... kIndex>
  static engine::HostStatus call_with(engine::HostCall& raw, std::index_sequence<kIndex...>) {
    const Call call{raw.state<Preview1>(), raw.memory()};
    return finish(raw, kFunction(call, parameter<Parameters>(raw, kIndex)...));
  }
};

}  // namespace detail

// The table row of a function. Errno results are one i32; whoever returns Answer may wait.
template <auto kFunction>
constexpr engine::HostFunction host_entry(std::string_view module, std::string_view name) {
  using Adapter = detail::Adapter<decltype(kFunction)>;
  return {module,
          name,
          Adapter::kParameters,
          Adapter::kResults,
          Adapter::kMayWait,
          &Adapter::template call<kFunction>};
}

}  // namespace godwit::wasi
