// What a fresh instance costs in process: instantiate, run to the end, drop. Time is this thread's
// CPU time; `faults` are its minor page faults per iteration (steady state: 0).
//
//   godwit_engine_bench [--benchmark_filter=…]
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "base/check.h"
#include "engine/conformance.h"
#include "engines/wasmtime/text.h"
#include "engines/wasmtime/wasmtime_engine.h"

namespace godwit::engines::wasmtime {
namespace {

using engine::conformance::CountingAccount;
using engine::conformance::host_functions;
using engine::conformance::seal;
using engine::conformance::TestState;

// One host call.
constexpr std::string_view kTiny =
    R"((module (import "test" "read" (func $read (param i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "hello")
  (func (export "_start") (drop (call $read (i32.const 16) (i32.const 5))))))";
// The same through a function that may wait (and does not).
constexpr std::string_view kMayWait =
    R"((module (import "test" "wait" (func $wait (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $wait (i32.const 16))))))";
// A hundred of them, to tell what one call costs.
constexpr std::string_view kHundredCalls =
    R"((module (import "test" "echo_i32" (func $f (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32) (loop $l (drop (call $f (local.get $i)))
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))))))";
constexpr std::string_view kHundredMayWait =
    R"((module (import "test" "nine" (func $nine (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "test" "wait" (func $f (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32) (loop $l (drop (call $f (local.get $i)))
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))))))";
// The shape of a Rust program: 17 pages, the end of a shadow stack of 1 MiB, data behind it, a
// table.
constexpr std::string_view kRustShape =
    R"((module (import "test" "read" (func $read (param i32 i32) (result i32)))
  (memory (export "memory") 17) (table 20 funcref) (elem (i32.const 1) $f $f $f) (func $f)
  (global $stack (mut i32) (i32.const 1048576)) (data (i32.const 1048576) "some data of the program")
  (func (export "_start")
    (i32.store (i32.const 1048000) (i32.const 1)) (i32.store (i32.const 1044000) (i32.const 1))
    (i32.store (i32.const 1048700) (i32.const 1)) (i32.store (i32.const 1056000) (i32.const 1))
    (i32.store (i32.const 1064000) (i32.const 1))
    (drop (call $read (i32.const 1048576) (i32.const 14))))))";
constexpr std::string_view kGrows = R"((module (memory (export "memory") 1)
  (func (export "_start") (drop (memory.grow (i32.const 4))) (i32.store (i32.const 70000) (i32.const 1)))))";
constexpr std::string_view kTraps = R"((module (func $inner unreachable)
  (func (export "_start") (call $inner))))";

const engine::Engine& shared_engine() {
  static const std::unique_ptr<engine::Engine> engine = [] {
    WasmtimeOptions options{.instances = 1024};
    // For trying settings: GODWIT_BENCH_KEEP_RESIDENT=BYTES.
    if (const char* bytes = std::getenv("GODWIT_BENCH_KEEP_RESIDENT")) {
      options.memory_keep_resident_bytes = std::strtoull(bytes, nullptr, 10);
    }
    auto created = create_engine(options);
    CHECK(created.has_value(), created.error().text());
    return *std::move(created);
  }();
  return *engine;
}

std::shared_ptr<const engine::Module> load(std::string_view text) {
  const auto binary = text_to_binary(text);
  CHECK(binary.has_value(), binary.error().text());
  const auto code = shared_engine().compile(*binary);
  CHECK(code.has_value(), code.error().text());
  auto module = shared_engine().load(seal(*code), {.host_functions = host_functions()});
  CHECK(module.has_value(), module.error().text());
  return *std::move(module);
}

void run_once(const engine::Module& module, TestState& state,
              engine::MemoryAccount* account = nullptr) {
  auto instance = module.instantiate({.state = &state, .memory = account});
  CHECK(instance.has_value(), instance.error().text());
  while ((*instance)->resume() == engine::Progress::kYielded) {
  }
  benchmark::DoNotOptimize((*instance)->take_outcome());
}

enum class Pays : std::uint8_t { kNobody, kAccount };

void bench_invoke(benchmark::State& bench, std::string_view text, Pays pays = Pays::kNobody) {
  shared_engine().prepare_thread();
  const auto module = load(text);
  TestState state;
  state.ready = 1 << 30;
  CountingAccount counting;
  CountingAccount* const account = pays == Pays::kAccount ? &counting : nullptr;
  for (int warm = 0; warm < 100; ++warm) run_once(*module, state, account);
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_THREAD, &before);
  for (auto _ : bench) {
    state.text.clear();
    run_once(*module, state, account);
  }
  getrusage(RUSAGE_THREAD, &after);
  bench.counters["faults"] = benchmark::Counter(
      static_cast<double>(after.ru_minflt - before.ru_minflt), benchmark::Counter::kAvgIterations);
}

// Round-robin over modules: a slot that changes its module is mapped anew.
void bench_many_modules(benchmark::State& bench) {
  std::vector<std::shared_ptr<const engine::Module>> modules;
  for (int count = 0; count < bench.range(0); ++count) modules.push_back(load(kTiny));
  TestState state;
  std::size_t next = 0;
  for (auto _ : bench) {
    state.text.clear();
    run_once(*modules[next], state);
    next = next + 1 == modules.size() ? 0 : next + 1;
  }
}

BENCHMARK_CAPTURE(bench_invoke, tiny, kTiny)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, tiny_paid, kTiny, Pays::kAccount)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, tiny_two_threads, kTiny)->Unit(benchmark::kMicrosecond)->Threads(2);
BENCHMARK_CAPTURE(bench_invoke, may_wait, kMayWait)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, hundred_calls, kHundredCalls)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, hundred_may_wait, kHundredMayWait)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, rust_shape, kRustShape)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, rust_shape_two_threads, kRustShape)
    ->Unit(benchmark::kMicrosecond)
    ->Threads(2);
BENCHMARK_CAPTURE(bench_invoke, grows_memory, kGrows)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, grows_memory_paid, kGrows, Pays::kAccount)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_invoke, traps, kTraps)->Unit(benchmark::kMicrosecond);
BENCHMARK(bench_many_modules)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace godwit::engines::wasmtime

BENCHMARK_MAIN();
