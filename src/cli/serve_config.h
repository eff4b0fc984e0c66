// ServeConfig: how a server is run: the flags of the command line, then [server] of the
// godwit.toml, then the defaults.
//
//   auto config = serve_config(options, manifest.get(), file);
//
// A value.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/confine_server.h"
#include "cli/operator_file.h"
#include "cli/serve.h"
#include "manifest/manifest.h"
#include "registry/folder.h"
#include "server/connection_limits.h"
#include "server/listener.h"

namespace godwit::cli {

struct ServeConfig {
  std::vector<server::ListenAddress> listen;
  std::optional<server::ListenAddress> metrics;
  std::string state_dir;           // empty: the default place
  unsigned threads = 0;            // 0: the cores that the cgroup allows
  std::uint64_t memory_bytes = 0;  // of all guests; 0: the default
  manifest::Limits limits;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
  bool watch = false;
  bool dev = false;
  registry::UnsafeFiles unsafe_files = registry::UnsafeFiles::kRefuse;
  ConfinementMode confinement = ConfinementMode::kBestEffort;
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(10);
  // max-connections, unless it was set, as the descriptor limit of this moment allows it.
  server::ConnectionLimits connections;
};

// `manifest` may be null. Errors: kUsage and kConfigBadValue (an address, a limit).
Result<ServeConfig> serve_config(const ServeOptions& options, const manifest::Manifest* manifest,
                                 const OperatorFile& file);

}  // namespace godwit::cli
