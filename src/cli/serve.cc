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
#include "cli/machine.h"
#include "cli/operator_file.h"
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
// All tmpfs together get this part of the memory that the process may use.
constexpr std::uint64_t kTmpfsShare = 4;

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

void print_ready(const server::Server& server, const std::vector<gateway::Route>& routes) {
  std::string addresses;
  for (const server::ListenAddress& address : server.addresses()) {
    if (!addresses.empty()) addresses += ',';
    addresses += "http://" + server::listen_address_text(address);
  }
  const auto ready = std::count_if(routes.begin(), routes.end(),
                                   [](const auto& route) { return route.function != nullptr; });
  fmt::print(stdout, "ready {} functions={}\n", addresses, ready);
  std::fflush(stdout);
}

// Waits for the signal that ends the server; SIGHUP reloads.
void serve_until_signal(Reloader& reloader, Logger& logger) {
  while (true) {
    const auto signal = next_signal(std::chrono::hours(1));
    if (!signal) continue;
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

// The process is confined on the way, before it has threads.
Result<std::unique_ptr<Platform>> start_platform(const ServeConfig& config,
                                                 std::vector<confinement::Root> roots,
                                                 std::optional<ServerConfinement>& confined) {
  return Platform::create(
      {.state_dir = config.state_dir,
       .instances = kSandboxes,
       .cache = CacheMode::kRequired,
       .compile_jobs = affordable_compile_jobs(usable_cores()),
       .confine = confinement_step(config.confinement, std::move(roots), confined),
       .confined_compiler = config.confinement != ConfinementMode::kOff});
}

Result<int> serve(const ServeOptions& options) {
  auto file = OperatorFile::locate({.path = options.path,
                                    .limits = options.limits,
                                    .unsafe_files = options.allow_unsafe_files
                                                        ? registry::UnsafeFiles::kAllow
                                                        : registry::UnsafeFiles::kRefuse});
  if (!file) return fail(std::move(file.error()));
  const auto manifest = file->read();
  if (!manifest) return fail(manifest.error());
  auto config = serve_config(options, manifest->get(), *file);
  if (!config) return fail(std::move(config.error()));
  file->set_unsafe_files(config->unsafe_files);
  // Secrets leave the environment before there are threads that could read it.
  registry::Grantor grantor({.tmpfs_bytes_max = usable_memory_bytes() / kTmpfsShare});
  grantor.adopt(*manifest, file->folder());
  const unsigned cores = usable_cores();
  std::optional<ServerConfinement> confined;
  auto platform = start_platform(
      *config,
      configured_roots(
          {.file = *file, .manifest = manifest->get(), .unsafe_files = config->unsafe_files}),
      confined);
  if (!platform) return fail(std::move(platform.error()));
  Logger logger({.format = config->log_format, .level = config->log_level});
  confined->log(logger);
  const auto folder = open_folder(file->functions_folder(manifest->get()), config->unsafe_files);
  if (!folder) return fail(folder.error());
  const registry::Folder* const functions = *folder ? &**folder : nullptr;
  FunctionCatalog catalog({.file = *file,
                           .folder = functions,
                           .loader = (*platform)->loader(),
                           .grantor = grantor,
                           .default_limits = config->limits,
                           .parallel_loads = cores,
                           .accept =
                               [&](const manifest::Manifest* read) {
                                 return confined->check(reload_roots(*file, read));
                               }},
                          logger);
  // Watching begins before the first look, so that no change falls in between.
  Reloader reloader(catalog, logger);
  std::unique_ptr<registry::Watcher> watcher;
  if (config->watch) {
    auto started = registry::Watcher::start(functions, {}, [&] { reloader.request(); });
    if (!started) return fail(std::move(started.error()));
    watcher = std::move(*started);
  }
  auto loaded = catalog.reload();
  if (!loaded) return fail(std::move(loaded.error()));

  const engine::Engine& engine = (*platform)->engine();
  runtime::BlockingPool blocking(kFileThreads);
  auto server = server::Server::create(
      {.listen = config->listen,
       .threads = config->threads != 0 ? config->threads : cores,
       .gateway = {.details = config->dev ? gateway::Details::kShown : gateway::Details::kHidden},
       .timeouts = {},
       .blocking = &blocking,
       .thread_started = [&engine] { engine.prepare_thread(); }},
      logger, catalog.routes());
  if (!server) return fail(std::move(server.error()));
  // Everything listens.
  if (auto settled = confined->settle(); !settled) return fail(std::move(settled.error()));
  list_routes(catalog.routes(), logger);
  logger.flush();
  print_ready(**server, catalog.routes());
  reloader.start(**server, watcher.get());

  serve_until_signal(reloader, logger);
  const int code = end_server({**server, reloader, blocking}, logger, config->drain_timeout);
  reloader.stop();
  watcher.reset();
  server->reset();
  return code;
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
