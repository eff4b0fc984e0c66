// ModuleInfo: what a WebAssembly file is, read without any engine: its imports, exports, memories
// and custom sections. Code bodies are not decoded; whether they are valid is the compiler's to
// say.
//
//   Result<wasm::ModuleInfo> info = wasm::read_module(bytes);
//   if (!info) return fail(std::move(info.error()));  // kModuleMalformed: what, at which byte
//   for (const wasm::Import& import : info->imports) {
//     use(import.module, import.name, wasm::signature_text(*info, import));
//   }
//
// Pure functions over hostile bytes: every length and count is checked against what is left of the
// file, and time and memory are linear in its size with small factors. Names are kept as they are
// in the file (UTF-8, but with any character): print them with printable_name().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace godwit::wasm {

enum class ModuleKind : std::uint8_t { kCore, kComponent };

enum class ExternKind : std::uint8_t { kFunction, kTable, kMemory, kGlobal, kTag };
std::string_view extern_kind_text(ExternKind kind);  // "function"

enum class ValueType : std::uint8_t { kI32, kI64, kF32, kF64, kV128, kFuncref, kExternref, kOther };
std::string_view value_type_text(ValueType type);  // "i32"

// Parameters, then results, are neighbours in ModuleInfo::value_types (one array for all types
// keeps a hostile type section from growing in memory).
struct FunctionType {
  std::uint32_t first_value = 0;
  std::uint16_t parameter_count = 0;
  std::uint16_t result_count = 0;
  bool is_function = true;  // false: a struct, array or continuation
};

struct SizeRange {
  std::uint64_t minimum = 0;
  std::optional<std::uint64_t> maximum;
  bool is_64 = false;  // indexed with 64 bits
  bool shared = false;
};

struct MemoryType {
  SizeRange pages;
  std::uint8_t page_size_log2 = 16;
  bool imported = false;
};

struct TableType {
  SizeRange elements;
  bool imported = false;
};

struct Import {
  std::string module;
  std::string name;
  ExternKind kind = ExternKind::kFunction;
  std::optional<std::uint32_t> type;  // of a function or tag: index into ModuleInfo::types
};

struct Export {
  std::string name;
  ExternKind kind = ExternKind::kFunction;
  std::optional<std::uint32_t> type;  // of a function or tag
};

struct CustomSection {
  std::string name;  // at most 256 bytes are kept
  std::uint64_t size_bytes = 0;
};

// One entry of the `producers` section: field "language", name "Rust", version "1.80".
struct Producer {
  std::string field;
  std::string name;
  std::string version;
};

// Proposals beyond WebAssembly 2.0 that the section structure shows (code bodies may use more).
struct Features {
  bool exceptions = false;  // a tag section or import; legacy or new can't be told from here
  bool memory64 = false;
  bool multi_memory = false;
  bool threads = false;  // a shared memory
  bool custom_page_sizes = false;
  bool garbage_collection = false;  // struct, array, sub or recursive types
  bool simd = false;                // a v128 in a signature
  bool stack_switching = false;     // continuation types
};

// What a component imports and exports, most often an instance: an interface and its version, as
// "wasi:http/types@0.2.3".
enum class ComponentExternKind : std::uint8_t {
  kCoreModule,
  kFunction,
  kValue,
  kType,
  kComponent,
  kInstance,
};
std::string_view component_extern_kind_text(ComponentExternKind kind);  // "interface"

struct ComponentExtern {
  std::string name;
  ComponentExternKind kind = ComponentExternKind::kInstance;
};

struct ModuleInfo {
  ModuleKind kind = ModuleKind::kCore;
  std::vector<ComponentExtern> component_imports;  // of components only
  std::vector<ComponentExtern> component_exports;
  // All that follows is filled for core modules only, but for custom_sections.
  std::vector<FunctionType> types;
  std::vector<ValueType> value_types;
  std::vector<Import> imports;
  std::vector<Export> exports;
  std::vector<MemoryType> memories;  // imported ones first, as indexed by the module
  std::vector<TableType> tables;     // imported ones first
  std::uint32_t imported_function_count = 0;
  std::uint32_t function_count = 0;  // defined in the module
  std::uint32_t global_count = 0;    // defined in the module
  std::uint32_t element_count = 0;
  std::uint32_t data_count = 0;
  std::uint64_t code_bytes = 0;
  std::uint64_t data_bytes = 0;
  bool has_start = false;
  std::vector<CustomSection> custom_sections;  // the first 256
  std::string module_name;                     // of the `name` section, may be empty
  std::vector<Producer> producers;             // the first 64
  std::vector<std::string> target_features;    // "+simd128", of `target_features`; the first 64
  Features features;
};

// Reads a binary module or component. Errors: kModuleMalformed with the reason and its byte
// offset. What a known proposal adds is read even where no engine takes it: to say which proposal a
// module needs (kUnsupportedFeature) is the compiler's part.
Result<ModuleInfo> read_module(ByteSpan bytes);

// True for what should be read as WebAssembly text: it does not start with "\0asm", and its first
// character after white space, `;; line` and `(; block ;)` comments is '('.
bool looks_like_text(ByteSpan bytes);

std::span<const ValueType> parameters(const ModuleInfo& info, std::uint32_t type);
std::span<const ValueType> results(const ModuleInfo& info, std::uint32_t type);
// "(i32, i64) -> (i32)".
std::string type_text(const ModuleInfo& info, std::uint32_t type);
// "function (i32) -> ()", "memory": kind, and type where it has one.
std::string signature_text(const ModuleInfo& info, const Import& import);
std::string signature_text(const ModuleInfo& info, const Export& exported);

// The export of that name, or nullptr.
const Export* find_export(const ModuleInfo& info, std::string_view name);

// Bytes that all memories have at the start, saturating (a hostile minimum may not fit 64 bits).
std::uint64_t initial_memory_bytes(const ModuleInfo& info);

// A name from outside, safe for a terminal and a log: control and non-ASCII bytes as \xNN, quotes
// and backslashes escaped, cut with "…" after about `limit` characters.
std::string printable_name(std::string_view name, std::size_t limit = 64);

}  // namespace godwit::wasm
