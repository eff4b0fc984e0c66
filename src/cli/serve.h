// `godwit serve`: a folder of functions behind HTTP, until a signal says otherwise.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace godwit::cli {

struct ServeOptions {
  std::string path;                 // the folder
  std::vector<std::string> listen;  // HOST:PORT; empty: 127.0.0.1:8080
  std::string state_dir;            // empty: the default place
  unsigned threads = 0;             // 0: the cores that the cgroup allows
  std::vector<std::string> limits;  // KEY=VALUE, defaults for functions that set none
  std::string log_format = "text";  // text, json
  std::string log_level = "info";   // debug, info, warning, error
  bool watch = false;
  bool dev = false;  // implies watch
  bool allow_unsafe_files = false;
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(10);
};

// Returns the exit code: 0 after a drain, 1 when it could not start (the error is on stderr) or was
// ended by a second signal.
int run_serve(const ServeOptions& options);

}  // namespace godwit::cli
