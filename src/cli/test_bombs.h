// For tests only: small modules that cost a compiler much more than they weigh. All are valid
// commands; what they do when they run does not matter.
//
//   service->compile(nested_loops({.loops = 500, .locals = 500}));   // 8 KB, minutes
//
// Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace godwit::cli {

// Bytes of a module, piece by piece.
class WasmBytes final {
 public:
  WasmBytes& text(std::string_view raw) {
    const ByteSpan bytes = as_bytes(raw);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  WasmBytes& raw(std::initializer_list<unsigned> values) {
    for (const unsigned value : values) bytes_.push_back(static_cast<std::byte>(value));
    return *this;
  }
  WasmBytes& number(std::uint64_t value) {  // LEB128
    for (; value >= 0x80; value >>= 7U) raw({static_cast<unsigned>(value & 0x7FU) | 0x80U});
    return raw({static_cast<unsigned>(value)});
  }
  WasmBytes& add(const WasmBytes& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    return *this;
  }
  WasmBytes& sized(const WasmBytes& other) { return number(other.bytes_.size()).add(other); }
  WasmBytes& section(unsigned id, const WasmBytes& content) { return raw({id}).sized(content); }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

// `count` functions () → () with this body (locals first, `end` last); the first is _start.
inline Bytes module_of(std::size_t count, const WasmBytes& body) {
  WasmBytes module;
  module.raw({0, 'a', 's', 'm', 1, 0, 0, 0});
  module.section(1, WasmBytes().raw({1, 0x60, 0, 0}));
  WasmBytes types;
  WasmBytes bodies;
  types.number(count);
  bodies.number(count);
  for (std::size_t i = 0; i < count; ++i) {
    types.raw({0});
    bodies.sized(body);
  }
  module.section(3, types).section(5, WasmBytes().raw({1, 0, 1}));
  WasmBytes exports;
  exports.raw({2}).number(6).text("memory").raw({2, 0}).number(6).text("_start").raw({0, 0});
  return module.section(7, exports).section(10, bodies).bytes();
}

struct NestedLoops {
  std::size_t loops = 0;
  std::size_t locals = 0;
};
// Every local changes in every loop: values times loops for a compiler to keep apart.
inline Bytes nested_loops(const NestedLoops& options) {
  WasmBytes body;
  body.raw({1}).number(options.locals).raw({0x7E});
  for (std::size_t i = 0; i < options.loops; ++i) body.raw({0x03, 0x40});
  for (std::size_t i = 0; i < options.locals; ++i) {
    body.raw({0x20}).number(i).raw({0x42, 1, 0x7C, 0x21}).number(i);
  }
  for (std::size_t i = 0; i < options.loops; ++i) body.raw({0x20, 0, 0xA7, 0x0D, 0, 0x0B});
  return module_of(1, body.raw({0x0B}));
}

struct BranchTables {
  std::size_t blocks = 0;
  std::size_t tables = 0;
};
// Each table leads to every block.
inline Bytes branch_tables(const BranchTables& options) {
  WasmBytes table;
  table.raw({0x20, 0, 0x04, 0x40, 0x20, 0, 0x0E}).number(options.blocks);
  for (std::size_t i = 1; i <= options.blocks; ++i) table.number(i);
  table.raw({0, 0x0B});
  WasmBytes body;
  body.raw({1, 1, 0x7F});
  for (std::size_t i = 0; i < options.blocks; ++i) body.raw({0x02, 0x40});
  for (std::size_t i = 0; i < options.tables; ++i) body.add(table);
  for (std::size_t i = 0; i < options.blocks; ++i) body.raw({0x0B});
  return module_of(1, body.raw({0x0B}));
}

struct ManyLocals {
  std::size_t functions = 0;
  std::size_t locals = 0;
};
// A ring of all locals, turned in an endless loop: all of them live all the time.
inline Bytes many_locals(const ManyLocals& options) {
  WasmBytes body;
  body.raw({1}).number(options.locals).raw({0x7F, 0x03, 0x40});
  for (std::size_t i = 0; i < options.locals; ++i) {
    body.raw({0x20}).number(i).raw({0x41, 1, 0x6A, 0x21}).number((i + 1) % options.locals);
  }
  return module_of(options.functions, body.raw({0x0C, 0, 0x0B, 0x0B}));
}

// As many functions as fit.
inline Bytes many_functions(std::size_t count) {
  return module_of(count, WasmBytes().raw({0, 0x0B}));
}

// Blocks in blocks.
inline Bytes deep_nesting(std::size_t depth) {
  WasmBytes body;
  body.raw({0});
  for (std::size_t i = 0; i < depth; ++i) body.raw({0x02, 0x40});
  for (std::size_t i = 0; i < depth; ++i) body.raw({0x0B});
  return module_of(1, body.raw({0x0B}));
}

}  // namespace godwit::cli
