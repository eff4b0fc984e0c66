#include "observe/metrics.h"

#include <algorithm>

#include "base/check.h"

namespace godwit::observe {
namespace {

constexpr std::string_view kNoFunction = "-";
constexpr std::string_view kRootIndex = "/";  // no function's name begins with a slash
constexpr std::string_view kUnversioned = "0";

std::string_view label_of(const FunctionMetrics& function) {
  return function.name().empty() ? kRootIndex : std::string_view(function.name());
}

// All shards of one histogram.
template <const auto& kBounds>
HistogramTotals merge(const std::vector<std::unique_ptr<WorkerMetrics>>& workers,
                      HistogramShard<kBounds> WorkerMetrics::* member) {
  HistogramTotals totals = totals_of(kBounds);
  for (const auto& worker : workers) (*worker.*member).add_to(totals);
  return totals;
}

}  // namespace

FunctionMetrics::FunctionMetrics(std::string name, unsigned workers)
    : name_(std::move(name)), workers_(workers), shards_(std::make_unique<Shard[]>(workers)) {}

void WorkerMetrics::count(FunctionMetrics* function, const FinishedRequest& request) noexcept {
  const RequestOutcome outcome = outcome_of(request.code);
  const auto place = static_cast<std::size_t>(outcome);
  if (function != nullptr) {
    FunctionMetrics::Shard& shard = function->shards_[index_];
    shard.requests[place].add(1);
    shard.cpu_ns.add(static_cast<std::uint64_t>(request.cpu.count()));
  } else {
    without_function_[place].add(1);
  }
  duration_.observe(request.duration);
  if (request.setup) instantiate_.observe(*request.setup);
  if (outcome == RequestOutcome::kRejected) rejected_[reject_reason(*request.code)].add(1);
  if (request.log_bytes_dropped != 0) log_bytes_dropped_.add(request.log_bytes_dropped);
}

Metrics::Metrics(MetricsOptions options) : options_(std::move(options)) {
  CHECK(options_.workers > 0);
  for (unsigned i = 0; i < options_.workers; ++i) {
    workers_.push_back(std::make_unique<WorkerMetrics>(i));
  }
}

std::shared_ptr<FunctionMetrics> Metrics::function(std::string_view name, LoadSource load) {
  const std::lock_guard lock(mutex_);
  if (functions_.size() >= functions_swept_at_) {
    functions_swept_at_ = std::max(functions_swept_at_, 2 * live_functions().size());
  }
  std::weak_ptr<FunctionMetrics>& known = functions_[std::string(name)];
  std::shared_ptr<FunctionMetrics> function = known.lock();
  if (function == nullptr) {
    function = std::make_shared<FunctionMetrics>(std::string(name), options_.workers);
    known = function;
  }
  if (load) function->load_ = std::move(load);
  return function;
}

void Metrics::set_source(MetricId id, Source source) {
  const std::lock_guard lock(mutex_);
  sources_[id] = std::move(source);
}

void Metrics::clear_sources() {
  const std::lock_guard lock(mutex_);
  sources_.clear();
}

void Metrics::compiled(Nanoseconds time, std::optional<ErrorCode> failure) {
  const std::lock_guard lock(mutex_);
  compile_.observe(time);
  if (failure) ++compile_failures_[*failure];
}

Metrics::Functions Metrics::live_functions() const {
  Functions live;
  for (auto it = functions_.begin(); it != functions_.end();) {
    auto function = it->second.lock();
    if (function == nullptr) {
      it = functions_.erase(it);
    } else {
      live.push_back(std::move(function));
      ++it;
    }
  }
  return live;
}

// --- The page -----------------------------------------------------------------------------------

std::string Metrics::expose(ExpositionFormat format) const {
  Exposition page(format);
  Reading reading;  // let go of without the lock: it may be the last to hold a function
  const std::lock_guard lock(mutex_);
  reading = {.functions = live_functions(), .process = process_.read()};
  for (const MetricInfo& info : all_metrics()) add_metric(page, info.id, reading);
  return std::move(page).finish();
}

void Metrics::add_metric(Exposition& page, MetricId id, const Reading& reading) const {
  const auto source = sources_.find(id);
  if (source == sources_.end()) return add_counted(page, id, reading);
  std::vector<SourceSample> samples;
  source->second(samples);
  const MetricInfo& info = metric_info(id);
  page.begin(info);
  for (const SourceSample& sample : samples) {
    if (info.labels.empty()) {
      page.sample({}, sample.value);
    } else {
      page.sample({{info.labels, sample.label_value}}, sample.value);
    }
  }
}

void Metrics::add_counted(Exposition& page, MetricId id, const Reading& reading) const {
  const auto one = [&](std::uint64_t value) {
    page.begin(metric_info(id));
    page.sample({}, value);
  };
  const auto histogram = [&](const HistogramTotals& totals) {
    page.begin(metric_info(id));
    page.histogram(totals);
  };
  switch (id) {
    case MetricId::kRequests: return add_requests(page, reading.functions);
    case MetricId::kRequestDuration: return histogram(merge(workers_, &WorkerMetrics::duration_));
    case MetricId::kInstantiate: return histogram(merge(workers_, &WorkerMetrics::instantiate_));
    case MetricId::kCpu: return add_cpu(page, reading.functions);
    case MetricId::kInstancesRunning:
    case MetricId::kQueueLength: return add_load(page, id, reading.functions);
    case MetricId::kRejected: return add_rejected(page);
    case MetricId::kLogBytesDropped: return one(total(&WorkerMetrics::log_bytes_dropped_));
    case MetricId::kConnections: {
      // Closed first: read the other way round, one that opens and closes between could make the
      // difference negative.
      const std::uint64_t closed = total(&WorkerMetrics::connections_closed_);
      const std::uint64_t opened = total(&WorkerMetrics::connections_opened_);
      return one(opened - std::min(opened, closed));
    }
    case MetricId::kConnectionsAccepted: return one(total(&WorkerMetrics::connections_opened_));
    case MetricId::kCompile: {
      HistogramTotals totals = totals_of(kCompileBounds);
      compile_.add_to(totals);
      return histogram(totals);
    }
    case MetricId::kCompileFailures: return add_compile_failures(page);
    case MetricId::kFunctions: return one(reading.functions.size());
    case MetricId::kWorkers: return one(options_.workers);
    case MetricId::kBuildInfo:
      page.begin(metric_info(id));
      return page.sample({{"version", options_.version}, {"engine", options_.engine}},
                         std::uint64_t{1});
    case MetricId::kGuestMemory:
    case MetricId::kGuestMemoryLimit:
    case MetricId::kDraining: return;  // only a source knows these
    case MetricId::kConnectionsRefused: return add_connections_refused(page);
    case MetricId::kProcessCpu:
    case MetricId::kProcessStartTime:
    case MetricId::kProcessResidentMemory:
    case MetricId::kProcessVirtualMemory:
    case MetricId::kProcessOpenFds:
    case MetricId::kProcessMaxFds:
    case MetricId::kProcessThreads: return add_process(page, id, reading.process);
  }
}

void Metrics::add_requests(Exposition& page, const Functions& functions) const {
  page.begin(metric_info(MetricId::kRequests));
  // Series that are 0 as well: whoever computes rates must see where a counter began.
  const auto add = [&](std::string_view function, const OutcomeInfo& outcome, std::uint64_t value) {
    page.sample({{"function", function}, {"version", kUnversioned}, {"outcome", outcome.label}},
                value);
  };
  for (const OutcomeInfo& outcome : all_outcomes()) {
    const auto place = static_cast<std::size_t>(outcome.outcome);
    add(kNoFunction, outcome, total([=](const WorkerMetrics& worker) -> const Counter& {
          return worker.without_function_[place];
        }));
  }
  for (const auto& function : functions) {
    for (const OutcomeInfo& outcome : all_outcomes()) {
      const auto place = static_cast<std::size_t>(outcome.outcome);
      std::uint64_t count = 0;
      for (unsigned i = 0; i < function->workers_; ++i) {
        count += function->shards_[i].requests[place].read();
      }
      add(label_of(*function), outcome, count);
    }
  }
}

void Metrics::add_cpu(Exposition& page, const Functions& functions) {
  page.begin(metric_info(MetricId::kCpu));
  for (const auto& function : functions) {
    std::uint64_t cpu_ns = 0;
    for (unsigned i = 0; i < function->workers_; ++i) cpu_ns += function->shards_[i].cpu_ns.read();
    page.sample({{"function", label_of(*function)}}, static_cast<double>(cpu_ns) / 1e9);
  }
}

void Metrics::add_load(Exposition& page, MetricId id, const Functions& functions) {
  FunctionLoad sum;
  for (const auto& function : functions) {
    if (!function->load_) continue;
    const FunctionLoad load = function->load_();
    sum.running += load.running;
    sum.waiting += load.waiting;
  }
  page.begin(metric_info(id));
  page.sample({}, id == MetricId::kInstancesRunning ? sum.running : sum.waiting);
}

void Metrics::add_rejected(Exposition& page) const {
  page.begin(metric_info(MetricId::kRejected));
  for (std::size_t i = 0; i < kRejectReasonCount; ++i) {
    const auto rejected = [=](const WorkerMetrics& worker) -> const Counter& {
      return worker.rejected_[i];
    };
    page.sample({{"reason", code_label(reject_reasons()[i])}}, total(rejected));
  }
}

void Metrics::add_connections_refused(Exposition& page) const {
  page.begin(metric_info(MetricId::kConnectionsRefused));
  for (std::size_t i = 0; i < kConnectionRefusals.size(); ++i) {
    const auto refused = [=](const WorkerMetrics& worker) -> const Counter& {
      return worker.connections_refused_[i];
    };
    page.sample({{"reason", kConnectionRefusals[i]}}, total(refused));
  }
}

void Metrics::add_compile_failures(Exposition& page) const {
  page.begin(metric_info(MetricId::kCompileFailures));
  for (const auto& [code, count] : compile_failures_) {
    page.sample({{"reason", code_label(code)}}, count);
  }
}

void Metrics::add_process(Exposition& page, MetricId id, const ProcessFigures& figures) {
  page.begin(metric_info(id));
  switch (id) {
    case MetricId::kProcessCpu: return page.sample({}, figures.cpu_seconds);
    case MetricId::kProcessStartTime: return page.sample({}, figures.start_time_seconds);
    case MetricId::kProcessResidentMemory: return page.sample({}, figures.resident_memory_bytes);
    case MetricId::kProcessVirtualMemory: return page.sample({}, figures.virtual_memory_bytes);
    case MetricId::kProcessOpenFds: return page.sample({}, figures.open_fds);
    case MetricId::kProcessMaxFds: return page.sample({}, figures.max_fds);
    case MetricId::kProcessThreads: return page.sample({}, figures.threads);
    default: return;
  }
}

}  // namespace godwit::observe
