// What one invocation costs in process, without HTTP: a fresh instance of a real greeting, its
// WASI host, its run, its end. Time is this thread's CPU time; `faults` are its minor page faults
// per invocation (steady state: 0). `/limits` is the same through the runtime, with everything that
// enforces a limit: admission, deadline, CPU accounting, the fair queue, the budget of memory.
//
//   godwit_invoke_bench EXAMPLES_FOLDER [--benchmark_filter=…]
//
// A greeting that is not built on this machine is left out.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "base/check.h"
#include "capability/blocking.h"
#include "capability/grants.h"
#include "capability/memory_file_system.h"
#include "capability/stream.h"
#include "engines/wasmtime/text.h"
#include "engines/wasmtime/wasmtime_engine.h"
#include "registry/artifact_cache.h"
#include "registry/folder.h"
#include "runtime/invocation.h"
#include "runtime/worker.h"
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

enum class Tmp : std::uint8_t { kNone, kGranted, kUsed };

// What a request of `?name=World` gives a function, without the CGI variables.
class Invoker {
 public:
  explicit Invoker(Tmp tmp) {
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
    auto instance = module.instantiate({.state = &wasi});
    CHECK(instance.has_value(), instance.error().text());
    while ((*instance)->resume() != engine::Progress::kDone) {
    }
    const engine::Outcome outcome = (*instance)->take_outcome();
    CHECK(outcome.success() && output_.text() == "Hello, World!\n", outcome.detail, output_.text());
  }

 private:
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
  explicit LimitedInvoker(const std::shared_ptr<const engine::Module>& module)
      : budget_(std::uint64_t{1} << 30), worker_(*this, {.memory = {.budget = &budget_}}) {
    CHECK(arguments_.add("greet"));
    CHECK(environment_.add_variable("name", "World"));
    const manifest::FunctionSpec spec{.name = "greet"};
    auto gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{
        .running = spec.limits.concurrency, .waiting = spec.limits.queue});
    function_ = std::make_shared<const runtime::Function>(
        runtime::Function{.spec = spec, .module = module, .gate = std::move(gate)});
  }
  void run() {
    capability::EmptyInput input;
    output_.take();
    invocation_.begin({.function = function_,
                       .arguments = &arguments_,
                       .environment = &environment_,
                       .standard_input = &input,
                       .standard_output = &output_,
                       .standard_error = &errors_},
                      *this);
    while (invocation_.active()) worker_.run_ready();
    CHECK(!invocation_.refusal() && invocation_.outcome().success());
    CHECK(output_.text() == "Hello, World!\n", output_.text());
    invocation_.release();
  }

 private:
  void wake_at(TimePoint) noexcept override {}
  void post(std::function<void()>) override {}
  void on_suspended() noexcept override {}
  void on_ended() noexcept override {}
  void on_expired() noexcept override {}

  wasi::StringList arguments_;
  wasi::StringList environment_;
  capability::StringOutput output_{4096};
  capability::StringOutput errors_{4096};
  capability::MemoryBudget budget_;
  runtime::Worker worker_;
  std::shared_ptr<const runtime::Function> function_;
  runtime::Invocation invocation_{worker_};
};

void greet_limited(benchmark::State& bench, const std::shared_ptr<const engine::Module>& module) {
  shared_engine().prepare_thread();
  LimitedInvoker invoker(module);
  for (int warm = 0; warm < 100; ++warm) invoker.run();
  for (auto _ : bench) invoker.run();
}

void greet(benchmark::State& bench, const std::shared_ptr<const engine::Module>& module, Tmp tmp) {
  shared_engine().prepare_thread();
  Invoker invoker(tmp);
  for (int warm = 0; warm < 100; ++warm) invoker.run(*module);
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_THREAD, &before);
  for (auto _ : bench) invoker.run(*module);
  getrusage(RUSAGE_THREAD, &after);
  bench.counters["faults"] = benchmark::Counter(
      static_cast<double>(after.ru_minflt - before.ru_minflt), benchmark::Counter::kAvgIterations);
}

void add_greetings(const std::string& folder) {
  for (const char* file : {"greet-wat.wat", "greet-c.wasm", "greet-cpp.wasm", "greet-rust.wasm",
                           "greet-as.wasm", "greet-zig.wasm", "greet-go.wasm"}) {
    auto module = load(folder + "/" + file);
    if (module == nullptr) {
      std::fprintf(stderr, "left out: %s is not built\n", file);
      continue;
    }
    const std::string name =
        std::string("invoke/") + std::string(file).substr(0, std::string(file).find('.'));
    benchmark::RegisterBenchmark(name.c_str(), greet, module, Tmp::kNone)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark((name + "/limits").c_str(), greet_limited, module)
        ->Unit(benchmark::kMicrosecond);
    if (name.ends_with("wat") || name.ends_with("rust")) {
      benchmark::RegisterBenchmark((name + "/both_cores").c_str(), greet, module, Tmp::kNone)
          ->Unit(benchmark::kMicrosecond)
          ->Threads(2);
    }
  }
}

// One program without a folder, with one that it leaves alone, and with one in which it
// opens, writes and reads a file.
void add_files(const std::string& folder) {
  const auto module = load(folder + "/scratch.wasm");
  if (module == nullptr) {
    std::fprintf(stderr, "left out: scratch.wasm is not built\n");
    return;
  }
  const std::pair<const char*, Tmp> rows[] = {
      {"files/none", Tmp::kNone}, {"files/granted", Tmp::kGranted}, {"files/used", Tmp::kUsed}};
  for (const auto& [name, tmp] : rows) {
    benchmark::RegisterBenchmark(name, greet, module, tmp)->Unit(benchmark::kMicrosecond);
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
