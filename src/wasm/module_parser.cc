#include "wasm/module_parser.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "wasm/component_parser.h"

namespace godwit::wasm {
namespace {

// Far above what toolchains emit, near what engines accept (the limits of the JavaScript API and
// of wasmparser), so that memory stays within a small multiple of the file's size.
constexpr std::uint32_t kMaxTypes = 1'000'000;
constexpr std::uint32_t kMaxFunctions = 1'000'000;
constexpr std::uint32_t kMaxImports = 100'000;
constexpr std::uint32_t kMaxExports = 100'000;
constexpr std::uint32_t kMaxTables = 10'000;
constexpr std::uint32_t kMaxMemories = 1'000;
constexpr std::uint32_t kMaxTags = 100'000;
constexpr std::uint32_t kMaxSignatureValues = 1'000;
constexpr std::size_t kMaxCustomSections = 256;
constexpr std::size_t kMaxCustomNameBytes = 256;

constexpr std::array<std::byte, 4> kMagic = {std::byte{0}, std::byte{'a'}, std::byte{'s'},
                                             std::byte{'m'}};
constexpr unsigned kComponentVersion = 0x0d;

// The place of each section in a module; custom sections (0) may stand anywhere. Index: id.
constexpr std::array<unsigned, 14> kRanks = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6};

bool limit(std::uint32_t count, std::uint32_t max, std::string_view problem, Reader& in) {
  if (count > max) in.set_problem(problem);
  return in.ok();
}

}  // namespace

Result<ModuleInfo> ModuleParser::parse() {
  const ByteSpan magic = reader_.take(kMagic.size());
  if (!reader_.ok() || !std::equal(magic.begin(), magic.end(), kMagic.begin())) {
    return fail(ErrorCode::kModuleMalformed,
                "it does not start with the bytes of a WebAssembly file (\\0asm)");
  }
  const unsigned version = reader_.byte() | unsigned{reader_.byte()} << 8;
  const unsigned layer = reader_.byte() | unsigned{reader_.byte()} << 8;
  if (reader_.ok() && layer == 1) {
    info_.kind = ModuleKind::kComponent;
    if (version != kComponentVersion) {
      return fail(ErrorCode::kModuleMalformed,
                  fmt::format("a component of the unknown version {}", version));
    }
    read_component(reader_, info_);
    return finish();
  }
  if (reader_.ok() && (version != 1 || layer != 0)) {
    return fail(ErrorCode::kModuleMalformed,
                fmt::format("unknown version {} (layer {})", version, layer));
  }
  sections();
  return finish();
}

Result<ModuleInfo> ModuleParser::finish() {
  if (!reader_.ok()) {
    return fail(ErrorCode::kModuleMalformed,
                fmt::format("{} at byte {}", reader_.problem(), reader_.problem_offset()));
  }
  return std::move(info_);
}

void ModuleParser::sections() {
  while (reader_.ok() && !reader_.at_end()) {
    const std::uint8_t id = reader_.byte();
    const std::uint32_t size = reader_.u32();
    const std::size_t start = reader_.offset();
    Reader in(reader_.take(size), start);
    if (!reader_.ok()) return;
    if (!in_order(id)) return;
    section(id, in);
    if (in.ok() && !in.at_end()) in.set_problem("section is longer than its contents");
    if (!in.ok()) {
      reader_ = in;  // carries the problem and its offset
      return;
    }
  }
  if (info_.function_count != 0 && !has_code_) reader_.set_problem("no code section");
}

bool ModuleParser::in_order(std::uint8_t id) {
  if (id == 0) return true;
  if (id >= kRanks.size()) {
    reader_.set_problem("unknown section");
    return false;
  }
  if (kRanks[id] <= last_rank_) {
    reader_.set_problem("section out of order or repeated");
    return false;
  }
  last_rank_ = kRanks[id];
  return true;
}

void ModuleParser::section(std::uint8_t id, Reader& in) {
  switch (id) {
    case 0: {
      const std::uint64_t size = in.remaining();
      const std::string_view name = in.name();
      const ByteSpan body = in.rest();
      if (!in.ok()) return;
      if (info_.custom_sections.size() < kMaxCustomSections) {
        info_.custom_sections.push_back({std::string(name.substr(0, kMaxCustomNameBytes)), size});
      }
      read_custom_section(info_, name, body);
      return;
    }
    case 1: return types(in);
    case 2: return imports(in);
    case 3: return functions(in);
    case 4: return tables(in);
    case 5: return memories(in);
    case 6: return globals(in);
    case 7: return exports(in);
    case 8: return start(in);
    case 9:
      info_.element_count = in.count(1);
      in.rest();
      return;
    case 10:
      has_code_ = true;
      info_.code_bytes = in.remaining();
      if (in.count(1) != info_.function_count) in.set_problem("code and function counts differ");
      in.rest();
      return;
    case 11:
      info_.data_bytes = in.remaining();
      info_.data_count = in.count(1);
      in.rest();
      return;
    case 12: in.u32(); return;
    case 13: return tags(in);
    default: in.set_problem("unknown section");
  }
}

void ModuleParser::types(Reader& in) {
  const std::uint32_t count = in.count(1);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (in.peek() != 0x4E) {
      sub_type(in);
      continue;
    }
    in.byte();
    info_.features.garbage_collection = true;
    const std::uint32_t group = in.count(1);
    for (std::uint32_t j = 0; j < group && in.ok(); ++j) sub_type(in);
  }
}

void ModuleParser::sub_type(Reader& in) {
  if (in.peek() == 0x50 || in.peek() == 0x4F) {
    in.byte();
    info_.features.garbage_collection = true;
    const std::uint32_t supers = in.count(1);
    for (std::uint32_t i = 0; i < supers && in.ok(); ++i) in.u32();
  }
  switch (in.byte()) {
    case 0x60: return function_type(in);
    case 0x5F: {
      const std::uint32_t fields = in.count(2);
      for (std::uint32_t i = 0; i < fields && in.ok(); ++i) field_type(in);
      break;
    }
    case 0x5E: field_type(in); break;
    case 0x5D:  // (cont ht): read, so that the compiler can say that it does not take it
      in.s33();
      info_.features.stack_switching = true;
      return add_type({.is_function = false}, in);
    default: return in.set_problem("unknown kind of type");
  }
  info_.features.garbage_collection = true;
  add_type({.is_function = false}, in);
}

void ModuleParser::function_type(Reader& in) {
  FunctionType type;
  type.first_value = static_cast<std::uint32_t>(info_.value_types.size());
  for (std::uint16_t* const part : {&type.parameter_count, &type.result_count}) {
    const std::uint32_t count = in.count(1);
    if (!limit(count, kMaxSignatureValues, "too many parameters or results", in)) return;
    *part = static_cast<std::uint16_t>(count);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      info_.value_types.push_back(value_type(in));
    }
  }
  add_type(type, in);
}

void ModuleParser::field_type(Reader& in) {
  if (in.peek() == 0x78 || in.peek() == 0x77) {
    in.byte();
  } else {
    value_type(in);
  }
  if (in.byte() > 1) in.set_problem("malformed mutability");
}

ValueType ModuleParser::value_type(Reader& in) {
  const std::uint8_t code = in.byte();
  switch (code) {
    case 0x7F: return ValueType::kI32;
    case 0x7E: return ValueType::kI64;
    case 0x7D: return ValueType::kF32;
    case 0x7C: return ValueType::kF64;
    case 0x7B: info_.features.simd = true; return ValueType::kV128;
    case 0x70: return ValueType::kFuncref;
    case 0x6F: return ValueType::kExternref;
    case 0x64:
    case 0x63: in.s33(); return ValueType::kOther;  // (ref ht), (ref null ht)
    default: break;
  }
  // The abstract heap types of the GC, exception and stack switching proposals.
  if (code < 0x65 || code > 0x75) in.set_problem("unknown value type");
  return ValueType::kOther;
}

void ModuleParser::add_type(const FunctionType& type, Reader& in) {
  if (info_.types.size() >= kMaxTypes) return in.set_problem("too many types");
  if (in.ok()) info_.types.push_back(type);
}

void ModuleParser::imports(Reader& in) {
  const std::uint32_t count = in.count(4);
  if (!limit(count, kMaxImports, "too many imports", in)) return;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Import import;
    import.module = in.name();
    import.name = in.name();
    switch (in.byte()) {
      case 0x00:
        import.kind = ExternKind::kFunction;
        import.type = in.u32();
        add_function(*import.type, in);
        ++info_.imported_function_count;
        break;
      case 0x01:
        import.kind = ExternKind::kTable;
        info_.tables.push_back(table_type(in));
        info_.tables.back().imported = true;
        break;
      case 0x02:
        import.kind = ExternKind::kMemory;
        info_.memories.push_back(memory_type(in));
        info_.memories.back().imported = true;
        break;
      case 0x03:
        import.kind = ExternKind::kGlobal;
        value_type(in);
        if (in.byte() > 1) in.set_problem("malformed mutability");
        ++imported_globals_;
        break;
      case 0x04:
        import.kind = ExternKind::kTag;
        import.type = tag_type(in);
        break;
      default: in.set_problem("unknown kind of import");
    }
    info_.imports.push_back(std::move(import));
  }
}

void ModuleParser::add_function(std::uint32_t type, Reader& in) {
  if (!in.ok()) return;
  if (type >= info_.types.size() || !info_.types[type].is_function) {
    return in.set_problem("function of an unknown type");
  }
  if (function_types_.size() >= kMaxFunctions) return in.set_problem("too many functions");
  function_types_.push_back(type);
}

void ModuleParser::functions(Reader& in) {
  const std::uint32_t count = in.count(1);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) add_function(in.u32(), in);
  info_.function_count = count;
}

TableType ModuleParser::table_type(Reader& in) {
  TableType table;
  value_type(in);
  const std::uint8_t flags = in.byte();
  if (flags > 7) in.set_problem("malformed table limits");
  table.elements.shared = (flags & 2u) != 0;
  table.elements.is_64 = (flags & 4u) != 0;
  const bool wide = table.elements.is_64;
  table.elements.minimum = wide ? in.u64() : in.u32();
  if ((flags & 1u) != 0) table.elements.maximum = wide ? in.u64() : in.u32();
  return table;
}

void ModuleParser::tables(Reader& in) {
  const std::uint32_t count = in.count(3);
  if (!limit(count, kMaxTables, "too many tables", in)) return;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const bool initialised = in.peek() == 0x40;  // a table with an initial value follows 0x40 0x00
    if (initialised) {
      in.byte();
      if (in.byte() != 0) in.set_problem("malformed table");
    }
    info_.tables.push_back(table_type(in));
    if (initialised) constant_expression(in);
  }
}

MemoryType ModuleParser::memory_type(Reader& in) {
  MemoryType memory;
  const std::uint8_t flags = in.byte();
  if (flags > 15) in.set_problem("malformed memory limits");
  memory.pages.shared = (flags & 2u) != 0;
  memory.pages.is_64 = (flags & 4u) != 0;
  const bool wide = memory.pages.is_64;
  memory.pages.minimum = wide ? in.u64() : in.u32();
  if ((flags & 1u) != 0) memory.pages.maximum = wide ? in.u64() : in.u32();
  if ((flags & 8u) != 0) {
    const std::uint32_t log2 = in.u32();
    if (log2 > 16) in.set_problem("malformed page size");
    memory.page_size_log2 = static_cast<std::uint8_t>(log2);
    info_.features.custom_page_sizes = true;
  }
  info_.features.memory64 |= wide;
  info_.features.threads |= memory.pages.shared;
  info_.features.multi_memory |= !info_.memories.empty();
  return memory;
}

void ModuleParser::memories(Reader& in) {
  const std::uint32_t count = in.count(2);
  if (!limit(count, kMaxMemories, "too many memories", in)) return;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) info_.memories.push_back(memory_type(in));
}

std::uint32_t ModuleParser::tag_type(Reader& in) {
  if (in.byte() != 0) in.set_problem("unknown kind of tag");
  const std::uint32_t type = in.u32();
  if (in.ok() && (type >= info_.types.size() || !info_.types[type].is_function)) {
    in.set_problem("tag of an unknown type");
  }
  info_.features.exceptions = true;
  if (tag_types_.size() >= kMaxTags) in.set_problem("too many tags");
  if (in.ok()) tag_types_.push_back(type);
  return type;
}

void ModuleParser::tags(Reader& in) {
  const std::uint32_t count = in.count(2);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) tag_type(in);
}

void ModuleParser::globals(Reader& in) {
  info_.global_count = in.count(3);
  in.rest();
}

void ModuleParser::exports(Reader& in) {
  const std::uint32_t count = in.count(3);
  if (!limit(count, kMaxExports, "too many exports", in)) return;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Export exported;
    exported.name = in.name();
    const std::uint8_t kind = in.byte();
    const std::uint32_t index = in.u32();
    if (!in.ok()) return;
    std::size_t known = 0;
    switch (kind) {
      case 0x00: known = function_types_.size(); break;
      case 0x01: known = info_.tables.size(); break;
      case 0x02: known = info_.memories.size(); break;
      case 0x03: known = std::size_t{imported_globals_} + info_.global_count; break;
      case 0x04: known = tag_types_.size(); break;
      default: return in.set_problem("unknown kind of export");
    }
    if (index >= known) return in.set_problem("export of something that is not there");
    exported.kind = static_cast<ExternKind>(kind);
    if (kind == 0x00) exported.type = function_types_[index];
    if (kind == 0x04) exported.type = tag_types_[index];
    info_.exports.push_back(std::move(exported));
  }
}

void ModuleParser::start(Reader& in) {
  if (in.u32() >= function_types_.size()) in.set_problem("start function that is not there");
  info_.has_start = true;
}

void ModuleParser::constant_expression(Reader& in) {
  while (in.ok()) {
    switch (in.byte()) {
      case 0x0B: return;             // end
      case 0x23: in.u32(); break;    // global.get
      case 0x41: in.s33(); break;    // i32.const
      case 0x42: in.s64(); break;    // i64.const
      case 0x43: in.take(4); break;  // f32.const
      case 0x44: in.take(8); break;  // f64.const
      case 0x6A:
      case 0x6B:
      case 0x6C:  // i32.add, sub, mul
      case 0x7C:
      case 0x7D:
      case 0x7E: break;            // i64.add, sub, mul
      case 0xD0: in.s33(); break;  // ref.null
      case 0xD2: in.u32(); break;  // ref.func
      default: in.set_problem("unknown instruction in a table's initial value");
    }
  }
}

}  // namespace godwit::wasm
