// `godwit serve`: functions behind HTTP, until a signal says otherwise.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "manifest/connection_settings.h"

namespace godwit::cli {

// What the command line says; what it leaves out, the godwit.toml may say, else it is the default.
struct ServeOptions {
  std::string path;                 // a folder of functions or a *.toml file
  std::vector<std::string> listen;  // HOST:PORT; default: 127.0.0.1:8080
  std::string metrics;              // HOST:PORT; default: nowhere
  std::string state_dir;
  unsigned threads = 0;                       // default: the cores that the cgroup allows
  std::optional<std::uint64_t> memory_bytes;  // of all guests; default: 70 % of what there is
  std::vector<std::string> limits;            // KEY=VALUE, defaults for functions that set none
  std::string log_format;                     // text (default), json
  std::string log_level;                      // debug, info (default), warning, error
  bool watch = false;
  bool dev = false;  // implies watch
  bool allow_unsafe_files = false;
  std::string confinement;                                // required, best-effort (default), off
  std::optional<std::chrono::nanoseconds> drain_timeout;  // default: 10 s
  manifest::ConnectionSettings connections;
};

// Returns the exit code: 0 after a drain, 1 when it could not start (the error is on stderr) or was
// ended by a second signal.
int run_serve(const ServeOptions& options);

}  // namespace godwit::cli
