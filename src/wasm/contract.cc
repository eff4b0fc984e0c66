#include "wasm/contract.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace godwit::wasm {
namespace {

constexpr std::size_t kMaxListed = 8;
constexpr std::string_view kExpected =
    "expected: the export `_start` of type () -> () and imports from wasi_snapshot_preview1 only";

bool is_wasi(std::string_view module) {
  return module == "wasi_snapshot_preview1" || module == "wasi_unstable";
}

std::string import_name(const Import& import) {
  return fmt::format("{}.{}", printable_name(import.module), printable_name(import.name));
}

template <class Items, class Describe>
std::string list_text(const Items& items, const Describe& describe) {
  if (items.empty()) return "nothing";
  std::string text;
  for (std::size_t i = 0; i < items.size() && i < kMaxListed; ++i) {
    if (i != 0) text += ", ";
    text += describe(items[i]);
  }
  if (items.size() > kMaxListed) text += fmt::format(" and {} more", items.size() - kMaxListed);
  return text;
}

bool any_import_from(const std::vector<const Import*>& imports, std::string_view module) {
  return std::any_of(imports.begin(), imports.end(),
                     [&](const Import* import) { return import->module == module; });
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Emscripten's JavaScript glue: module "a" with names of one or two letters (-O2 and above), or
// "env" with names of its runtime.
bool is_emscripten(const Import& import) {
  if (import.module == "a") return import.name.size() <= 2;
  if (import.module != "env") return false;
  return starts_with_any(
      import.name,
      {"emscripten_", "_emscripten", "__emscripten", "__syscall_", "invoke_", "_embind_", "__cxa_",
       "_abort_js", "__assert_fail", "_tzset_js", "_mmap_js", "_localtime_js", "setTempRet0"});
}

bool is_assembly_script(const Import& import) {
  return import.module == "env" && (import.name == "abort" || import.name == "seed");
}

// What the toolchain that left these imports wants to be told; empty: nothing known.
std::string_view toolchain_hint(const std::vector<const Import*>& unknown) {
  const auto any = [&](bool (*matches)(const Import&)) {
    return std::any_of(unknown.begin(), unknown.end(),
                       [&](const Import* import) { return matches(*import); });
  };
  if (any_import_from(unknown, "gojs") || any_import_from(unknown, "go")) {
    return "This is Go for browsers (GOOS=js). Build with GOOS=wasip1 GOARCH=wasm.";
  }
  if (any_import_from(unknown, "wbg") || any_import_from(unknown, "__wbindgen_placeholder__") ||
      any_import_from(unknown, "__wbindgen_externref_xform__")) {
    return "This is Rust for browsers (wasm-bindgen). Build with --target wasm32-wasip1 and "
           "without dependencies that need JavaScript.";
  }
  if (any(&is_emscripten)) {
    return "This needs Emscripten's JavaScript. Link with -sSTANDALONE_WASM, or build with "
           "wasi-sdk (clang --target=wasm32-wasip1).";
  }
  if (any(&is_assembly_script)) {
    return "This looks like AssemblyScript. Build with the WASI shim "
           "(asc --config node_modules/@assemblyscript/wasi-shim/asconfig.json).";
  }
  if (any_import_from(unknown, "wasi_unstable")) {
    return "This was built for the first snapshot of WASI (wasi_unstable). Build with a toolchain "
           "from 2020 or later.";
  }
  if (any_import_from(unknown, "wasi_snapshot_preview1")) {
    return "These functions are extensions that WASI preview 1 does not have (or, of sockets, "
           "that Godwit does not grant). Build without them.";
  }
  if (any_import_from(unknown, "env")) {
    return "Functions from `env` are symbols that the linker left undefined. Link what defines "
           "them, or build for WASI preview 1 (wasm32-wasip1).";
  }
  return {};
}

Result<void> check_imports(const ModuleInfo& info, std::span<const ProvidedImport> provided) {
  std::vector<const Import*> unknown;
  for (const Import& import : info.imports) {
    const bool known = import.kind == ExternKind::kFunction &&
                       std::any_of(provided.begin(), provided.end(), [&](const auto& function) {
                         return function.module == import.module && function.name == import.name;
                       });
    if (!known) unknown.push_back(&import);
  }
  if (unknown.empty()) return {};
  const std::string list = list_text(unknown, [&](const Import* import) {
    return fmt::format("{} ({})", import_name(*import), signature_text(info, *import));
  });
  return fail(ErrorCode::kUnknownImport,
              fmt::format("{}; it exports {}; {}", list, export_list_text(info), kExpected),
              std::string(toolchain_hint(unknown)));
}

std::string no_contract_hint(const ModuleInfo& info) {
  if (find_export(info, "_initialize") != nullptr) {
    return "This is a library (a WASI reactor, it exports `_initialize`). Link an executable with "
           "a main function: without -mexec-model=reactor, -buildmode=c-shared or "
           "crate-type = [\"cdylib\"].";
  }
  if (find_export(info, "main") != nullptr || find_export(info, "__main_argc_argv") != nullptr) {
    return "It has a main function but no start code. Link with wasi-libc's crt1.o "
           "(clang --target=wasm32-wasip1, without -nostdlib and --no-entry).";
  }
  if (info.exports.empty()) {
    return "It exports nothing that could be called. Build an executable, not an object file or a "
           "library; in text form write (func (export \"_start\") …).";
  }
  return {};
}

// --- Components ----------------------------------------------------------------------------------

constexpr std::string_view kExpectedOfComponents =
    "expected: the export wasi:http/incoming-handler@0.2.x, wasi:http/handler@0.3.x or "
    "wasi:cli/run";

std::string extern_list_text(const std::vector<ComponentExtern>& externs) {
  return list_text(externs, [](const ComponentExtern& each) {
    return fmt::format("{} {}", component_extern_kind_text(each.kind), printable_name(each.name));
  });
}

// What the unknown imports of a component want; empty: nothing known.
std::string_view component_hint(const std::vector<const ComponentExtern*>& unknown) {
  const auto any = [&](std::string_view prefix) {
    return std::any_of(unknown.begin(), unknown.end(), [&](const ComponentExtern* import) {
      return import->name.starts_with(prefix);
    });
  };
  if (any("wasi:keyvalue") || any("wasi:blobstore") || any("wasi:messaging") || any("wasi:sql")) {
    return "These are services that Godwit does not have. Reach one over HTTP (wasi:http with "
           "allowed-outbound-hosts), or keep files in a volume.";
  }
  if (any("fermyon:") || any("spin:")) {
    return "This was built for Spin. Build with its plain wasi:http template, without Spin's SDK.";
  }
  if (any("wasmcloud:")) return "This was built for wasmCloud. Build with plain wasi:http.";
  if (any("wasi:")) {
    return "This interface, or this version of it, is none that Godwit provides (those of WASI "
           "0.2.x and 0.3.x are, release candidates are not). Build with bindings for one of them, "
           "or without the interface.";
  }
  return "Link the component that exports these interfaces into this one (`wac plug` composes "
         "components), or build without them.";
}

bool exports_interface(const ModuleInfo& info, std::string_view track) {
  return std::any_of(info.component_exports.begin(), info.component_exports.end(),
                     [&](const ComponentExtern& each) {
                       return each.kind == ComponentExternKind::kInstance &&
                              is_of_track(each.name, track);
                     });
}

bool speaks_http(const ModuleInfo& info) {
  return exports_interface(info, "wasi:http/handler@0.3") ||
         exports_interface(info, "wasi:http/incoming-handler@0.2");
}

bool is_component_command(const ModuleInfo& info) {
  return exports_interface(info, "wasi:cli/run@0.2") || exports_interface(info, "wasi:cli/run@0.3");
}

Result<Contract> classify_component(const ModuleInfo& info,
                                    std::span<const std::string_view> interfaces) {
  std::vector<const ComponentExtern*> unknown;
  for (const ComponentExtern& import : info.component_imports) {
    const bool known =
        import.kind == ComponentExternKind::kType ||
        (import.kind == ComponentExternKind::kInstance &&
         std::any_of(interfaces.begin(), interfaces.end(),
                     [&](std::string_view track) { return is_of_track(import.name, track); }));
    if (!known) unknown.push_back(&import);
  }
  if (!unknown.empty()) {
    const std::string list = list_text(unknown, [](const ComponentExtern* import) {
      return fmt::format("{} {}", component_extern_kind_text(import->kind),
                         printable_name(import->name));
    });
    return fail(ErrorCode::kUnknownImport, list, std::string(component_hint(unknown)));
  }
  if (speaks_http(info)) return Contract::kHttp;
  if (is_component_command(info)) return Contract::kCommand;
  return fail(
      ErrorCode::kNoContract,
      fmt::format("it exports {} and imports {}; {}", extern_list_text(info.component_exports),
                  extern_list_text(info.component_imports), kExpectedOfComponents));
}

}  // namespace

std::string_view contract_text(Contract contract) {
  switch (contract) {
    case Contract::kCommand: return "command";
    case Contract::kHttp: return "http";
  }
  return "unknown";
}

std::string export_list_text(const ModuleInfo& info) {
  return list_text(info.exports, [](const Export& exported) {
    return fmt::format("{} {}", extern_kind_text(exported.kind), printable_name(exported.name));
  });
}

std::string import_list_text(const ModuleInfo& info) {
  return list_text(info.imports, [](const Import& import) { return import_name(import); });
}

bool is_of_track(std::string_view interface, std::string_view track) {
  const bool is_draft = track.find('-', track.find('@')) != std::string_view::npos;
  if (is_draft) return interface == track;  // nothing else is compatible
  if (!interface.starts_with(track)) return false;
  const std::string_view patch = interface.substr(track.size());
  return patch.size() > 1 && patch.front() == '.' &&
         patch.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

Result<Contract> classify(const ModuleInfo& info, const Provided& provided) {
  if (info.kind == ModuleKind::kComponent) return classify_component(info, provided.interfaces);
  if (auto imports = check_imports(info, provided.functions); !imports) {
    return fail(std::move(imports.error()));
  }
  const Export* const entry = find_export(info, "_start");
  if (entry == nullptr) {
    return fail(ErrorCode::kNoContract,
                fmt::format("it exports {} and imports {}; {}", export_list_text(info),
                            import_list_text(info), kExpected),
                no_contract_hint(info));
  }
  if (entry->kind != ExternKind::kFunction || !parameters(info, *entry->type).empty() ||
      !results(info, *entry->type).empty()) {
    return fail(ErrorCode::kNoContract, fmt::format("its export `_start` is a {}; {}",
                                                    signature_text(info, *entry), kExpected));
  }
  const bool uses_wasi = std::any_of(info.imports.begin(), info.imports.end(),
                                     [](const Import& import) { return is_wasi(import.module); });
  const Export* const memory = find_export(info, "memory");
  if (uses_wasi && (memory == nullptr || memory->kind != ExternKind::kMemory)) {
    return fail(ErrorCode::kNoMemoryExport,
                fmt::format("it exports {} and imports {}", export_list_text(info),
                            import_list_text(info)));
  }
  return Contract::kCommand;
}

Result<void> insist(const ModuleInfo& info, Contract contract) {
  const bool is_core = info.kind == ModuleKind::kCore;
  const bool fits = contract == Contract::kHttp ? !is_core && speaks_http(info)
                                                : is_core || is_component_command(info);
  if (fits) return {};
  return fail(
      ErrorCode::kNoContract,
      fmt::format("it does not fit the contract \"{}\": it exports {}", contract_text(contract),
                  is_core ? export_list_text(info) : extern_list_text(info.component_exports)),
      "Its settings insist on this contract. Leave `contract` out to have it found.");
}

}  // namespace godwit::wasm
