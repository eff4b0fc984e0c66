// What metrics cost: counting one request (the request's way pays this), and one page.
#include <benchmark/benchmark.h>

#include "observe/metrics.h"

namespace godwit::observe {
namespace {

Metrics& shared_metrics() {
  static Metrics metrics({.workers = 64});
  return metrics;
}

// Each thread is a worker; all count the same function.
void count_request(benchmark::State& bench) {
  static const auto function = shared_metrics().function("greet", {});
  WorkerMetrics& worker = shared_metrics().worker(static_cast<unsigned>(bench.thread_index()));
  std::int64_t time = 10'000;
  for (auto _ : bench) {
    time = (time * 5) % 99'999'989;  // other buckets each time
    worker.count(function.get(), {.duration = Nanoseconds(time),
                                  .cpu = Nanoseconds(time / 2),
                                  .setup = Nanoseconds(time / 10)});
  }
}
BENCHMARK(count_request)->Threads(1)->Threads(2);

void count_refusal(benchmark::State& bench) {
  WorkerMetrics& worker = shared_metrics().worker(0);
  for (auto _ : bench) worker.count(nullptr, {.code = ErrorCode::kServerOverloaded});
}
BENCHMARK(count_refusal);

void page(benchmark::State& bench) {
  Metrics metrics({.workers = 8});
  std::vector<std::shared_ptr<FunctionMetrics>> functions;
  for (int i = 0; i < bench.range(0); ++i) {
    functions.push_back(metrics.function("function-" + std::to_string(i), {}));
  }
  std::size_t bytes = 0;
  for (auto _ : bench) bytes = metrics.expose(ExpositionFormat::kPrometheus).size();
  bench.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(page)->Arg(10)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace godwit::observe
