#include "wasm/component_parser.h"

#include <algorithm>
#include <string>

namespace godwit::wasm {
namespace {

// Sections of the component model's binary format (its Binary.md).
enum Section : std::uint8_t { kCustom = 0, kImport = 10, kExport = 11, kLast = 12 };

constexpr std::uint32_t kMaxExterns = 10'000;
constexpr std::size_t kMaxCustomSections = 256;
constexpr std::size_t kMaxCustomNameBytes = 256;

ComponentExternKind kind_of(std::uint8_t sort, Reader& in) {
  switch (sort) {
    case 0x00: return ComponentExternKind::kCoreModule;
    case 0x01: return ComponentExternKind::kFunction;
    case 0x02: return ComponentExternKind::kValue;
    case 0x03: return ComponentExternKind::kType;
    case 0x04: return ComponentExternKind::kComponent;
    case 0x05: return ComponentExternKind::kInstance;
    default: in.set_problem("unknown kind of a component's import or export");
  }
  return ComponentExternKind::kType;
}

// In two forms, of which the second was for interfaces only; they mean the same now.
std::string extern_name(Reader& in) {
  if (const std::uint8_t form = in.byte(); form > 0x01) {
    in.set_problem("a name of an import or export in an unknown form");
  }
  return std::string(in.name());
}

// Its type: a kind, and an index or a bound.
ComponentExternKind extern_type(Reader& in) {
  const std::uint8_t sort = in.byte();
  if (sort == 0x00 && in.byte() != 0x11) in.set_problem("a core item that is no module");
  const ComponentExternKind kind = kind_of(sort, in);
  const bool is_bound = kind == ComponentExternKind::kType || kind == ComponentExternKind::kValue;
  // A bound: "equal to" an index, or, of types, "any resource".
  if (is_bound && in.byte() == 0x01 && kind == ComponentExternKind::kType) return kind;
  (void)in.s33();  // an index; of values perhaps a primitive type
  return kind;
}

void imports(Reader& in, ModuleInfo& info) {
  const std::uint32_t count = in.count(3);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string name = extern_name(in);
    const ComponentExternKind kind = extern_type(in);
    if (info.component_imports.size() >= kMaxExterns) return in.set_problem("too many imports");
    info.component_imports.push_back({std::move(name), kind});
  }
}

void exports(Reader& in, ModuleInfo& info) {
  const std::uint32_t count = in.count(4);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string name = extern_name(in);
    const std::uint8_t sort = in.byte();
    if (sort == 0x00 && in.byte() != 0x11) return in.set_problem("a core item that is no module");
    const ComponentExternKind kind = kind_of(sort, in);
    (void)in.u32();  // its index
    if (in.byte() == 0x01) (void)extern_type(in);
    if (info.component_exports.size() >= kMaxExterns) return in.set_problem("too many exports");
    info.component_exports.push_back({std::move(name), kind});
  }
}

void custom(Reader& in, std::size_t size, ModuleInfo& info) {
  const std::string_view name = in.name();
  if (in.ok() && info.custom_sections.size() < kMaxCustomSections) {
    info.custom_sections.push_back({std::string(name.substr(0, kMaxCustomNameBytes)), size});
  }
  (void)in.rest();
}

}  // namespace

void read_component(Reader& in, ModuleInfo& info) {
  while (in.ok() && !in.at_end()) {
    const std::uint8_t id = in.byte();
    const std::uint32_t size = in.u32();
    const std::size_t start = in.offset();
    Reader section(in.take(size), start);
    if (!in.ok()) return;
    switch (id) {
      case kCustom: custom(section, size, info); break;
      case kImport: imports(section, info); break;
      case kExport: exports(section, info); break;
      default:
        if (id > kLast) section.set_problem("unknown section");
        (void)section.rest();
    }
    if (section.ok() && !section.at_end()) {
      section.set_problem("section is longer than its contents");
    }
    if (!section.ok()) {
      in = section;  // carries the problem and its offset
      return;
    }
  }
}

}  // namespace godwit::wasm
