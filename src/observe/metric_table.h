// The metrics, as one table: name, type, labels, what it says. The exposition takes its HELP and
// TYPE lines from here and docs/reference/metrics.md is made from it, so that they can't disagree.
//
//   metric_info(MetricId::kConnections).name      // "godwit_connections"
//
// Static data; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace godwit::observe {

enum class MetricId : std::uint8_t {
  kRequests,
  kRequestDuration,
  kCpu,
  kInstantiate,
  kInstancesRunning,
  kQueueLength,
  kRejected,
  kGuestMemory,
  kGuestMemoryLimit,
  kLogBytesDropped,
  kConnections,
  kConnectionsAccepted,
  kConnectionsRefused,
  kCompile,
  kCompileFailures,
  kFunctions,
  kWorkers,
  kDraining,
  kBuildInfo,
  kProcessCpu,
  kProcessStartTime,
  kProcessResidentMemory,
  kProcessVirtualMemory,
  kProcessOpenFds,
  kProcessMaxFds,
  kProcessThreads,
};

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };
std::string_view type_text(MetricType type);  // "counter"

struct MetricInfo {
  MetricId id;
  std::string_view name;  // a counter's ends with "_total"
  MetricType type;
  std::string_view labels;  // "function, version, outcome"; empty: none
  std::string_view help;    // one sentence
};

// In the order of the enumerators, which is that of the exposition.
std::span<const MetricInfo> all_metrics();
const MetricInfo& metric_info(MetricId id);

// docs/reference/metrics.md.
std::string metrics_reference_markdown();

}  // namespace godwit::observe
