// What the compile service costs: the same compiler on the same small modules in this process,
// through the service without confinement, and through the service as it ships. As
// "compile-service" this program is that service.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "cli/compile_function.h"
#include "cli/platform.h"
#include "registry/compile_service.h"

namespace godwit::cli {
namespace {

// A command of `functions` small functions, as text: reading it is part of the job.
std::string program(std::int64_t functions) {
  std::string text = "(module (memory (export \"memory\") 1) (func (export \"_start\"))\n";
  for (std::int64_t i = 0; i < functions; ++i) {
    text += fmt::format(
        "(func (param i32) (result i32) (local i32)\n"
        "  (loop $again (local.set 1 (i32.add (local.get 1) (i32.load (local.get 0))))\n"
        "    (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const {})))))\n"
        "  (local.get 1))\n",
        i + 1);
  }
  return text + ")";
}

void BM_InProcess(benchmark::State& state) {
  prepare_compiler();
  const std::string text = program(state.range(0));
  for (auto _ : state) {
    if (!compile_function(as_bytes(text))) state.SkipWithError("it does not compile");
  }
}

void through_service(benchmark::State& state, const char* word) {
  std::vector<std::string> command = {"/proc/self/exe", kCompileServiceVerb};
  if (word != nullptr) command.emplace_back(word);
  const auto service = registry::CompileService::start({.command = command});
  const std::string text = program(state.range(0));
  if (!service || !(*service)->compile(as_bytes(text))) return state.SkipWithError("no service");
  for (auto _ : state) {
    if (!(*service)->compile(as_bytes(text))) state.SkipWithError("it does not compile");
  }
}

void BM_ServiceUnconfined(benchmark::State& state) { through_service(state, kUnconfinedWord); }
void BM_Service(benchmark::State& state) { through_service(state, nullptr); }

// From nothing: the service's start and its first job.
void BM_ServiceFirstJob(benchmark::State& state) {
  const std::string text = program(state.range(0));
  for (auto _ : state) {
    const auto service =
        registry::CompileService::start({.command = {"/proc/self/exe", kCompileServiceVerb}});
    if (!service || !(*service)->compile(as_bytes(text))) state.SkipWithError("no service");
  }
}

// The service has the lowest priority: on a busy machine only the best of many runs says something.
void setting(benchmark::internal::Benchmark* bench) {
  bench->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(40);
  bench->ComputeStatistics("best", [](const std::vector<double>& times) {
    return *std::min_element(times.begin(), times.end());
  });
  bench->ReportAggregatesOnly();
}

BENCHMARK(BM_InProcess)->Arg(1)->Arg(100)->Apply(&setting);
BENCHMARK(BM_ServiceUnconfined)->Arg(1)->Arg(100)->Apply(&setting);
BENCHMARK(BM_Service)->Arg(1)->Arg(100)->Apply(&setting);
BENCHMARK(BM_ServiceFirstJob)->Arg(1)->Apply(&setting);

}  // namespace
}  // namespace godwit::cli

int main(int argc, char** argv) {
  using godwit::cli::kCompileServiceVerb;
  if (argc > 1 && std::string_view(argv[1]) == kCompileServiceVerb) {
    return godwit::registry::compile_service_main(
        {.compile = &godwit::cli::compile_function,
         .prepare = &godwit::cli::prepare_compiler,
         .confined = argc == 2 || std::string_view(argv[2]) != godwit::cli::kUnconfinedWord});
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
