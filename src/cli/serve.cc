#include "cli/serve.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/catalog.h"
#include "cli/confine_server.h"
#include "cli/idle_trim.h"
#include "cli/machine.h"
#include "cli/metrics_side.h"
#include "cli/operator_file.h"
#include "cli/outbound_side.h"
#include "cli/output.h"
#include "cli/platform.h"
#include "cli/reloader.h"
#include "cli/serve_config.h"
#include "registry/grantor.h"
#include "registry/watcher.h"
#include "runtime/blocking_pool.h"
#include "server/server.h"

namespace godwit::cli {
namespace {

constexpr std::uint32_t kSandboxes = 2048;
// Threads that wait for disks on behalf of guests; they start with the first such work.
constexpr unsigned kFileThreads = 8;
// All tmpfs together get this part of the guests' memory.
constexpr std::uint64_t kTmpfsShare = 4;

// The rest is for the server itself, its connections, compiled code, and the kernel.
std::uint64_t default_guest_memory_bytes() { return usable_memory_bytes() / 10 * 7; }

// Until the metrics' side stops, before `memory` goes.
void tell_memory(observe::Metrics& metrics, const capability::MemoryBudget& memory) {
  metrics.set_source(observe::MetricId::kGuestMemory, [&memory](auto& samples) {
    samples.push_back({"", static_cast<double>(memory.used_bytes())});
  });
  metrics.set_source(observe::MetricId::kGuestMemoryLimit, [&memory](auto& samples) {
    samples.push_back({"", static_cast<double>(memory.limit_bytes())});
  });
}

// Signals that the main thread waits for; blocked everywhere else.
sigset_t control_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

// The next control signal within `at_most`, or nothing.
std::optional<int> next_signal(std::chrono::nanoseconds at_most) {
  const sigset_t set = control_signals();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
  const timespec time{.tv_sec = seconds.count(), .tv_nsec = (at_most - seconds).count()};
  const int signal = ::sigtimedwait(&set, nullptr, &time);
  if (signal < 0) return std::nullopt;
  return signal;
}

void list_routes(const std::vector<gateway::Route>& routes, Logger& logger) {
  for (const gateway::Route& route : routes) {
    const std::string path = gateway::routes_text(route);
    if (route.function != nullptr) {
      logger.info("serve", "route", {{"path", path}, {"source", route.function->spec.source}});
    } else {
      logger.warning("serve", "route answers 503",
                     {{"path", path}, {"error", route.unavailable->text()}});
    }
  }
}

void print_ready(const server::Server& server, const std::vector<gateway::Route>& routes,
                 const MetricsSide& side) {
  std::string addresses;
  for (const server::ListenAddress& address : server.addresses()) {
    if (!addresses.empty()) addresses += ',';
    addresses += "http://" + server::listen_address_text(address);
  }
  const auto ready = std::count_if(routes.begin(), routes.end(),
                                   [](const auto& route) { return route.function != nullptr; });
  const std::string metrics = side.url().empty() ? "" : " metrics=" + side.url();
  fmt::print(stdout, "ready {} functions={}{}\n", addresses, ready, metrics);
  std::fflush(stdout);
}

// Waits for the signal that ends the server; SIGHUP reloads.
void serve_until_signal(Reloader& reloader, IdleTrim& trim, Logger& logger) {
  while (true) {
    const auto signal = next_signal(IdleTrim::kLookEvery);
    if (!signal) {
      const std::uint64_t bytes = trim.look(monotonic_now(), process_cpu_now());
      if (bytes > 0)
        logger.info("serve", "idle memory given back", {{"bytes", std::to_string(bytes)}});
      continue;
    }
    if (*signal != SIGHUP) return;
    logger.info("serve", "SIGHUP: reading the configuration again", {});
    reloader.request();
  }
}

struct Running {
  server::Server& server;
  Reloader& reloader;
  runtime::BlockingPool& blocking;
};

// Drains; returns the exit code.
int end_server(const Running& running, Logger& logger, std::chrono::nanoseconds timeout) {
  logger.info("serve", "draining", {});
  bool second_signal = false;
  const bool finished = running.server.drain(timeout, [&] {
    const auto signal = next_signal(std::chrono::nanoseconds(0));
    second_signal |= signal && *signal != SIGHUP;
    return second_signal;
  });
  logger.info("serve", finished ? "drained" : "ended before everything had finished", {});
  const int code = second_signal ? 1 : 0;
  // Threads that are in the middle of something (a guest that does not give way, a compiler, a
  // disk) are not waited for; the compile service ends when its socket closes.
  if (!finished || running.reloader.busy() || running.blocking.busy()) {
    logger.flush();
    ::_exit(code);
  }
  return code;
}

Result<std::optional<registry::Folder>> open_folder(const std::string& path,
                                                    registry::UnsafeFiles unsafe_files) {
  if (path.empty()) return std::nullopt;
  auto folder = registry::Folder::open(path, {.unsafe_files = unsafe_files});
  if (!folder) return fail(std::move(folder.error()));
  return std::move(*folder);
}

// Before anything is given up: a folder that can't be opened is an error later.
OutboundSide outbound_side(const OperatorFile& file, const manifest::Manifest* manifest,
                           const ServeConfig& config) {
  const auto folder = open_folder(file.functions_folder(manifest), config.unsafe_files);
  return {{.file = file,
           .manifest = manifest,
           .folder = folder && *folder ? &**folder : nullptr,
           .default_limits = config.limits},
          config.confinement == ConfinementMode::kOff ? OutboundSide::Setup::kAlways
                                                      : OutboundSide::Setup::kWhenAsked};
}

// The process is confined on the way, before it has threads.
Result<std::unique_ptr<Platform>> start_platform(const ServeConfig& config,
                                                 std::vector<confinement::Root> roots,
                                                 const OutboundSide& outbound,
                                                 observe::Metrics* metrics,
                                                 std::optional<ServerConfinement>& confined) {
  for (confinement::Root& root : outbound.roots()) roots.push_back(std::move(root));
  return Platform::create({.state_dir = config.state_dir,
                           .instances = kSandboxes,
                           .cache = CacheMode::kRequired,
                           .compile_jobs = affordable_compile_jobs(usable_cores()),
                           .metrics = metrics,
                           .confine = confinement_step(config.confinement, std::move(roots),
                                                       confined, outbound.ports()),
                           .confined_compiler = config.confinement != ConfinementMode::kOff});
}

Result<OperatorFile> locate_file(const ServeOptions& options) {
  return OperatorFile::locate({.path = options.path,
                               .limits = options.limits,
                               .unsafe_files = options.allow_unsafe_files
                                                   ? registry::UnsafeFiles::kAllow
                                                   : registry::UnsafeFiles::kRefuse});
}

// Null where nothing is watched.
Result<std::unique_ptr<registry::Watcher>> watch(const ServeConfig& config,
                                                 const registry::Folder* functions,
                                                 Reloader& reloader) {
  if (!config.watch) return nullptr;
  return registry::Watcher::start(functions, {}, [&reloader] { reloader.request(); });
}

// What is there when the server starts.
struct Parts {
  const ServeConfig& config;
  const engine::Engine& engine;
  FunctionCatalog& catalog;
  Reloader& reloader;
  std::unique_ptr<registry::Watcher>& watcher;
  capability::MemoryBudget& memory;
  OutboundSide& outbound;
  MetricsSide& side;
  ServerConfinement& confined;
};

// From the first connection to the last; returns the exit code.
Result<int> serve_functions(const Parts& parts, Logger& logger) {
  const ServeConfig& config = parts.config;
  const engine::Engine& engine = parts.engine;
  runtime::BlockingPool blocking(kFileThreads);
  capability::MemoryBudget places(kSandboxes);
  auto server = server::Server::create(
      {.listen = config.listen,
       .threads = config.threads,
       .gateway = {.details = config.dev ? gateway::Details::kShown : gateway::Details::kHidden},
       .limits = config.connections,
       .blocking = &blocking,
       .outbound = parts.outbound.client_options(),
       .memory = &parts.memory,
       .places = &places,
       .metrics = parts.side.metrics(),
       .thread_started = [&engine] { engine.prepare_thread(); }},
      logger, parts.catalog.routes());
  if (!server) return fail(std::move(server.error()));
  // Everything listens.
  if (auto settled = parts.confined.settle(); !settled) return fail(std::move(settled.error()));
  list_routes(parts.catalog.routes(), logger);
  logger.flush();
  parts.side.serving(**server);
  print_ready(**server, parts.catalog.routes(), parts.side);
  parts.reloader.start(**server, parts.watcher.get());

  IdleTrim trim(engine);
  serve_until_signal(parts.reloader, trim, logger);
  parts.side.draining();
  const int code = end_server({**server, parts.reloader, blocking}, logger, config.drain_timeout);
  parts.reloader.stop();
  parts.watcher.reset();
  parts.side.stop();
  server->reset();
  return code;
}

void warn_of_descriptors(const ServeConfig& config, Logger& logger) {
  if (config.connections.connections < usable_descriptors()) return;
  logger.warning("serve", "max-connections is more than there are descriptors",
                 {{"max-connections", std::to_string(config.connections.connections)},
                  {"descriptors", std::to_string(usable_descriptors())}});
}

Result<int> serve(const ServeOptions& options) {
  auto file = locate_file(options);
  if (!file) return fail(std::move(file.error()));
  const auto manifest = file->read();
  if (!manifest) return fail(manifest.error());
  auto config = serve_config(options, manifest->get(), *file);
  if (!config) return fail(std::move(config.error()));
  if (config->memory_bytes == 0) config->memory_bytes = default_guest_memory_bytes();
  const unsigned cores = usable_cores();
  if (config->threads == 0) config->threads = cores;
  file->set_unsafe_files(config->unsafe_files);
  // Secrets leave the environment before there are threads that could read it.
  capability::MemoryBudget guest_memory(config->memory_bytes);
  registry::Grantor grantor(
      {.tmpfs_bytes_max = guest_memory.limit_bytes() / kTmpfsShare, .guest_memory = &guest_memory});
  grantor.adopt(*manifest, file->folder());
  MetricsSide side({.address = config->metrics, .workers = config->threads});
  if (auto* const metrics = side.metrics()) tell_memory(*metrics, guest_memory);
  OutboundSide outbound = outbound_side(*file, manifest->get(), *config);
  std::optional<ServerConfinement> confined;
  auto platform = start_platform(
      *config,
      configured_roots(
          {.file = *file, .manifest = manifest->get(), .unsafe_files = config->unsafe_files}),
      outbound, side.metrics(), confined);
  if (!platform) return fail(std::move(platform.error()));
  Logger logger({.format = config->log_format, .level = config->log_level});
  confined->log(logger);
  outbound.start(logger);
  warn_of_descriptors(*config, logger);
  // Before functions are loaded, which may take a while: alive, but not ready.
  if (auto told = side.start(logger); !told) return fail(std::move(told.error()));
  const auto folder = open_folder(file->functions_folder(manifest->get()), config->unsafe_files);
  if (!folder) return fail(folder.error());
  const registry::Folder* const functions = *folder ? &**folder : nullptr;
  FunctionCatalog catalog({.file = *file,
                           .folder = functions,
                           .loader = (*platform)->loader(),
                           .grantor = grantor,
                           .default_limits = config->limits,
                           .parallel_loads = cores,
                           .metrics = side.metrics(),
                           .accept =
                               [&](const manifest::Manifest* read) {
                                 return confined->check(reload_roots(*file, read));
                               },
                           .accept_function =
                               [&](const manifest::FunctionSpec& spec) {
                                 auto ready = outbound.check(spec);
                                 return ready ? confined->check_outbound(spec.outbound_hosts)
                                              : ready;
                               }},
                          logger);
  // Watching begins before the first look, so that no change falls in between.
  Reloader reloader(catalog, logger);
  auto watcher = watch(*config, functions, reloader);
  if (!watcher) return fail(std::move(watcher.error()));
  auto loaded = catalog.reload(FunctionCatalog::kAtStart);
  if (!loaded) return fail(std::move(loaded.error()));
  return serve_functions({.config = *config,
                          .engine = (*platform)->engine(),
                          .catalog = catalog,
                          .reloader = reloader,
                          .watcher = *watcher,
                          .memory = guest_memory,
                          .outbound = outbound,
                          .side = side,
                          .confined = *confined},
                         logger);
}

}  // namespace

int run_serve(const ServeOptions& options) {
  const sigset_t signals = control_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // NOLINT: stderr and stdout may be pipes whose reader has gone
  raise_descriptor_limit();
  auto code = serve(options);
  if (code) return *code;
  print_error(code.error());
  return 1;
}

}  // namespace godwit::cli
