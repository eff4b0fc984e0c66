#include "observe/metric_table.h"

#include <array>

#include <fmt/format.h>

#include "observe/metrics.h"
#include "observe/outcome.h"

namespace godwit::observe {
namespace {

using Type = MetricType;

constexpr std::array kTable = {
    MetricInfo{MetricId::kRequests, "godwit_requests_total", Type::kCounter,
               "function, version, outcome", "Requests that have ended, by how they ended."},
    MetricInfo{MetricId::kRequestDuration, "godwit_request_duration_seconds", Type::kHistogram, "",
               "Time from a request's head to the last byte of its answer, all requests."},
    MetricInfo{MetricId::kCpu, "godwit_cpu_seconds_total", Type::kCounter, "function",
               "CPU time of guests, with the host's work for them."},
    MetricInfo{MetricId::kInstantiate, "godwit_instantiate_seconds", Type::kHistogram, "",
               "Time to make the fresh instance of an invocation."},
    MetricInfo{MetricId::kInstancesRunning, "godwit_instances_running", Type::kGauge, "",
               "Invocations that have an instance now, also those that wait for something."},
    MetricInfo{MetricId::kQueueLength, "godwit_queue_length", Type::kGauge, "",
               "Requests that wait for a place because their function is at its concurrency "
               "limit."},
    MetricInfo{MetricId::kRejected, "godwit_rejected_total", Type::kCounter, "reason",
               "Requests that were refused before they ran."},
    MetricInfo{
        MetricId::kGuestMemory, "godwit_guest_memory_bytes", Type::kGauge, "",
        "Memory that guests have committed, folders in memory included; up to a thirty-second of "
        "the limit is held by workers for the next guests."},
    MetricInfo{MetricId::kGuestMemoryLimit, "godwit_guest_memory_limit_bytes", Type::kGauge, "",
               "How much memory all guests together may commit."},
    MetricInfo{MetricId::kLogBytesDropped, "godwit_log_bytes_dropped_total", Type::kCounter, "",
               "Bytes that guests wrote to their logs beyond the limit of an invocation."},
    MetricInfo{MetricId::kConnections, "godwit_connections", Type::kGauge, "",
               "Client connections that are open."},
    MetricInfo{MetricId::kConnectionsAccepted, "godwit_connections_accepted_total", Type::kCounter,
               "", "Client connections that were accepted."},
    MetricInfo{MetricId::kConnectionsRefused, "godwit_connections_refused_total", Type::kCounter,
               "reason", "Client connections that were closed without being served."},
    MetricInfo{MetricId::kCompile, "godwit_compile_seconds", Type::kHistogram, "",
               "Time to compile a module, its wait for a compile child included; artifacts from "
               "the cache don't count."},
    MetricInfo{MetricId::kCompileFailures, "godwit_compile_failures_total", Type::kCounter,
               "reason", "Compilations that failed."},
    MetricInfo{MetricId::kFunctions, "godwit_functions", Type::kGauge, "",
               "Functions that have a route, also those that answer 503."},
    MetricInfo{MetricId::kWorkers, "godwit_workers", Type::kGauge, "", "Worker threads."},
    MetricInfo{MetricId::kDraining, "godwit_draining", Type::kGauge, "",
               "1 from the signal that ends the server, else 0."},
    MetricInfo{MetricId::kBuildInfo, "godwit_build_info", Type::kGauge, "version, engine",
               "Always 1; the labels name this build."},
    MetricInfo{MetricId::kProcessCpu, "process_cpu_seconds_total", Type::kCounter, "",
               "User and system CPU time of the server's process."},
    MetricInfo{MetricId::kProcessStartTime, "process_start_time_seconds", Type::kGauge, "",
               "When the process started, in seconds of the UNIX epoch."},
    MetricInfo{MetricId::kProcessResidentMemory, "process_resident_memory_bytes", Type::kGauge, "",
               "Memory of the process that is in RAM."},
    MetricInfo{MetricId::kProcessVirtualMemory, "process_virtual_memory_bytes", Type::kGauge, "",
               "Address space of the process; sandboxes reserve terabytes and use little of it."},
    MetricInfo{MetricId::kProcessOpenFds, "process_open_fds", Type::kGauge, "",
               "File descriptors that are open."},
    MetricInfo{MetricId::kProcessMaxFds, "process_max_fds", Type::kGauge, "",
               "How many file descriptors may be open."},
    MetricInfo{MetricId::kProcessThreads, "process_threads", Type::kGauge, "",
               "Threads of the process."},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].id) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the table has the order of MetricId");

constexpr std::string_view kIntroduction =
    "# Metrics\n\n"
    "What `GET /metrics` says on the address of `godwit serve --metrics HOST:PORT`, in the "
    "Prometheus text format,\nor as OpenMetrics where the client asks for it in `Accept`. The same "
    "address has `/healthz` and `/readyz`\n([contract.md](../contract.md#metrics)).\n\n"
    "Counters begin at 0 when the server starts. A metric that has nothing to report in this "
    "configuration is left out.\n\n";

constexpr std::string_view kFunctionText =
    "\n## `function` and `version`\n\n"
    "`function` is a function's name as in its route; `/` is the function at the root of a served "
    "folder. `-` stands for\nall requests that no function was found for: unknown paths, what is "
    "not HTTP, everything while draining. Clients\ncan't make series: there are as many as "
    "functions.\n\n"
    "`version` is `0`: functions of a folder or of godwit.toml have no versions. The counters of a "
    "function go on when\nits file changes. When it is removed, its series end with its last "
    "request; when it comes back it begins at 0.\n";

}  // namespace

std::string_view type_text(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "counter";
    case MetricType::kGauge: return "gauge";
    case MetricType::kHistogram: return "histogram";
  }
  return "unknown";
}

std::span<const MetricInfo> all_metrics() { return kTable; }

const MetricInfo& metric_info(MetricId id) { return kTable[static_cast<std::size_t>(id)]; }

std::string metrics_reference_markdown() {
  std::string page(kIntroduction);
  page += "| metric | type | labels | what it is |\n|---|---|---|---|\n";
  for (const MetricInfo& info : kTable) {
    page += fmt::format("| `{}` | {} | {} | {} |\n", info.name, type_text(info.type), info.labels,
                        info.help);
  }
  page += kFunctionText;
  page += "\n## `outcome`\n\n| outcome | means |\n|---|---|\n";
  for (const OutcomeInfo& info : all_outcomes()) {
    page += fmt::format("| `{}` | {} |\n", info.label, info.meaning);
  }
  page +=
      "\n## `reason`\n\nOf `godwit_rejected_total`, with the [error](../errors.md) that the client "
      "got:\n\n| reason | error |\n|---|---|\n";
  for (const ErrorCode code : reject_reasons()) {
    page += fmt::format("| `{}` | {} {} |\n", code_label(code), error_code_text(code),
                        error_info(code).title);
  }
  page +=
      "\nOf `godwit_compile_failures_total`: the error in the same way, for instance "
      "`compile_limit` for E2009.\n\n## Buckets\n\nUpper bounds in seconds:\n\n";
  const auto add_buckets = [&](MetricId id, std::span<const Nanoseconds> bounds) {
    page += fmt::format("- `{}`:", metric_info(id).name);
    for (const Nanoseconds bound : bounds) page += " " + seconds_text(bound);
    page += '\n';
  };
  add_buckets(MetricId::kRequestDuration, kDurationBounds);
  add_buckets(MetricId::kInstantiate, kInstantiateBounds);
  add_buckets(MetricId::kCompile, kCompileBounds);
  return page;
}

}  // namespace godwit::observe
