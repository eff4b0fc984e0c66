// What one invocation costs in process, without HTTP: a fresh instance of a real greeting, its
// WASI host, its run, its end. Time is this thread's CPU time; `faults` are its minor page faults
// per invocation (steady state: 0).
//
//   godwit_invoke_bench EXAMPLES_FOLDER [--benchmark_filter=…]
//
// A greeting that is not built on this machine is left out.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "base/check.h"
#include "capability/stream.h"
#include "engines/wasmtime/text.h"
#include "engines/wasmtime/wasmtime_engine.h"
#include "registry/artifact_cache.h"
#include "registry/folder.h"
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

// What a request of `?name=World` gives a function, without the CGI variables.
class Invoker {
 public:
  Invoker() {
    CHECK(arguments_.add("greet"));
    CHECK(environment_.add_variable("name", "World"));
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
                         .waker = &waker_});
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
  capability::StringOutput output_{4096};
  capability::StringOutput errors_{4096};
  capability::SystemRandom random_;
  NoTimers timers_;
  NoWaker waker_;
};

void greet(benchmark::State& bench, const std::shared_ptr<const engine::Module>& module) {
  shared_engine().prepare_thread();
  Invoker invoker;
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
    benchmark::RegisterBenchmark(name.c_str(), greet, module)->Unit(benchmark::kMicrosecond);
    if (name.ends_with("wat") || name.ends_with("rust")) {
      benchmark::RegisterBenchmark((name + "/both_cores").c_str(), greet, module)
          ->Unit(benchmark::kMicrosecond)
          ->Threads(2);
    }
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
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
