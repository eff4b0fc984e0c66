// FunctionCatalog: the functions of a godwit.toml and of a served folder as routes: reads what is
// configured, loads modules, hands out what is granted, and on a reload does so only for what has
// changed. What can't be accepted keeps its route and answers 503 with the reason's code; a broken
// new version leaves the old one serving, as long as that is still granted what it uses.
//
//   FunctionCatalog catalog({.file = file, .folder = &folder, .loader = platform.loader(),
//                            .grantor = grantor}, logger);
//   auto changed = catalog.reload();        // an error: nothing has changed
//   server.publish(catalog.routes());
//
// One thread at a time (the control plane's).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/function_source.h"
#include "cli/operator_file.h"
#include "gateway/route_table.h"
#include "manifest/manifest.h"
#include "observe/metrics.h"
#include "registry/folder.h"
#include "registry/grantor.h"
#include "registry/loader.h"

namespace godwit::cli {

struct CatalogOptions {
  const OperatorFile& file;
  const registry::Folder* folder = nullptr;  // null: functions of the file only
  const registry::Loader& loader;
  registry::Grantor& grantor;
  manifest::Limits default_limits;  // without a godwit.toml
  unsigned parallel_loads = 1;
  observe::Metrics* metrics = nullptr;  // where the routes' requests count
  // May the files that this manifest (null: none is read yet) names be used by this process? Its
  // error is reload()'s. Absent: all may.
  std::function<Result<void>(const manifest::Manifest* manifest)> accept;
  // May this process do what this function was granted? Its error is the function's.
  std::function<Result<void>(const manifest::FunctionSpec& spec)> accept_function;
};

class FunctionCatalog final {
 public:
  FunctionCatalog(const CatalogOptions& options, Logger& logger)
      : options_(options), logger_(logger) {}

  // Of the first attempt to compile a module. Who needs more is tried again after the others are
  // served: slow ones, compile bombs above all, keep nobody waiting.
  struct Haste {
    std::chrono::seconds cpu_max;    // for each, as long as the whole has taken less than that
    std::chrono::seconds cpu_later;  // afterwards
  };
#ifdef GODWIT_SANITIZED
  static constexpr int kSlower = 10;
#else
  static constexpr int kSlower = 1;
#endif
  static constexpr Haste kAtStart{std::chrono::seconds(10) * kSlower,
                                  std::chrono::seconds(3) * kSlower};
  static constexpr Haste kWhileServing{std::chrono::seconds(5) * kSlower,
                                       std::chrono::seconds(3) * kSlower};

  // Brings the catalog up to date. True when the routes changed. Errors: the godwit.toml is broken
  // or its own routes conflict, the folder can't be read; nothing changes then.
  Result<bool> reload(Haste haste = kWhileServing);
  // Some were too slow: the next reload() gives a few of them all the time that there is.
  bool has_slow() const;

  // What is served, then what lost a conflict of routes; each by name.
  const std::vector<gateway::Route>& routes() const { return routes_; }
  // Null: there is no godwit.toml.
  const std::shared_ptr<const manifest::Manifest>& manifest() const { return manifest_; }
  // The files besides those of the folder that a reload reads: the godwit.toml, its functions'
  // modules, files of secrets.
  std::vector<std::string> watched_files() const;

 private:
  using FunctionPointer = std::shared_ptr<const runtime::Function>;

  // One state of a function: loaded, and judged again at each reload.
  struct Version {
    FunctionPointer function;  // null: could not be loaded
    std::vector<gateway::RoutePattern> patterns;
    std::optional<Error> load_error;
    std::optional<Error> grant_error;
    bool granted = false;  // `function` holds what it asks for

    bool usable() const { return function != nullptr && !grant_error; }
    const Error& error() const { return load_error ? *load_error : *grant_error; }
  };
  struct Entry {
    FunctionSource source;  // what was loaded, or tried last
    Version newest;
    std::optional<Version> old;  // serves while the newest can't
    gateway::Route served;
    std::optional<Error> conflict;  // why the newest is not served although it could be
    std::string reported;           // what the log says of a refusal
    bool slow = false;              // it did not compile within the first attempt's time
  };
  using Entries = std::map<std::string, Entry>;

  SourcePlace place(const manifest::Manifest* manifest) const;
  Result<void> check_own_routes(const manifest::Manifest& manifest) const;
  Entries make_entries(const SourcePlace& place, const SourceListing& listing, Haste haste);
  void load_stale(const SourcePlace& place, const std::vector<Entry*>& stale, Haste haste) const;
  Version load(const SourcePlace& place, const FunctionSource& source,
               std::chrono::seconds cpu_max) const;
  Result<FunctionPointer> load_function(const SourcePlace& place, const FunctionSource& source,
                                        std::chrono::seconds cpu_max,
                                        std::vector<gateway::RoutePattern>& patterns) const;
  void judge(Version& version, const Entry& entry, const manifest::Manifest* manifest);
  void choose(Entries& entries);
  void add_metrics();
  void log_changes(const Entries& before, Entries& now);
  void report_problems(const std::vector<registry::FolderProblem>& problems);

  const CatalogOptions options_;
  Logger& logger_;
  std::shared_ptr<const manifest::Manifest> manifest_;
  Entries entries_;  // by name
  std::vector<gateway::Route> routes_;
  std::map<std::string, std::string> problems_;  // path → what was said of it
};

}  // namespace godwit::cli
