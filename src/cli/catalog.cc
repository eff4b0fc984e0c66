#include "cli/catalog.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/units.h"
#include "manifest/settings.h"

namespace godwit::cli {
namespace {

constexpr std::uint64_t kMaxModuleBytes = std::uint64_t{64} << 20;

gateway::Route unavailable_route(const std::string& name, Error error) {
  return {.name = name, .script_name = {}, .function = nullptr, .unavailable = std::move(error)};
}

}  // namespace

Result<bool> FunctionCatalog::reload() {
  auto listing = folder_.scan();
  if (!listing) return fail(std::move(listing.error()));
  std::map<std::string, Entry> next;
  std::vector<const registry::FolderFunction*> stale;
  for (const registry::FolderFunction& source : listing->functions) {
    const auto previous = entries_.find(source.name);
    if (previous != entries_.end() && previous->second.source == source) {
      next.emplace(source.name, previous->second);
    } else {
      stale.push_back(&source);
    }
  }
  bool changed = !stale.empty();
  for (Entry& entry : make_entries(stale)) next.emplace(entry.source.name, std::move(entry));
  for (const registry::FolderProblem& problem : listing->problems) {
    if (problem.name.empty() || next.contains(problem.name)) continue;
    const auto previous = entries_.find(problem.name);
    const bool same = previous != entries_.end() && previous->second.route.unavailable &&
                      previous->second.route.unavailable->code == problem.error.code;
    changed |= !same;
    next.emplace(problem.name,
                 Entry{.source = {}, .route = unavailable_route(problem.name, problem.error)});
  }
  for (const auto& [name, entry] : entries_) {
    if (next.contains(name)) continue;
    changed = true;
    logger_.info("serve", "function removed", {{"function", name}});
  }
  report_problems(listing->problems);
  entries_ = std::move(next);
  return changed;
}

// Loading waits for disk and compilers: several at a time.
std::vector<FunctionCatalog::Entry> FunctionCatalog::make_entries(
    const std::vector<const registry::FolderFunction*>& sources) {
  std::vector<Entry> entries(sources.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < sources.size(); i = next++) {
      const auto previous = entries_.find(sources[i]->name);
      entries[i] =
          make_entry(*sources[i], previous != entries_.end() ? &previous->second : nullptr);
    }
  };
  std::vector<std::thread> helpers;
  for (std::size_t i = 1; i < std::min<std::size_t>(parallel_loads_, sources.size()); ++i) {
    helpers.emplace_back(work);
  }
  work();
  for (std::thread& helper : helpers) helper.join();
  return entries;
}

FunctionCatalog::Entry FunctionCatalog::make_entry(const registry::FolderFunction& source,
                                                   const Entry* previous) {
  auto function = load(source, previous);
  if (function) {
    return {.source = source,
            .route = {.name = source.name,
                      .script_name = {},
                      .function = std::move(*function),
                      .unavailable = {}}};
  }
  const Error& error = function.error();
  const bool keep = previous != nullptr && previous->route.function != nullptr;
  logger_.error(
      "serve",
      keep ? "the new version is refused; the old one goes on serving" : "function refused",
      {{"function", source.name},
       {"file", source.path},
       {"error", error.text()},
       {"hint", error.next_step()}});
  // What may pass by itself (no memory, no descriptors, a full disk) is tried at every reload.
  registry::FolderFunction tried = source;
  if (error_info(error.code).blame == Blame::kPlatform) tried.stamp = {};
  if (keep) return {.source = std::move(tried), .route = previous->route};
  return {.source = std::move(tried), .route = unavailable_route(source.name, error)};
}

Result<std::shared_ptr<const runtime::Function>> FunctionCatalog::load(
    const registry::FolderFunction& source, const Entry* previous) {
  auto spec = read_spec(source);
  if (!spec) return fail(std::move(spec.error()));
  auto bytes = folder_.read(source.path, kMaxModuleBytes);
  if (!bytes) return fail(std::move(bytes.error()));
  auto loaded = loader_.load(*spec, *bytes);
  if (!loaded) return fail(std::move(loaded.error()));
  if (!loaded->cache_problem.empty()) {
    logger_.warning("serve", "a compiled artifact was made again",
                    {{"function", source.name}, {"reason", loaded->cache_problem}});
  }
  logger_.debug("serve", "function loaded",
                {{"function", source.name},
                 {"compile", format_duration(loaded->compile_time)},
                 {"total", format_duration(loaded->total_time)}});
  auto function = std::make_shared<runtime::Function>();
  const runtime::FunctionGate::Limits limits{.running = spec->limits.concurrency,
                                             .waiting = spec->limits.queue};
  if (previous != nullptr && previous->route.function != nullptr) {
    // What runs of the old version still counts.
    function->gate = previous->route.function->gate;
    function->gate->set_limits(limits);
    logger_.info("serve", "function replaced", {{"function", source.name}});
  } else {
    function->gate = std::make_shared<runtime::FunctionGate>(limits);
  }
  function->spec = std::move(*spec);
  function->module = std::move(loaded->module);
  return std::shared_ptr<const runtime::Function>(std::move(function));
}

Result<manifest::FunctionSpec> FunctionCatalog::read_spec(
    const registry::FolderFunction& source) const {
  manifest::FunctionSpec defaults{.name = source.name, .source = source.path};
  defaults.limits = default_limits_;
  if (source.settings_path.empty()) return defaults;
  auto text = folder_.read(source.settings_path, manifest::kMaxSettingsBytes);
  if (!text) return fail(std::move(text.error()));
  return manifest::parse_function_settings(as_text(*text), source.settings_path,
                                           std::move(defaults));
}

// Each problem once, and again when it changes.
void FunctionCatalog::report_problems(const std::vector<registry::FolderProblem>& problems) {
  std::map<std::string, std::string> current;
  for (const registry::FolderProblem& problem : problems) {
    std::string text = problem.error.text();
    const auto known = problems_.find(problem.path);
    if (known == problems_.end() || known->second != text) {
      logger_.warning(
          "serve", "a file is not served",
          {{"file", problem.path}, {"error", text}, {"hint", problem.error.next_step()}});
    }
    current.emplace(problem.path, std::move(text));
  }
  problems_ = std::move(current);
}

std::vector<gateway::Route> FunctionCatalog::routes() const {
  std::vector<gateway::Route> routes;
  for (const auto& [name, entry] : entries_) routes.push_back(entry.route);
  return routes;
}

}  // namespace godwit::cli
