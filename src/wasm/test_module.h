// For tests only: builds binary modules by hand, also wrong ones.
//
//   ModuleBuilder builder;
//   builder.type({}, {});
//   builder.import_function("wasi_snapshot_preview1", "fd_write", 0);
//   Bytes bytes = builder.build();
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace godwit::wasm {

inline std::string leb(std::uint64_t value) {
  std::string text;
  do {
    const auto low = static_cast<unsigned char>(value & 0x7F);
    value >>= 7;
    text.push_back(static_cast<char>(value != 0 ? low | 0x80 : low));
  } while (value != 0);
  return text;
}

inline std::string encoded_name(std::string_view name) {
  return leb(name.size()) + std::string(name);
}

inline Bytes to_bytes(std::string_view text) {
  const ByteSpan bytes = as_bytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

class ModuleBuilder {
 public:
  static constexpr char kI32 = 0x7F;
  static constexpr char kI64 = 0x7E;

  void type(std::string_view parameters, std::string_view results) {
    types_.push_back('\x60' + leb(parameters.size()) + std::string(parameters) +
                     leb(results.size()) + std::string(results));
  }
  void raw_type(std::string encoded) { types_.push_back(std::move(encoded)); }
  void import_function(std::string_view module, std::string_view name, std::uint32_t type) {
    raw_import(module, name, std::string(1, '\0') + leb(type));
  }
  void raw_import(std::string_view module, std::string_view name, std::string_view what) {
    imports_.push_back(encoded_name(module) + encoded_name(name) + std::string(what));
  }
  // A function of that type with an empty body.
  void function(std::uint32_t type) {
    functions_.push_back(leb(type));
    code_.push_back(std::string("\x02\x00\x0B", 3));
  }
  void memory(std::string encoded) { memories_.push_back(std::move(encoded)); }
  void table(std::string encoded) { tables_.push_back(std::move(encoded)); }
  void tag(std::uint32_t type) { tags_.push_back(std::string(1, '\0') + leb(type)); }
  void export_item(std::string_view name, char kind, std::uint32_t index) {
    exports_.push_back(encoded_name(name) + std::string(1, kind) + leb(index));
  }
  void start(std::uint32_t function) { start_ = leb(function); }
  void custom(std::string_view name, std::string_view body) {
    customs_.push_back(encoded_name(name) + std::string(body));
  }
  void raw_section(char id, std::string_view body) {
    raw_ += std::string(1, id) + leb(body.size()) + std::string(body);
  }

  std::string text() const {
    std::string out("\0asm\1\0\0\0", 8);
    const auto section = [&](char id, const std::vector<std::string>& items) {
      if (items.empty()) return;
      std::string body = leb(items.size());
      for (const std::string& item : items) body += item;
      out += std::string(1, id) + leb(body.size()) + body;
    };
    section(1, types_);
    section(2, imports_);
    section(3, functions_);
    section(4, tables_);
    section(5, memories_);
    section(13, tags_);
    section(7, exports_);
    if (!start_.empty()) out += std::string(1, '\x08') + leb(start_.size()) + start_;
    section(10, code_);
    out += raw_;
    for (const std::string& body : customs_) out += std::string(1, '\0') + leb(body.size()) + body;
    return out;
  }
  Bytes build() const { return to_bytes(text()); }

  // The smallest command that writes.
  static ModuleBuilder command() {
    ModuleBuilder builder;
    builder.type({}, {});
    builder.type(std::string(4, kI32), std::string(1, kI32));
    builder.import_function("wasi_snapshot_preview1", "fd_write", 1);
    builder.function(0);
    builder.memory(std::string("\x00\x01", 2));
    builder.export_item("_start", 0, 1);
    builder.export_item("memory", 2, 0);
    return builder;
  }

 private:
  std::vector<std::string> types_, imports_, functions_, tables_, memories_, tags_, exports_, code_;
  std::vector<std::string> customs_;
  std::string start_;
  std::string raw_;
};

}  // namespace godwit::wasm
