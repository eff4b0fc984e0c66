#include "registry/loader.h"

#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/units.h"

namespace godwit::registry {
namespace {

// What is set about a head that the function says itself would be passed over in silence. Errors:
// kConfigBadValue.
Result<void> check_response_settings(const manifest::FunctionSpec& spec, wasm::Contract contract) {
  if (contract != wasm::Contract::kHttp) return {};
  const bool is_cgi = spec.response == manifest::ResponseMode::kCgi;
  if (!is_cgi && spec.content_type.empty()) return {};
  const std::string line =
      is_cgi ? "response = \"cgi\"" : fmt::format("content-type = \"{}\"", spec.content_type);
  return fail(ErrorCode::kConfigBadValue,
              fmt::format("{}: the module speaks HTTP itself; this is of commands", line),
              fmt::format("Remove `{}` from the function's settings: the module itself says its "
                          "response's status and fields.",
                          line));
}

// Errors: kConfigBadValue.
Result<void> check_instances(const manifest::FunctionSpec& spec, wasm::Contract contract) {
  if (!spec.instances.reused() || contract == wasm::Contract::kHttp) return {};
  return fail(ErrorCode::kConfigBadValue,
              "instances = \"reused\": the module is a command, which ends with its answer",
              "Remove `instances` from the function's settings: only a component that speaks HTTP "
              "itself can answer a second request.");
}

}  // namespace

// Compiled code, and the binary that it was made from where that was text.
struct Loader::Compiled {
  engine::Artifact artifact;
  Bytes wasm;
};

Loader::Loader(const LoaderOptions& options) : options_(options) {
  CHECK(options_.compiler != nullptr);
  for (const engine::HostFunction& function : options_.host_functions) {
    provided_.push_back({function.module, function.name});
  }
}

Result<void> Loader::inspect(const manifest::FunctionSpec& spec, ByteSpan wasm,
                             LoadedFunction& loaded) const {
  auto info = wasm::read_module(wasm);
  if (!info) return fail(std::move(info.error()));
  auto contract = wasm::classify(*info, {provided_, options_.interfaces});
  if (!contract) return fail(std::move(contract.error()));
  if (spec.contract != manifest::ContractChoice::kAuto) {
    const bool is_http = spec.contract == manifest::ContractChoice::kHttp;
    *contract = is_http ? wasm::Contract::kHttp : wasm::Contract::kCommand;
    if (auto fits = wasm::insist(*info, *contract); !fits) return fail(std::move(fits.error()));
  }
  if (auto fits = check_instances(spec, *contract); !fits) return fail(std::move(fits.error()));
  if (auto fits = check_response_settings(spec, *contract); !fits) {
    return fail(std::move(fits.error()));
  }
  const std::uint64_t needed = wasm::initial_memory_bytes(*info);
  if (needed > spec.limits.memory_bytes) {
    return fail(ErrorCode::kMemoryMinimum,
                fmt::format("it starts with {}, its limit is {}", format_size(needed),
                            format_size(spec.limits.memory_bytes)));
  }
  loaded.contract = *contract;
  loaded.info = std::make_shared<const wasm::ModuleInfo>(std::move(*info));
  return {};
}

Result<Loader::Compiled> Loader::compile(ByteSpan bytes, std::chrono::seconds cpu_max,
                                         LoadedFunction& loaded) const {
  const TimePoint start = monotonic_now();
  auto output = options_.compiler->compile_within(cpu_max, bytes);
  loaded.compile_time = monotonic_now() - start;
  if (!output) return fail(std::move(output.error()));
  if (options_.cache != nullptr) {
    auto stored = options_.cache->store(loaded.digest, options_.engine.fingerprint(),
                                        {.code = output->artifact, .wasm = output->wasm});
    // A full disk does not keep a function from running; it only costs the next start.
    if (!stored) loaded.cache_problem = stored.error().text();
  }
  auto artifact = seal_artifact(output->artifact);
  if (!artifact) return fail(std::move(artifact.error()));
  return Compiled{std::move(*artifact), std::move(output->wasm)};
}

Result<Loader::Compiled> Loader::obtain(ByteSpan bytes, std::chrono::seconds cpu_max,
                                        LoadedFunction& loaded) const {
  if (options_.cache == nullptr) return compile(bytes, cpu_max, loaded);
  auto entry = options_.cache->load(loaded.digest, options_.engine.fingerprint());
  if (entry && *entry) {
    loaded.cache = CacheUse::kHit;
    return Compiled{std::move((*entry)->artifact), std::move((*entry)->wasm)};
  }
  loaded.cache = CacheUse::kMiss;
  if (!entry) {
    loaded.cache_problem = entry.error().text();
    if (entry.error().code == ErrorCode::kArtifactInvalid) loaded.cache = CacheUse::kInvalid;
  }
  return compile(bytes, cpu_max, loaded);
}

Result<void> Loader::link(const manifest::FunctionSpec& spec, Compiled compiled,
                          LoadedFunction& loaded) const {
  const engine::LoadOptions options{.host_functions = options_.host_functions,
                                    .limits = {.memory_bytes = spec.limits.memory_bytes}};
  auto module = options_.engine.load(std::move(compiled.artifact), options);
  if (!module) return fail(std::move(module.error()));
  loaded.module = std::move(*module);
  return {};
}

Result<LoadedFunction> Loader::load(const manifest::FunctionSpec& spec, ByteSpan bytes,
                                    std::chrono::seconds compile_cpu_max) const {
  const TimePoint start = monotonic_now();
  if (bytes.size() > options_.module_bytes_max) {
    return fail(ErrorCode::kModuleTooLarge, fmt::format("{}, at most {}", format_size(bytes.size()),
                                                        format_size(options_.module_bytes_max)));
  }
  LoadedFunction loaded;
  loaded.digest = sha256(bytes);
  // A binary is looked at before anything is spent on it; text can be only after its conversion.
  const bool is_text = wasm::looks_like_text(bytes);
  if (!is_text) {
    if (auto fits = inspect(spec, bytes, loaded); !fits) return fail(std::move(fits.error()));
  }
  auto compiled = obtain(bytes, compile_cpu_max, loaded);
  if (!compiled) return fail(std::move(compiled.error()));
  if (is_text) {
    auto fits = inspect(spec, compiled->wasm, loaded);
    if (!fits) return fail(std::move(fits.error()));
  }
  auto linked = link(spec, std::move(*compiled), loaded);
  const bool refused = !linked && linked.error().code == ErrorCode::kArtifactInvalid;
  if (refused && loaded.cache == CacheUse::kHit) {
    // Authentic, but the engine won't have it: its fingerprint missed a difference.
    loaded.cache = CacheUse::kInvalid;
    loaded.cache_problem = linked.error().text();
    compiled = compile(bytes, compile_cpu_max, loaded);
    if (!compiled) return fail(std::move(compiled.error()));
    linked = link(spec, std::move(*compiled), loaded);
  }
  if (!linked) return fail(std::move(linked.error()));
  loaded.total_time = monotonic_now() - start;
  return loaded;
}

}  // namespace godwit::registry
