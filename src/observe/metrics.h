// Metrics: the numbers of one server. Each worker counts into memory of its own, without a lock, an
// allocation or a cache line that another thread writes; who scrapes adds up what all have.
//
//   Metrics metrics({.workers = 2, .version = "0.1.0", .engine = "wasmtime 48"});
//   auto greet = metrics.function("greet", {});             // control plane, with each route
//   metrics.worker(0).count(greet.get(), {.duration = 40us, .cpu = 12us});   // worker 0, a request
//   metrics.set_source(MetricId::kGuestMemory, [&](auto& samples) {
//     samples.push_back({"", static_cast<double>(budget.used_bytes())});
//   });
//   std::string page = metrics.expose(ExpositionFormat::kPrometheus);
//
// worker(i) belongs to the thread of worker i. Everything else may be called from any thread; it
// takes a lock that no worker ever takes. Sources and loads are called by expose() with that lock
// held: they read atomics and call nothing of this class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "observe/exposition.h"
#include "observe/histogram.h"
#include "observe/metric_table.h"
#include "observe/outcome.h"
#include "observe/process_stats.h"

namespace godwit::observe {

// Inclusive upper bounds of the buckets.
inline constexpr BucketBounds<19> kDurationBounds = [] {
  using std::chrono::microseconds;
  return BucketBounds<19>{
      microseconds(50),        microseconds(100),        microseconds(250),
      microseconds(500),       microseconds(1'000),      microseconds(2'500),
      microseconds(5'000),     microseconds(10'000),     microseconds(25'000),
      microseconds(50'000),    microseconds(100'000),    microseconds(250'000),
      microseconds(500'000),   microseconds(1'000'000),  microseconds(2'500'000),
      microseconds(5'000'000), microseconds(10'000'000), microseconds(30'000'000),
      microseconds(60'000'000)};
}();
inline constexpr BucketBounds<14> kInstantiateBounds = [] {
  using std::chrono::microseconds;
  return BucketBounds<14>{microseconds(1),      microseconds(2),      microseconds(5),
                          microseconds(10),     microseconds(20),     microseconds(50),
                          microseconds(100),    microseconds(200),    microseconds(500),
                          microseconds(1'000),  microseconds(2'000),  microseconds(5'000),
                          microseconds(20'000), microseconds(100'000)};
}();
inline constexpr BucketBounds<13> kCompileBounds = [] {
  using std::chrono::milliseconds;
  return BucketBounds<13>{milliseconds(5),      milliseconds(10),     milliseconds(25),
                          milliseconds(50),     milliseconds(100),    milliseconds(250),
                          milliseconds(500),    milliseconds(1'000),  milliseconds(2'500),
                          milliseconds(5'000),  milliseconds(10'000), milliseconds(30'000),
                          milliseconds(120'000)};
}();

// A request that has ended.
struct FinishedRequest {
  std::optional<ErrorCode> code;        // what went wrong; nothing: it was answered
  Nanoseconds duration{0};              // head received to last byte handed to the kernel
  Nanoseconds cpu{0};                   // of the guest
  std::optional<Nanoseconds> setup;     // of its instance; nothing: none was made
  std::uint64_t log_bytes_dropped = 0;  // beyond the limit of its log
};

// How much of a function goes on now; asked for when somebody scrapes.
struct FunctionLoad {
  std::uint64_t running = 0;
  std::uint64_t waiting = 0;
};
using LoadSource = std::function<FunctionLoad()>;

// What is counted for one function (or rather its name: reloads go on with the same).
class FunctionMetrics final {
 public:
  FunctionMetrics(std::string name, unsigned workers);
  FunctionMetrics(const FunctionMetrics&) = delete;
  FunctionMetrics& operator=(const FunctionMetrics&) = delete;

  const std::string& name() const { return name_; }

 private:
  friend class Metrics;
  friend class WorkerMetrics;
  struct alignas(64) Shard {
    Counter cpu_ns;  // beside the first outcome, kOk: a good request writes one line of this
    std::array<Counter, kOutcomeCount> requests;
  };

  const std::string name_;
  const unsigned workers_;
  const std::unique_ptr<Shard[]> shards_;  // one per worker
  LoadSource load_;                        // guarded by Metrics::mutex_
};

// Why a client was turned away before it could ask.
enum class ConnectionRefusal : std::uint8_t { kConnections, kClient, kDescriptors, kMemory };
inline constexpr std::array<std::string_view, 4> kConnectionRefusals = {
    "max_connections", "max_connections_per_client", "descriptors", "connection_memory"};

// The part of one worker. Only its thread writes.
class alignas(64) WorkerMetrics final {
 public:
  explicit WorkerMetrics(unsigned index) : index_(index) {}
  WorkerMetrics(const WorkerMetrics&) = delete;
  WorkerMetrics& operator=(const WorkerMetrics&) = delete;

  // `function` may be null: no route was found.
  void count(FunctionMetrics* function, const FinishedRequest& request) noexcept;
  void connection_opened() noexcept { connections_opened_.add(1); }
  void connection_closed() noexcept { connections_closed_.add(1); }
  void connection_refused(ConnectionRefusal why) noexcept {
    connections_refused_[static_cast<std::size_t>(why)].add(1);
  }

 private:
  friend class Metrics;
  const unsigned index_;
  HistogramShard<kDurationBounds> duration_;
  HistogramShard<kInstantiateBounds> instantiate_;
  std::array<Counter, kOutcomeCount> without_function_;
  std::array<Counter, kRejectReasonCount> rejected_;
  Counter log_bytes_dropped_;
  Counter connections_opened_;
  Counter connections_closed_;
  std::array<Counter, kConnectionRefusals.size()> connections_refused_;
};

// One value of a metric that is asked for when somebody scrapes.
struct SourceSample {
  std::string label_value;  // of the metric's one label; empty where it has none
  double value = 0;
};
using Source = std::function<void(std::vector<SourceSample>&)>;

struct MetricsOptions {
  unsigned workers = 1;
  std::string version;  // of this build
  std::string engine;   // its name and version
};

class Metrics final {
 public:
  explicit Metrics(MetricsOptions options);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // REQUIRES: index < workers.
  WorkerMetrics& worker(unsigned index) { return *workers_[index]; }
  // The one of this name, which is made when nobody holds one. Its series are exposed until the
  // last holder lets it go. The root's index has the name "". `load`, when given, replaces what it
  // had; it may own what it asks.
  std::shared_ptr<FunctionMetrics> function(std::string_view name, LoadSource load);
  // Who tells the samples of a metric that is not counted here, or is known better elsewhere.
  // What it refers to must stay until clear_sources().
  void set_source(MetricId id, Source source);
  void clear_sources();
  // A compilation has ended, with a failure or without.
  void compiled(Nanoseconds time, std::optional<ErrorCode> failure);

  std::string expose(ExpositionFormat format) const;

 private:
  using Functions = std::vector<std::shared_ptr<FunctionMetrics>>;

  // What one page is made of.
  struct Reading {
    Functions functions;
    ProcessFigures process;
  };

  Functions live_functions() const;
  void add_metric(Exposition& page, MetricId id, const Reading& reading) const;
  void add_counted(Exposition& page, MetricId id, const Reading& reading) const;
  void add_requests(Exposition& page, const Functions& functions) const;
  static void add_cpu(Exposition& page, const Functions& functions);
  static void add_load(Exposition& page, MetricId id, const Functions& functions);
  void add_rejected(Exposition& page) const;
  void add_connections_refused(Exposition& page) const;
  void add_compile_failures(Exposition& page) const;
  static void add_process(Exposition& page, MetricId id, const ProcessFigures& figures);
  // Of all workers; `counter_of(worker)` is a Counter, or a member that is one.
  template <class CounterOf>
  std::uint64_t total(CounterOf counter_of) const {
    std::uint64_t sum = 0;
    for (const auto& worker : workers_) sum += std::invoke(counter_of, *worker).read();
    return sum;
  }

  const MetricsOptions options_;
  std::vector<std::unique_ptr<WorkerMetrics>> workers_;
  mutable std::mutex mutex_;  // all below
  mutable std::map<std::string, std::weak_ptr<FunctionMetrics>> functions_;
  std::size_t functions_swept_at_ = 64;  // names that nobody holds are dropped beyond it
  std::map<MetricId, Source> sources_;
  HistogramShard<kCompileBounds> compile_;
  std::map<ErrorCode, std::uint64_t> compile_failures_;
  ProcessStats process_;
};

}  // namespace godwit::observe
