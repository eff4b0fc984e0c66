// Which guest contract a module fits, found from the module itself; and when it fits none, an
// error that a person can act on: what it exports, what it imports, what was expected, and what to
// change in the build.
//
//   auto contract = wasm::classify(*info, provided);   // provided: what wasi/ implements
//   if (!contract) return fail(std::move(contract.error()));  // kUnknownImport, kNoContract, …
//
// Pure functions. Names out of the module are escaped and cut, lists are bounded.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "wasm/module_info.h"

namespace godwit::wasm {

enum class Contract : std::uint8_t {
  // Core module: WASI preview 1 imports only, exports `_start` of type () -> (). Component: exports
  // wasi:cli/run and no handler.
  kCommand,
  kHttp,  // component that exports wasi:http/incoming-handler 0.2 or wasi:http/handler 0.3
};
std::string_view contract_text(Contract contract);  // "command"

// A function that the host implements; modules may import nothing else.
struct ProvidedImport {
  std::string_view module;
  std::string_view name;
};

// What the host implements: functions for core modules, interfaces for components. An interface is
// named with its track of versions, "wasi:http/types@0.2": every 0.2.x is compatible (semver).
struct Provided {
  std::span<const ProvidedImport> functions;
  std::span<const std::string_view> interfaces;
};

// Errors: kUnknownImport (an import that is not provided, or is of the wrong kind), kNoContract (no
// `_start`, or of another type; no handler and no command), kNoMemoryExport. Types of the imports
// are not compared here: the engine does it when it links.
Result<Contract> classify(const ModuleInfo& info, const Provided& provided);

// A module may fit several contracts: does it fit this one? As classify(), with kNoContract when
// not.
Result<void> insist(const ModuleInfo& info, Contract contract);

// Is "wasi:http/types@0.2.3" of the track "wasi:http/types@0.2"?
bool is_of_track(std::string_view interface, std::string_view track);

// "function fd_write, memory mem and 3 more": at most eight, for messages.
std::string export_list_text(const ModuleInfo& info);
std::string import_list_text(const ModuleInfo& info);

}  // namespace godwit::wasm
