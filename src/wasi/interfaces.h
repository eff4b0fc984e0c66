// The interfaces of WASI that a component may import, each with its track of versions:
// "wasi:http/types@0.2" stands for every 0.2.x. What the engine's linker provides; a test compares.
#pragma once

#include <span>
#include <string_view>

namespace godwit::wasi {

std::span<const std::string_view> interfaces();

}  // namespace godwit::wasi
