// Platform: what every verb that loads functions needs, wired once: the compile service, the state
// folder with its artifact cache, the engine, the loader.
//
//   auto platform = Platform::create({.state_dir = options.state_dir});
//   auto loaded = (*platform)->loader().load(spec, bytes);
//
// create() must run before the process has threads (it starts the compile service first). The
// accessors are safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "engine/engine.h"
#include "observe/metrics.h"
#include "registry/artifact_cache.h"
#include "registry/compile_service.h"
#include "registry/loader.h"
#include "registry/state_dir.h"

namespace godwit::cli {

enum class CacheMode : std::uint8_t {
  kRequired,  // the state folder must be usable (`serve`)
  kOptional,  // without one, compiled code is kept in memory only (`run`, `check`)
};

struct PlatformOptions {
  std::string state_dir;         // empty: the default place
  std::uint32_t instances = 64;  // sandboxes at once
  CacheMode cache = CacheMode::kOptional;
  std::uint32_t compile_jobs = 1;
  observe::Metrics* metrics = nullptr;  // hears of compilations; must outlive the platform
  // Called when the compile service and the state folder (null: none) are there, and nothing else:
  // what the process gives up for good, it gives up here. Its error is create()'s.
  std::function<Result<void>(const registry::StateDir* state)> confine;
  bool confined_compiler = true;
};

// The first argument that makes this program the compile service (registry/compile_service.h), and
// the second one of a service that is not confined.
inline constexpr const char* kCompileServiceVerb = "compile-service";
inline constexpr const char* kUnconfinedWord = "unconfined";

class Platform final {
 public:
  // Errors: kSystemCall, kStateDirUnusable, and those of `confine`.
  static Result<std::unique_ptr<Platform>> create(const PlatformOptions& options);
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  const engine::Engine& engine() const { return *engine_; }
  const registry::Loader& loader() const { return *loader_; }
  registry::CompileService& compiler() { return *compiler_; }
  // Null when the state folder cannot be used (kOptional); cache_problem() says why.
  const registry::StateDir* state() const { return state_ ? &*state_ : nullptr; }
  const registry::ArtifactCache* cache() const { return cache_ ? &*cache_ : nullptr; }
  const std::optional<Error>& cache_problem() const { return cache_problem_; }

 private:
  Platform() = default;
  Result<void> open_cache(const PlatformOptions& options);

  std::unique_ptr<registry::CompileService> compiler_;
  std::unique_ptr<registry::Compiler> measured_compiler_;  // compiler_, for the loader
  std::optional<registry::StateDir> state_;
  std::optional<registry::ArtifactCache> cache_;
  std::optional<Error> cache_problem_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<registry::Loader> loader_;
};

// Compile jobs at once: at most `wanted`, and no more than half of the memory holds at their limit.
std::uint32_t affordable_compile_jobs(std::uint32_t wanted);
// Sandboxes that this machine's address-space limit allows, at most `wanted`.
std::uint32_t affordable_instances(std::uint32_t wanted);

}  // namespace godwit::cli
