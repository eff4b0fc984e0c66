// FunctionCatalog: the functions of a served folder as routes: scans, reads settings, loads
// modules, and on a reload does so only for what has changed. What can't be accepted keeps its
// route and answers 503 with the reason's code; a broken new version leaves the old one serving.
//
//   FunctionCatalog catalog(folder, platform.loader(), defaults, logger);
//   catalog.reload();                       // Result<Changes>
//   server.publish(catalog.routes());
//
// One thread at a time (the control plane's).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "gateway/route_table.h"
#include "manifest/function_spec.h"
#include "registry/folder.h"
#include "registry/loader.h"

namespace godwit::cli {

class FunctionCatalog final {
 public:
  struct Options {
    manifest::Limits default_limits;
    unsigned parallel_loads = 1;
  };
  FunctionCatalog(const registry::Folder& folder, const registry::Loader& loader,
                  const Options& options, Logger& logger)
      : folder_(folder),
        loader_(loader),
        default_limits_(options.default_limits),
        parallel_loads_(options.parallel_loads),
        logger_(logger) {}

  // Brings the catalog up to date with the folder. True when the routes changed. Errors: the
  // folder itself cannot be read; nothing changes then.
  Result<bool> reload();

  std::vector<gateway::Route> routes() const;

 private:
  struct Entry {
    registry::FolderFunction source;  // what was loaded, or tried last
    gateway::Route route;
  };

  std::vector<Entry> make_entries(const std::vector<const registry::FolderFunction*>& sources);
  Entry make_entry(const registry::FolderFunction& source, const Entry* previous);
  Result<std::shared_ptr<const runtime::Function>> load(const registry::FolderFunction& source,
                                                        const Entry* previous);
  Result<manifest::FunctionSpec> read_spec(const registry::FolderFunction& source) const;
  void report_problems(const std::vector<registry::FolderProblem>& problems);

  const registry::Folder& folder_;
  const registry::Loader& loader_;
  const manifest::Limits default_limits_;
  const unsigned parallel_loads_;
  Logger& logger_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> problems_;  // path → what was said of it
};

}  // namespace godwit::cli
