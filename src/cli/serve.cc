#include "cli/serve.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/catalog.h"
#include "cli/output.h"
#include "cli/platform.h"
#include "manifest/settings.h"
#include "registry/watcher.h"
#include "server/server.h"

namespace godwit::cli {
namespace {

constexpr std::uint32_t kSandboxes = 2048;

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

// "cpu.max" of the cgroup (v2): quota and period in µs, or "max".
std::optional<unsigned> cgroup_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  const double cores = std::strtod(quota.c_str(), nullptr) / period;
  return std::max(1U, static_cast<unsigned>(cores + 0.5));
}

unsigned usable_cores() {
  cpu_set_t set;
  unsigned cores = 1;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    cores = std::max(1U, static_cast<unsigned>(CPU_COUNT(&set)));
  }
  return std::min(cores, cgroup_cores().value_or(cores));
}

// A connection is a descriptor: take all that the hard limit allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<std::vector<server::ListenAddress>> parse_listen(const std::vector<std::string>& texts) {
  std::vector<server::ListenAddress> addresses;
  for (const std::string& text : texts) {
    auto address = server::parse_listen_address(text);
    if (!address) return fail(std::move(address.error()));
    addresses.push_back(std::move(*address));
  }
  if (addresses.empty()) addresses.push_back({.host = "127.0.0.1", .port = 8080});
  return addresses;
}

// Keeps the served routes up to date with the folder, in a thread of its own: compiling takes time
// and must not hold up a signal.
class Reloader {
 public:
  Reloader(FunctionCatalog& catalog, Logger& logger) : catalog_(catalog), logger_(logger) {}
  ~Reloader() { stop(); }

  // Waits for a reload that is going on.
  void stop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  // From now on requests are carried out, those made before included.
  void start(server::Server& server) {
    server_ = &server;
    thread_ = std::thread([this] { run(); });
  }
  // Any thread: the folder may have changed.
  void request() {
    {
      const std::lock_guard lock(mutex_);
      requested_ = true;
    }
    wake_.notify_one();
  }
  // True while a reload is going on, which may take as long as a compiler does.
  bool busy() {
    const std::lock_guard lock(mutex_);
    return busy_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return requested_ || stopping_; });
      if (stopping_) return;
      requested_ = false;
      busy_ = true;
      lock.unlock();
      reload();
      lock.lock();
      busy_ = false;
    }
  }
  void reload() {
    auto changed = catalog_.reload();
    if (!changed) {
      logger_.error("serve", "the folder cannot be read; what was served goes on",
                    {{"error", changed.error().text()}, {"hint", changed.error().next_step()}});
      return;
    }
    if (!*changed) return;
    server_->publish(catalog_.routes());
    logger_.info("serve", "routes changed",
                 {{"functions", std::to_string(catalog_.routes().size())}});
  }

  FunctionCatalog& catalog_;
  server::Server* server_ = nullptr;
  Logger& logger_;
  std::mutex mutex_;  // the three flags
  std::condition_variable wake_;
  bool requested_ = false;
  bool stopping_ = false;
  bool busy_ = false;
  std::thread thread_;
};

void list_routes(const std::vector<gateway::Route>& routes, Logger& logger) {
  for (const gateway::Route& route : routes) {
    const std::string path = "/" + route.name;
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
    logger.info("serve", "SIGHUP: reading the folder again", {});
    reloader.request();
  }
}

Result<int> serve(const ServeOptions& options) {
  manifest::Limits limits;
  for (const std::string& assignment : options.limits) {
    auto set = manifest::set_limit_assignment(limits, assignment);
    if (!set) return fail(std::move(set.error()));
  }
  auto listen = parse_listen(options.listen);
  if (!listen) return fail(std::move(listen.error()));
  const unsigned cores = usable_cores();
  auto platform = Platform::create({.state_dir = options.state_dir,
                                    .instances = kSandboxes,
                                    .cache = CacheMode::kRequired,
                                    .compile_jobs = cores});
  if (!platform) return fail(std::move(platform.error()));
  Logger logger({.format = options.log_format == "json" ? LogFormat::kJson : LogFormat::kText,
                 .level = parse_log_level(options.log_level).value_or(LogLevel::kInfo)});
  const auto unsafe_files =
      options.allow_unsafe_files ? registry::UnsafeFiles::kAllow : registry::UnsafeFiles::kRefuse;
  auto folder = registry::Folder::open(options.path, {.unsafe_files = unsafe_files});
  if (!folder) return fail(std::move(folder.error()));
  FunctionCatalog catalog(*folder, (*platform)->loader(),
                          {.default_limits = limits, .parallel_loads = cores}, logger);
  // Watching begins before the first look, so that no change falls in between.
  Reloader reloader(catalog, logger);
  std::unique_ptr<registry::Watcher> watcher;
  if (options.watch || options.dev) {
    auto started = registry::Watcher::start(*folder, {}, [&] { reloader.request(); });
    if (!started) return fail(std::move(started.error()));
    watcher = std::move(*started);
  }
  auto loaded = catalog.reload();
  if (!loaded) return fail(std::move(loaded.error()));

  const engine::Engine& engine = (*platform)->engine();
  const auto details = options.dev ? gateway::Details::kShown : gateway::Details::kHidden;
  auto server = server::Server::create({.listen = std::move(*listen),
                                        .threads = options.threads != 0 ? options.threads : cores,
                                        .gateway = {.details = details},
                                        .timeouts = {},
                                        .thread_started = [&engine] { engine.prepare_thread(); }},
                                       logger, catalog.routes());
  if (!server) return fail(std::move(server.error()));
  list_routes(catalog.routes(), logger);
  logger.flush();
  print_ready(**server, catalog.routes());
  reloader.start(**server);

  serve_until_signal(reloader, logger);
  logger.info("serve", "draining", {});
  bool second_signal = false;
  const bool finished = (*server)->drain(options.drain_timeout, [&] {
    const auto signal = next_signal(std::chrono::nanoseconds(0));
    second_signal |= signal && *signal != SIGHUP;
    return second_signal;
  });
  logger.info("serve", finished ? "drained" : "ended before everything had finished", {});
  const int code = second_signal ? 1 : 0;
  // Threads that are in the middle of something (a guest that does not give way, a compiler) are
  // not waited for; the compile service ends when its socket closes.
  if (!finished || reloader.busy()) {
    logger.flush();
    ::_exit(code);
  }
  watcher.reset();
  reloader.stop();
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
