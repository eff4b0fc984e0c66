#include "wasm/module_info.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "wasm/module_parser.h"

namespace godwit::wasm {
namespace {

constexpr std::size_t kMaxProducers = 64;
constexpr std::size_t kMaxTargetFeatures = 64;
constexpr std::size_t kMaxMetadataNameBytes = 256;
constexpr std::size_t kMaxTypesInText = 16;

std::string kept(std::string_view name) {
  return std::string(name.substr(0, kMaxMetadataNameBytes));
}

void read_name_section(ModuleInfo& info, Reader in) {
  while (in.ok() && !in.at_end()) {
    const std::uint8_t id = in.byte();
    Reader subsection(in.take(in.u32()));
    if (id != 0 || !in.ok()) continue;
    const std::string_view name = subsection.name();
    if (subsection.ok()) info.module_name = kept(name);
    return;
  }
}

void read_producers(ModuleInfo& info, Reader in) {
  const std::uint32_t fields = in.count(2);
  for (std::uint32_t i = 0; i < fields && in.ok(); ++i) {
    const std::string_view field = in.name();
    const std::uint32_t values = in.count(2);
    for (std::uint32_t j = 0; j < values && in.ok(); ++j) {
      const std::string_view name = in.name();
      const std::string_view version = in.name();
      if (!in.ok() || info.producers.size() >= kMaxProducers) return;
      info.producers.push_back({kept(field), kept(name), kept(version)});
    }
  }
}

void read_target_features(ModuleInfo& info, Reader in) {
  const std::uint32_t count = in.count(2);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const char prefix = static_cast<char>(in.byte());
    const std::string_view name = in.name();
    if (!in.ok() || info.target_features.size() >= kMaxTargetFeatures) return;
    info.target_features.push_back(prefix + kept(name));
  }
}

std::string list_text(std::span<const ValueType> values) {
  std::string text = "(";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) text += ", ";
    if (i == kMaxTypesInText) {
      text += fmt::format("and {} more", values.size() - i);
      break;
    }
    text += value_type_text(values[i]);
  }
  return text + ")";
}

std::string extern_text(const ModuleInfo& info, ExternKind kind,
                        std::optional<std::uint32_t> type) {
  std::string text(extern_kind_text(kind));
  if (type) text += " " + type_text(info, *type);
  return text;
}

// Skips white space and comments of the text format; false when a block comment does not end.
bool skip_text_space(std::string_view& text) {
  while (!text.empty()) {
    if (text.front() == ' ' || text.front() == '\t' || text.front() == '\n' ||
        text.front() == '\r') {
      text.remove_prefix(1);
    } else if (text.starts_with(";;")) {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else if (text.starts_with("(;")) {
      std::size_t depth = 0;
      do {
        if (text.starts_with("(;")) {
          ++depth;
          text.remove_prefix(2);
        } else if (text.starts_with(";)")) {
          --depth;
          text.remove_prefix(2);
        } else if (text.empty()) {
          return false;
        } else {
          text.remove_prefix(1);
        }
      } while (depth != 0);
    } else {
      return true;
    }
  }
  return true;
}

}  // namespace

std::string_view extern_kind_text(ExternKind kind) {
  switch (kind) {
    case ExternKind::kFunction: return "function";
    case ExternKind::kTable: return "table";
    case ExternKind::kMemory: return "memory";
    case ExternKind::kGlobal: return "global";
    case ExternKind::kTag: return "tag";
  }
  return "unknown";
}

std::string_view component_extern_kind_text(ComponentExternKind kind) {
  switch (kind) {
    case ComponentExternKind::kCoreModule: return "core module";
    case ComponentExternKind::kFunction: return "function";
    case ComponentExternKind::kValue: return "value";
    case ComponentExternKind::kType: return "type";
    case ComponentExternKind::kComponent: return "component";
    case ComponentExternKind::kInstance: return "interface";
  }
  return "unknown";
}

std::string_view value_type_text(ValueType type) {
  switch (type) {
    case ValueType::kI32: return "i32";
    case ValueType::kI64: return "i64";
    case ValueType::kF32: return "f32";
    case ValueType::kF64: return "f64";
    case ValueType::kV128: return "v128";
    case ValueType::kFuncref: return "funcref";
    case ValueType::kExternref: return "externref";
    case ValueType::kOther: return "ref";
  }
  return "unknown";
}

Result<ModuleInfo> read_module(ByteSpan bytes) { return ModuleParser(bytes).parse(); }

void read_custom_section(ModuleInfo& info, std::string_view name, ByteSpan body) {
  if (name == "name") read_name_section(info, Reader(body));
  if (name == "producers") read_producers(info, Reader(body));
  if (name == "target_features") read_target_features(info, Reader(body));
}

bool looks_like_text(ByteSpan bytes) {
  std::string_view text = as_text(bytes);
  if (text.starts_with(std::string_view("\0asm", 4))) return false;
  return skip_text_space(text) && text.starts_with('(');
}

std::span<const ValueType> parameters(const ModuleInfo& info, std::uint32_t type) {
  if (type >= info.types.size()) return {};
  const FunctionType& function = info.types[type];
  return std::span(info.value_types).subspan(function.first_value, function.parameter_count);
}

std::span<const ValueType> results(const ModuleInfo& info, std::uint32_t type) {
  if (type >= info.types.size()) return {};
  const FunctionType& function = info.types[type];
  return std::span(info.value_types)
      .subspan(function.first_value + function.parameter_count, function.result_count);
}

std::string type_text(const ModuleInfo& info, std::uint32_t type) {
  return list_text(parameters(info, type)) + " -> " + list_text(results(info, type));
}

std::string signature_text(const ModuleInfo& info, const Import& import) {
  return extern_text(info, import.kind, import.type);
}

std::string signature_text(const ModuleInfo& info, const Export& exported) {
  return extern_text(info, exported.kind, exported.type);
}

const Export* find_export(const ModuleInfo& info, std::string_view name) {
  for (const Export& exported : info.exports) {
    if (exported.name == name) return &exported;
  }
  return nullptr;
}

std::uint64_t initial_memory_bytes(const ModuleInfo& info) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t total = 0;
  for (const MemoryType& memory : info.memories) {
    if (memory.pages.minimum > (kMax - total) >> memory.page_size_log2) return kMax;
    total += memory.pages.minimum << memory.page_size_log2;
  }
  return total;
}

std::string printable_name(std::string_view name, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (text.size() >= limit) return text + "…";
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte == '\\' || byte == '"') {
      text += '\\';
      text += name[i];
    } else if (byte < 0x20 || byte > 0x7E) {
      text += fmt::format("\\x{:02X}", byte);
    } else {
      text += name[i];
    }
  }
  return text;
}

}  // namespace godwit::wasm
