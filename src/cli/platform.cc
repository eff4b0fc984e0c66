#include "cli/platform.h"

#include <algorithm>

#include <sys/resource.h>

#include "cli/machine.h"
#include "cli/measured_compiler.h"
#include "engines/wasmtime/wasmtime_engine.h"
#include "wasi/interfaces.h"
#include "wasi/preview1.h"

namespace godwit::cli {

Result<std::unique_ptr<Platform>> Platform::create(const PlatformOptions& options) {
  std::unique_ptr<Platform> platform(new Platform);
  // First of all: the service must not inherit threads, keys or sockets.
  std::vector<std::string> command = {"/proc/self/exe", kCompileServiceVerb};
  if (!options.confined_compiler) command.emplace_back(kUnconfinedWord);
  auto compiler = registry::CompileService::start(
      {.command = std::move(command), .max_parallel = options.compile_jobs});
  if (!compiler) return fail(std::move(compiler.error()));
  platform->compiler_ = std::move(*compiler);
  auto opened = platform->open_cache(options);
  if (!opened) {
    if (options.cache == CacheMode::kRequired) return fail(std::move(opened.error()));
    platform->cache_problem_ = std::move(opened.error());
  }
  if (options.confine) {
    if (auto done = options.confine(platform->state()); !done) return fail(std::move(done.error()));
  }
  auto engine =
      engines::wasmtime::create_engine({.role = engines::wasmtime::Role::kRuntime,
                                        .instances = affordable_instances(options.instances)});
  if (!engine) return fail(std::move(engine.error()));
  platform->engine_ = std::move(*engine);
  platform->measured_compiler_ =
      std::make_unique<MeasuredCompiler>(*platform->compiler_, options.metrics);
  platform->loader_ = std::make_unique<registry::Loader>(
      registry::LoaderOptions{.engine = *platform->engine_,
                              .host_functions = wasi::host_functions(),
                              .interfaces = wasi::interfaces(),
                              .cache = platform->cache(),
                              .compiler = platform->measured_compiler_.get()});
  return platform;
}

Result<void> Platform::open_cache(const PlatformOptions& options) {
  auto state = registry::StateDir::open({.path = options.state_dir});
  if (!state) return fail(std::move(state.error()));
  state_.emplace(std::move(*state));
  auto cache = registry::ArtifactCache::open(*state_, {});
  if (!cache) return fail(std::move(cache.error()));
  cache_.emplace(std::move(*cache));
  return {};
}

std::uint32_t affordable_compile_jobs(std::uint32_t wanted) {
  const registry::CompileLimits limits;
  const std::uint64_t each = limits.memory_bytes + limits.output_bytes;
  const std::uint64_t affordable = usable_memory_bytes() / 2 / each;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(affordable, 1, wanted));
}

std::uint32_t affordable_instances(std::uint32_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  // 4 GiB and guards each, half as many again for modules with several memories (the engine's
  // pool), and half of the limit for the rest of the process.
  constexpr std::uint64_t kPerMemory = (std::uint64_t{4} << 30) + (std::uint64_t{64} << 20);
  constexpr std::uint64_t kSpare = 8;
  const std::uint64_t memories = limit.rlim_cur / 2 / kPerMemory;
  const std::uint64_t affordable = memories > kSpare ? (memories - kSpare) * 2 / 3 : 1;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(affordable, 1, wanted));
}

}  // namespace godwit::cli
