// What Emscripten's standalone modules import beside preview 1: with growing memory they tell a
// JavaScript host that its views of the memory are stale. We keep no views: nothing to do.
#include <array>

#include "wasi/preview1.h"

namespace godwit::wasi {
namespace {

constexpr std::array kParameters = {engine::ValueType::kI32};  // the memory's index

engine::HostStatus notify_memory_growth(engine::HostCall&) noexcept {
  return engine::HostStatus::kDone;
}

constexpr std::array kFunctions = {
    engine::HostFunction{.module = "env",
                         .name = "emscripten_notify_memory_growth",
                         .parameters = kParameters,
                         .results = {},
                         .may_wait = false,
                         .call = &notify_memory_growth},
};

}  // namespace

std::span<const engine::HostFunction> emscripten_functions() { return kFunctions; }

}  // namespace godwit::wasi
