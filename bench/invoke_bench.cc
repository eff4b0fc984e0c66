// What one invocation costs in process, without HTTP: a fresh instance of a real greeting, its
// WASI host, its run, its end. Time is this thread's CPU time; `faults` are its minor page faults
// per invocation (steady state: 0). `/limits` is the same through the runtime, with everything that
// enforces a limit: admission, deadline, CPU accounting, the fair queue, the budget of memory.
// Components that speak HTTP have their request and their answer, but no connection.
//
// Another guest, or another way to run one, is a row of kRows.
//
//   godwit_invoke_bench EXAMPLES_FOLDER [--benchmark_filter=…]
//
// A greeting that is not built on this machine is left out.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "capability/blocking.h"
#include "capability/grants.h"
#include "capability/memory_file_system.h"
#include "capability/stream.h"
#include "engines/wasmtime/text.h"
#include "engines/wasmtime/wasmtime_engine.h"
#include "gateway/guest_streams.h"
#include "gateway/http_answer.h"
#include "http/body_pipe.h"
#include "http/request.h"
#include "registry/artifact_cache.h"
#include "registry/folder.h"
#include "runtime/invocation.h"
#include "runtime/worker.h"
#include "wasi/component_host.h"
#include "wasi/preview1.h"

namespace godwit {
namespace {

constexpr std::uint64_t kMaxModuleBytes = std::uint64_t{64} << 20;

// No greeting waits.
class NoTimers final : public capability::Timers {
 public:
  capability::TimerId arm(TimePoint, Waker*) override { return capability::TimerId{1}; }
  void cancel(capability::TimerId) override {}
};
class NoWaker final : public Waker {
 public:
  void wake() noexcept override {}
};

const engine::Engine& shared_engine() {
  static const std::unique_ptr<engine::Engine> engine = [] {
    engines::wasmtime::WasmtimeOptions options;
    // For trying settings: GODWIT_BENCH_KEEP_RESIDENT=BYTES.
    if (const char* bytes = std::getenv("GODWIT_BENCH_KEEP_RESIDENT")) {
      options.memory_keep_resident_bytes = std::strtoull(bytes, nullptr, 10);
    }
    auto created = engines::wasmtime::create_engine(options);
    CHECK(created.has_value(), created.error().text());
    return *std::move(created);
  }();
  return *engine;
}

std::shared_ptr<const engine::Module> load(const std::string& path) {
  auto bytes = registry::read_file(path, kMaxModuleBytes);
  if (!bytes) return nullptr;
  if (path.ends_with(".wat")) {
    bytes = engines::wasmtime::text_to_binary(as_text(*bytes));
    CHECK(bytes.has_value(), bytes.error().text());
  }
  const auto code = shared_engine().compile(*bytes);
  CHECK(code.has_value(), code.error().text());
  auto artifact = registry::seal_artifact(*code);
  CHECK(artifact.has_value(), artifact.error().text());
  auto module =
      shared_engine().load(std::move(*artifact), {.host_functions = wasi::host_functions()});
  CHECK(module.has_value(), module.error().text());
  return *std::move(module);
}

// A new folder for each invocation, as a private tmpfs is.
class PrivateFolder final : public capability::FolderSource {
 public:
  std::shared_ptr<capability::Folder> root() override {
    return capability::MemoryFileSystem::create({.bytes_max = 1 << 20, .nodes_max = 1024}, nullptr)
        ->root();
  }
};

// Folders in memory never block.
class NoBlocking final : public capability::Blocking {
 public:
  void start(std::function<void()>, Waker*) override { std::abort(); }
  bool busy() const override { return false; }
  void cancel() override {}
  void dispose(std::shared_ptr<void>) override {}
};

enum class Kind : std::uint8_t { kCore, kComponentCommand, kComponentHttp };

struct Row {
  const char* file;  // of the examples
  Kind kind = Kind::kCore;
  const char* variant = "";  // behind the file's name, where a file has several rows
  // What its settings would say; only `/limits` is under them.
  void (*configure)(manifest::FunctionSpec&) = nullptr;
};

constexpr Row kRows[] = {
    {"greet-wat.wat"},
    {"greet-c.wasm"},
    {"greet-cpp.wasm"},
    {"greet-rust.wasm"},
    {"greet-as.wasm"},
    {"greet-zig.wasm"},
    {"greet-go.wasm"},
    {"cli-rust.wasm", Kind::kComponentCommand},
    {"http-rust.wasm", Kind::kComponentHttp},
    {"http-rust-p3.wasm", Kind::kComponentHttp},
    {"http-js.wasm", Kind::kComponentHttp},
    {"http-python.wasm", Kind::kComponentHttp},
};

// GET /greet?name=World, what it is answered, and how it goes to a component.
class HttpSide {
 public:
  HttpSide() {
    request_.method = "GET";
    request_.target = "/greet?name=World";
    request_.path = "/greet";
    request_.query = "name=World";
    request_.host = "localhost";
    CHECK(request_.fields.append("Host", "localhost"));
  }
  capability::HttpExchange& begin() {
    pipe_.reset();
    output_.begin(std::uint64_t{1} << 20);
    answer_.begin(request_);
    return answer_;
  }
  void check() {
    const auto whole = answer_.close(pipe_.total_written());
    CHECK(whole.has_value(), whole.error().text());
    CHECK(answer_.head()->status == 200, answer_.head()->status);
    const std::string_view body = as_text(pipe_.peek());
    CHECK(body == kGreeting, body);
  }

  static constexpr std::string_view kGreeting = "Hello, World!\n";

 private:
  http::Request request_;
  http::BodyPipe pipe_;
  capability::EmptyInput input_;
  gateway::GuestOutput output_{pipe_};
  gateway::HttpAnswer answer_{nullptr, input_, output_};
};

// What a command prints: the greeting, or (cli-rust) its environment.
void check_printed(Kind kind, std::string_view text) {
  const bool is_greeting = kind == Kind::kCore;
  CHECK(is_greeting ? text == HttpSide::kGreeting : text.find("name=World\n") != text.npos, text);
}

enum class Tmp : std::uint8_t { kNone, kGranted, kUsed };

// What a request of `?name=World` gives a function, without the CGI variables.
class Invoker {
 public:
  explicit Invoker(Kind kind, Tmp tmp) : kind_(kind) {
    CHECK(arguments_.add("greet"));
    CHECK(environment_.add_variable("name", "World"));
    // bench of examples/scratch: whether it opens, writes and reads a file on its way.
    if (tmp != Tmp::kUsed) CHECK(environment_.add_variable("file", "none"));
    if (tmp != Tmp::kNone) files_.push_back({"/tmp", std::make_shared<PrivateFolder>()});
  }
  void run(const engine::Module& module) {
    capability::EmptyInput input;
    output_.take();
    const capability::SystemClock clock;
    wasi::Preview1 wasi({.arguments = &arguments_,
                         .environment = &environment_,
                         .standard_input = &input,
                         .standard_output = &output_,
                         .standard_error = &errors_,
                         .clock = &clock,
                         .random = &random_,
                         .timers = &timers_,
                         .waker = &waker_,
                         .files = files_,
                         .blocking = &blocking_});
    const bool is_http = kind_ == Kind::kComponentHttp;
    std::optional<wasi::ComponentHost> component;
    if (kind_ != Kind::kCore) {
      component.emplace(wasi::ComponentHost::Options{.preview1 = &wasi,
                                                     .clock = &clock,
                                                     .standard_input = &input,
                                                     .standard_output = &output_,
                                                     .standard_error = &errors_,
                                                     .timers = &timers_,
                                                     .waker = &waker_,
                                                     .http = is_http ? &http_.begin() : nullptr});
    }
    auto instance = module.instantiate(
        {.state = &wasi, .entry = entry(), .component = component ? &*component : nullptr});
    CHECK(instance.has_value(), instance.error().text());
    while ((*instance)->resume() != engine::Progress::kDone) {
    }
    const engine::Outcome outcome = (*instance)->take_outcome();
    CHECK(outcome.success(), outcome.detail);
    if (is_http) return http_.check();
    check_printed(kind_, output_.text());
  }

 private:
  std::string_view entry() const {
    switch (kind_) {
      case Kind::kCore: return "_start";
      case Kind::kComponentCommand: return engine::kCommandEntry;
      default: return engine::kHttpEntry;
    }
  }

  const Kind kind_;
  HttpSide http_;
  wasi::StringList arguments_;
  wasi::StringList environment_;
  std::vector<capability::FileGrant> files_;
  NoBlocking blocking_;
  capability::StringOutput output_{4096};
  capability::StringOutput errors_{4096};
  capability::SystemRandom random_;
  NoTimers timers_;
  NoWaker waker_;
};

// The same through the runtime. No guest here waits, so nothing turns the loop.
class LimitedInvoker final : private runtime::Loop, private runtime::InvocationObserver {
 public:
  LimitedInvoker(const Row& row, const std::shared_ptr<const engine::Module>& module)
      : kind_(row.kind),
        budget_(std::uint64_t{1} << 30),
        worker_(*this, {.memory = {.budget = &budget_}}) {
    CHECK(arguments_.add("greet"));
    CHECK(environment_.add_variable("name", "World"));
    manifest::FunctionSpec spec{.name = "greet"};
    if (row.configure != nullptr) row.configure(spec);
    auto gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{
        .running = spec.limits.concurrency, .waiting = spec.limits.queue});
    function_ = std::make_shared<const runtime::Function>(runtime::Function{
        .spec = spec,
        .module = module,
        .contract = is_http() ? wasm::Contract::kHttp : wasm::Contract::kCommand,
        .kind = kind_ == Kind::kCore ? wasm::ModuleKind::kCore : wasm::ModuleKind::kComponent,
        .gate = std::move(gate)});
  }
  void run() {
    capability::EmptyInput input;
    output_.take();
    invocation_.begin({.function = function_,
                       .arguments = &arguments_,
                       .environment = &environment_,
                       .standard_input = &input,
                       .standard_output = &output_,
                       .standard_error = &errors_,
                       .http = is_http() ? &http_.begin() : nullptr},
                      *this);
    while (invocation_.active()) worker_.run_ready();
    CHECK(!invocation_.refusal() && invocation_.outcome().success());
    if (is_http()) {
      http_.check();
    } else {
      check_printed(kind_, output_.text());
    }
    invocation_.release();
  }

 private:
  bool is_http() const { return kind_ == Kind::kComponentHttp; }
  void wake_at(TimePoint) noexcept override {}
  void post(std::function<void()>) override {}
  void on_suspended() noexcept override {}
  void on_ended() noexcept override {}
  void on_expired() noexcept override {}

  const Kind kind_;
  HttpSide http_;
  wasi::StringList arguments_;
  wasi::StringList environment_;
  capability::StringOutput output_{4096};
  capability::StringOutput errors_{4096};
  capability::MemoryBudget budget_;
  runtime::Worker worker_;
  std::shared_ptr<const runtime::Function> function_;
  runtime::Invocation invocation_{worker_};
};

// Times `run`, and counts its page faults.
void measure(benchmark::State& bench, const std::function<void()>& run) {
  shared_engine().prepare_thread();
  const TimePoint warm_until = monotonic_now() + std::chrono::seconds(1);
  for (int warm = 0; warm < 100 && monotonic_now() < warm_until; ++warm) run();
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_THREAD, &before);
  for (auto _ : bench) run();
  getrusage(RUSAGE_THREAD, &after);
  bench.counters["faults"] = benchmark::Counter(
      static_cast<double>(after.ru_minflt - before.ru_minflt), benchmark::Counter::kAvgIterations);
}

// Compiled when its first benchmark is run: a large one takes a minute.
class LazyModule final {
 public:
  explicit LazyModule(std::string path) : path_(std::move(path)) {}
  const std::shared_ptr<const engine::Module>& get() {
    std::call_once(once_, [&] { module_ = load(path_); });
    CHECK(module_ != nullptr, path_);
    return module_;
  }

 private:
  const std::string path_;
  std::once_flag once_;
  std::shared_ptr<const engine::Module> module_;
};

// Null, and a word about it, when it is not built on this machine.
std::shared_ptr<LazyModule> find_module(const std::string& folder, const char* file) {
  const std::string path = folder + "/" + file;
  if (::access(path.c_str(), R_OK) == 0) return std::make_shared<LazyModule>(path);
  std::fprintf(stderr, "left out: %s is not built\n", file);
  return nullptr;
}

void with_files(benchmark::State& bench, const std::shared_ptr<LazyModule>& module, Tmp tmp) {
  Invoker invoker(Kind::kCore, tmp);
  measure(bench, [&] { invoker.run(*module->get()); });
}

void add_greetings(const std::string& folder) {
  for (const Row& row : kRows) {
    const auto module = find_module(folder, row.file);
    if (module == nullptr) continue;
    const std::string_view file = row.file;
    const std::string name =
        fmt::format("invoke/{}{}", file.substr(0, file.find('.')), row.variant);
    const auto fresh = [module, row](benchmark::State& bench) {
      Invoker invoker(row.kind, Tmp::kNone);
      measure(bench, [&] { invoker.run(*module->get()); });
    };
    const auto limited = [module, row](benchmark::State& bench) {
      LimitedInvoker invoker(row, module->get());
      measure(bench, [&] { invoker.run(); });
    };
    // Settings speak to the runtime alone.
    if (row.configure == nullptr) {
      benchmark::RegisterBenchmark(name.c_str(), fresh)->Unit(benchmark::kMicrosecond);
    }
    benchmark::RegisterBenchmark((name + "/limits").c_str(), limited)
        ->Unit(benchmark::kMicrosecond);
    if (file == "greet-wat.wat" || file == "greet-rust.wasm" || file == "http-rust.wasm") {
      benchmark::RegisterBenchmark((name + "/both_cores").c_str(), fresh)
          ->Unit(benchmark::kMicrosecond)
          ->Threads(2);
    }
  }
}

// One program without a folder, with one that it leaves alone, and with one in which it
// opens, writes and reads a file.
void add_files(const std::string& folder) {
  const auto module = find_module(folder, "scratch.wasm");
  if (module == nullptr) return;
  const std::pair<const char*, Tmp> rows[] = {
      {"files/none", Tmp::kNone}, {"files/granted", Tmp::kGranted}, {"files/used", Tmp::kUsed}};
  for (const auto& [name, tmp] : rows) {
    benchmark::RegisterBenchmark(name, with_files, module, tmp)->Unit(benchmark::kMicrosecond);
  }
}

}  // namespace
}  // namespace godwit

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: godwit_invoke_bench EXAMPLES_FOLDER [--benchmark_…]\n");
    return 2;
  }
  godwit::add_greetings(argv[1]);
  godwit::add_files(argv[1]);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
