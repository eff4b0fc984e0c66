#include "cli/run_report.h"

#include <fmt/format.h>

#include "base/units.h"
#include "cli/output.h"

namespace godwit::cli {
namespace {

double microseconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1000.0; }

std::string time_text(Nanoseconds time) {
  if (time < std::chrono::milliseconds(10)) return fmt::format("{:.1f} µs", microseconds(time));
  return fmt::format("{:.1f} ms", microseconds(time) / 1000.0);
}

// Of the wall-clock time, what is neither set-up nor clean-up: the guest, and its waiting.
Nanoseconds guest_time(const SessionResult& result) {
  return std::max(result.wall - result.usage.setup - result.usage.cleanup, Nanoseconds(0));
}

std::string load_text(const registry::LoadedFunction& loaded) {
  const std::string how = loaded.cache == registry::CacheUse::kHit
                              ? std::string("from the cache")
                              : "compiled in " + time_text(loaded.compile_time);
  return fmt::format("{} ({})", time_text(loaded.total_time), how);
}

Json stats_json(const RunReport& report) {
  const SessionResult& result = report.result;
  return {
      {"cpu_us", microseconds(result.usage.cpu)},
      {"wall_us", microseconds(result.wall)},
      {"setup_us", microseconds(result.usage.setup)},
      {"guest_us", microseconds(guest_time(result))},
      {"cleanup_us", microseconds(result.usage.cleanup)},
      {"peak_memory_bytes", result.usage.memory_bytes},
      {"page_faults", {{"minor", result.page_faults.minor}, {"major", result.page_faults.major}}},
      {"time_slices", result.usage.slices},
      {"output_bytes", result.output_bytes},
      {"load_us", microseconds(report.loaded.total_time)},
      {"compile_us", microseconds(report.loaded.compile_time)},
      {"from_cache", report.loaded.cache == registry::CacheUse::kHit}};
}

Json response_json(const SessionResult& result) {
  Json response = Json::object();
  if (result.head) {
    Json fields = Json::array();
    for (const http::Field& field : result.head->fields) {
      fields.push_back({{"name", field.name}, {"value", field.value}});
    }
    response = {{"status", result.head->status}, {"headers", fields}};
  }
  set_bytes(response, "body", result.output);
  return response;
}

}  // namespace

std::string_view outcome_text(const SessionResult& result) {
  if (!result.outcome) return "refused";
  switch (result.outcome->kind) {
    case engine::OutcomeKind::kFinished: return "finished";
    case engine::OutcomeKind::kExited: return "exited";
    case engine::OutcomeKind::kTrapped: return "trapped";
    case engine::OutcomeKind::kOutOfMemory: return "out of memory";
    case engine::OutcomeKind::kCpuLimit: return "cpu limit";
    case engine::OutcomeKind::kDeadline: return "deadline";
    case engine::OutcomeKind::kCancelled: return "cancelled";
  }
  return "unknown";
}

std::string stats_text(const RunReport& report) {
  const SessionResult& result = report.result;
  return "godwit: stats\n" + row("outcome", outcome_text(result)) +
         row("CPU", time_text(result.usage.cpu) + " (guest and its host calls)") +
         row("wall", time_text(result.wall)) + row("  set-up", time_text(result.usage.setup)) +
         row("  guest", time_text(guest_time(result))) +
         row("  clean-up", time_text(result.usage.cleanup)) +
         row("peak memory",
             format_size(result.usage.memory_bytes) + " (linear memories and tables)") +
         row("page faults", fmt::format("{} minor, {} major", result.page_faults.minor,
                                        result.page_faults.major)) +
         row("time slices", std::to_string(result.usage.slices)) +
         row("output", format_size(result.output_bytes)) + row("module", load_text(report.loaded));
}

Json report_json(const RunReport& report) {
  const SessionResult& result = report.result;
  Json document = {
      {"file", report.file}, {"ok", !result.error.has_value()}, {"outcome", outcome_text(result)}};
  document["exit_code"] = nullptr;
  if (result.outcome && result.outcome->success()) document["exit_code"] = 0;
  if (result.outcome && result.outcome->kind == engine::OutcomeKind::kExited) {
    document["exit_code"] = result.outcome->exit_code;
  }
  document["error"] = result.error ? error_json(*result.error) : Json();
  if (report.is_response) {
    document["response"] = response_json(result);
  } else {
    set_bytes(document, "stdout", result.output);
  }
  set_bytes(document, "stderr", result.log);
  document["stats"] = stats_json(report);
  return document;
}

}  // namespace godwit::cli
