// Value: one WebAssembly value as it crosses between guest and host functions. 16 bytes, the
// layout and alignment that Wasmtime's ValRaw has (a v128 fits), so that arguments cross without
// conversion.
#pragma once

#include <cstdint>

namespace godwit::engine {

enum class ValueType : std::uint8_t { kI32, kI64, kF32, kF64 };

union Value {
  std::int32_t i32;
  std::int64_t i64;
  std::uint32_t u32;
  std::uint64_t u64;
  float f32;
  double f64;
  std::uint8_t v128[16];
};
static_assert(sizeof(Value) == 16);

}  // namespace godwit::engine
