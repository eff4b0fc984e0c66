#include "cli/catalog.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/units.h"
#include "cli/route_choice.h"
#include "manifest/grant_rules.h"

namespace godwit::cli {
namespace {

gateway::Route unavailable_route(const std::string& name,
                                 std::vector<gateway::RoutePattern> patterns, Error error) {
  return {.name = name,
          .patterns = std::move(patterns),
          .function = nullptr,
          .unavailable = std::move(error)};
}

bool same_patterns(const gateway::Route& a, const gateway::Route& b) {
  return std::equal(a.patterns.begin(), a.patterns.end(), b.patterns.begin(), b.patterns.end(),
                    [](const auto& x, const auto& y) { return x.text() == y.text(); });
}

bool same_route(const gateway::Route& a, const gateway::Route& b) {
  const auto code = [](const gateway::Route& route) {
    return route.unavailable ? std::optional(route.unavailable->code) : std::nullopt;
  };
  return a.name == b.name && a.function == b.function && code(a) == code(b) && same_patterns(a, b);
}

}  // namespace

SourcePlace FunctionCatalog::place(const manifest::Manifest* manifest) const {
  return {.file = options_.file,
          .manifest = manifest,
          .folder = options_.folder,
          .default_limits = options_.default_limits};
}

std::vector<std::string> FunctionCatalog::watched_files() const {
  std::vector<std::string> files = {options_.file.path()};
  for (const auto& [name, entry] : entries_) {
    if (entry.source.configured) files.push_back(options_.file.resolve(entry.source.path));
  }
  if (manifest_ == nullptr) return files;
  for (const manifest::SecretSpec& secret : manifest_->secrets) {
    const auto* const source = std::get_if<manifest::SecretFile>(&secret.source);
    if (source != nullptr) files.push_back(options_.file.resolve(source->path));
  }
  return files;
}

// The operator's own words contradict each other: nobody could say which route is meant.
Result<void> FunctionCatalog::check_own_routes(const manifest::Manifest& manifest) const {
  std::vector<gateway::Route> routes;
  for (const manifest::FunctionSpec& spec : manifest.functions) {
    auto patterns = gateway::parse_routes(spec);
    if (!patterns) return fail(std::move(patterns.error()));
    routes.push_back({.name = spec.name,
                      .patterns = std::move(*patterns),
                      .function = nullptr,
                      .unavailable = {}});
  }
  const auto conflicts = gateway::find_conflicts(routes);
  if (conflicts.empty()) return {};
  return fail(conflicts.front().error);
}

bool FunctionCatalog::has_slow() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const auto& each) { return each.second.slow; });
}

Result<bool> FunctionCatalog::reload(Haste haste) {
  if (options_.accept) {
    if (auto done = options_.accept(nullptr); !done) return fail(std::move(done.error()));
  }
  auto manifest = options_.file.read();
  if (!manifest) return fail(std::move(manifest.error()));
  if (*manifest != nullptr) {
    if (auto checked = check_own_routes(**manifest); !checked) {
      return fail(std::move(checked.error()));
    }
  }
  if (options_.accept && *manifest != nullptr) {
    if (auto done = options_.accept(manifest->get()); !done) return fail(std::move(done.error()));
  }
  const SourcePlace sources = place(manifest->get());
  auto listing = list_sources(sources);
  if (!listing) return fail(std::move(listing.error()));
  // From here on nothing fails as a whole.
  manifest_ = *manifest;
  options_.grantor.adopt(manifest_, options_.file.folder());
  Entries next = make_entries(sources, *listing, haste);
  for (auto& [name, entry] : next) {
    // The old one first: where both keep a cache, the newest says how large it is.
    if (entry.old) judge(*entry.old, entry, manifest_.get());
    judge(entry.newest, entry, manifest_.get());
  }
  const std::vector<gateway::Route> before = std::move(routes_);
  choose(next);
  add_metrics();
  log_changes(entries_, next);
  report_problems(listing->problems);
  entries_ = std::move(next);
  options_.grantor.purge();
  return !std::equal(before.begin(), before.end(), routes_.begin(), routes_.end(), same_route);
}

FunctionCatalog::Entries FunctionCatalog::make_entries(const SourcePlace& place,
                                                       const SourceListing& listing, Haste haste) {
  Entries next;
  std::size_t slow_left = options_.parallel_loads;  // of those, so many each time
  std::vector<Entry*> stale;
  for (const FunctionSource& source : listing.sources) {
    const auto previous = entries_.find(source.name);
    const bool same = previous != entries_.end() && previous->second.source == source;
    const bool again = same && previous->second.slow && slow_left > 0;
    if (same && !again) {
      next.emplace(source.name, previous->second);
      continue;
    }
    Entry entry;
    entry.source = source;
    entry.slow = again;
    if (again) --slow_left;
    if (previous != entries_.end() && previous->second.served.function != nullptr) {
      const Entry& was = previous->second;
      entry.old = was.served.function == was.newest.function ? was.newest : was.old;
      entry.served = was.served;
    }
    stale.push_back(&next.emplace(source.name, std::move(entry)).first->second);
  }
  load_stale(place, stale, haste);
  for (const registry::FolderProblem& problem : listing.problems) {
    if (problem.name.empty() || next.contains(problem.name)) continue;
    Entry entry;
    entry.newest.load_error = problem.error;
    entry.reported = problem.error.text();  // by report_problems()
    next.emplace(problem.name, std::move(entry));
  }
  return next;
}

// Loading waits for disk and compilers: several at a time.
void FunctionCatalog::load_stale(const SourcePlace& place, const std::vector<Entry*>& stale,
                                 Haste haste) const {
  const TimePoint begun = monotonic_now();
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < stale.size(); i = next++) {
      Entry& entry = *stale[i];
      const bool all_the_time = entry.slow;
      const bool early = monotonic_now() - begun < haste.cpu_max;
      const auto cpu_max = early ? haste.cpu_max : haste.cpu_later;
      entry.newest =
          load(place, entry.source, all_the_time ? std::chrono::seconds::max() : cpu_max);
      // What may pass by itself (no memory, no descriptors, a full disk) is tried at every reload.
      const auto& error = entry.newest.load_error;
      if (error && error_info(error->code).blame == Blame::kPlatform) entry.source.stamp = {};
      entry.slow = !all_the_time && error && error->code == ErrorCode::kCompileLimit;
      if (entry.slow) entry.newest.load_error = Error{ErrorCode::kStillCompiling, {}, {}};
    }
  };
  std::vector<std::thread> helpers;
  for (std::size_t i = 1; i < std::min<std::size_t>(options_.parallel_loads, stale.size()); ++i) {
    helpers.emplace_back(work);
  }
  work();
  for (std::thread& helper : helpers) helper.join();
}

FunctionCatalog::Version FunctionCatalog::load(const SourcePlace& place,
                                               const FunctionSource& source,
                                               std::chrono::seconds cpu_max) const {
  Version version;
  auto function = load_function(place, source, cpu_max, version.patterns);
  if (function) {
    version.function = std::move(*function);
  } else {
    version.load_error = std::move(function.error());
  }
  return version;
}

Result<FunctionCatalog::FunctionPointer> FunctionCatalog::load_function(
    const SourcePlace& place, const FunctionSource& source, std::chrono::seconds cpu_max,
    std::vector<gateway::RoutePattern>& patterns) const {
  auto spec = read_spec(place, source);
  if (!spec) return fail(std::move(spec.error()));
  auto routes = gateway::parse_routes(*spec);
  if (!routes) return fail(std::move(routes.error()));
  patterns = std::move(*routes);
  auto allowed = manifest::check_grants(place.manifest, *spec, source.origin);
  if (!allowed) return fail(std::move(allowed.error()));
  auto bytes = read_module(place, source);
  if (!bytes) return fail(std::move(bytes.error()));
  auto loaded = options_.loader.load(*spec, *bytes, cpu_max);
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
  const auto previous = entries_.find(source.name);
  if (previous != entries_.end() && previous->second.served.function != nullptr) {
    function->gate = previous->second.served.function->gate;  // what runs of the old one counts
  } else {
    function->gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{});
  }
  function->spec = std::move(*spec);
  function->module = std::move(loaded->module);
  function->contract = loaded->contract;
  function->kind = loaded->info->kind;
  return FunctionPointer(std::move(function));
}

// Is it granted what it asks for, today? Gives it that.
void FunctionCatalog::judge(Version& version, const Entry& entry,
                            const manifest::Manifest* manifest) {
  if (version.function == nullptr) return;
  version.grant_error.reset();
  const manifest::FunctionSpec& spec = version.function->spec;
  if (auto allowed = manifest::check_grants(manifest, spec, entry.source.origin); !allowed) {
    version.grant_error = std::move(allowed.error());
    return;
  }
  if (options_.accept_function) {
    if (auto accepted = options_.accept_function(spec); !accepted) {
      version.grant_error = std::move(accepted.error());
      return;
    }
  }
  auto grants = options_.grantor.grants(spec);
  if (!grants) {
    if (!version.granted) {
      version.grant_error = std::move(grants.error());
      return;
    }
    // It is allowed, but not to be had just now: what it holds goes on.
    logger_.error("serve", "a grant could not be renewed; the function keeps what it has",
                  {{"function", spec.name},
                   {"error", grants.error().text()},
                   {"hint", grants.error().next_step()}});
    return;
  }
  if (version.granted && registry::same_grants(version.function->grants.get(), grants->get())) {
    return;
  }
  auto function = std::make_shared<runtime::Function>(*version.function);
  function->grants = std::move(*grants);
  version.function = std::move(function);
  version.granted = true;
}

// What is served of each function. Rights to a route, strongest first: the operator's file, what
// is served at it already, what is new; by name among equals.
void FunctionCatalog::choose(Entries& entries) {
  struct Item {
    int rank;
    std::string_view name;
    Entry* entry;
  };
  std::vector<Item> items;
  for (auto& [name, entry] : entries) {
    gateway::Route newest{.name = name, .patterns = entry.newest.patterns};
    const bool kept = entry.served.function != nullptr && same_patterns(entry.served, newest);
    items.push_back({entry.source.configured ? 0 : kept ? 1 : 2, name, &entry});
  }
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::pair(a.rank, a.name) < std::pair(b.rank, b.name);
  });
  std::vector<RouteCandidate> candidates;
  for (const Item& item : items) {
    const std::string name(item.name);
    RouteCandidate candidate;
    const auto add = [&](const Version& version) {
      candidate.routes.push_back({.name = name,
                                  .patterns = version.patterns,
                                  .function = version.function,
                                  .unavailable = {}});
    };
    const Entry& entry = *item.entry;
    if (entry.newest.usable()) add(entry.newest);
    if (entry.old && entry.old->usable()) add(*entry.old);
    if (candidate.routes.empty()) {
      candidate.routes.push_back(
          unavailable_route(name, entry.newest.patterns, entry.newest.error()));
    }
    candidates.push_back(std::move(candidate));
  }
  const std::vector<RouteChoice> choices = choose_routes(candidates);
  std::vector<gateway::Route> served, lost;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Entry& entry = *items[i].entry;
    entry.conflict = choices[i].conflict;
    if (choices[i].index) {
      entry.served = candidates[i].routes[*choices[i].index];
      served.push_back(entry.served);
    } else {
      entry.served = unavailable_route(std::string(items[i].name), entry.newest.patterns,
                                       *choices[i].conflict);
      lost.push_back(entry.served);
    }
    if (entry.served.function == nullptr) continue;
    const manifest::Limits& limits = entry.served.function->spec.limits;
    entry.served.function->gate->set_limits(
        {.running = limits.concurrency, .waiting = limits.queue});
    if (entry.served.function == entry.newest.function) entry.old.reset();
  }
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(served.begin(), served.end(), by_name);
  std::sort(lost.begin(), lost.end(), by_name);
  // In a table who comes first is served: a route that lost may share patterns with the winner.
  routes_ = std::move(served);
  routes_.insert(routes_.end(), lost.begin(), lost.end());
}

// Every route counts under its name, also while it answers 503; a reload goes on with the same.
void FunctionCatalog::add_metrics() {
  if (options_.metrics == nullptr) return;
  for (gateway::Route& route : routes_) {
    observe::LoadSource load;
    if (route.function != nullptr) {
      load = [gate = route.function->gate] {
        return observe::FunctionLoad{.running = gate->running(), .waiting = gate->waiting()};
      };
    }
    route.metrics = options_.metrics->function(route.name, std::move(load));
  }
}

void FunctionCatalog::log_changes(const Entries& before, Entries& now) {
  for (auto& [name, entry] : now) {
    const auto previous = before.find(name);
    const bool was_served = previous != before.end() && previous->second.served.function != nullptr;
    const bool is_newest = entry.served.function == entry.newest.function;
    if (entry.served.function != nullptr && is_newest) {
      entry.reported.clear();
      if (was_served && previous->second.served.function != entry.served.function) {
        logger_.info("serve", "function replaced", {{"function", name}});
      }
      continue;
    }
    const Error& error = entry.newest.usable() ? *entry.conflict : entry.newest.error();
    if (entry.reported == error.text()) continue;
    entry.reported = error.text();
    const bool keeps = entry.served.function != nullptr;
    logger_.error(
        "serve",
        keeps ? "the new version is refused; the old one goes on serving" : "function refused",
        {{"function", name},
         {"file", entry.source.path},
         {"error", error.text()},
         {"hint", error.next_step()}});
  }
  for (const auto& [name, entry] : before) {
    if (!now.contains(name)) logger_.info("serve", "function removed", {{"function", name}});
  }
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

}  // namespace godwit::cli
