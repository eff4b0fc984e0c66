// What `godwit run` was asked to do. Values.
//
//   godwit run hello.wasm name=Ada --env QUALITY=80 --dir /data=. --limit cpu=50ms -- --verbose
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace godwit::cli {

struct RunOptions {
  std::string file;
  std::vector<std::string> parameters;   // K=V
  std::vector<std::string> environment;  // K=V
  std::vector<std::string> folders;      // GUEST=HOST
  std::string stdin_file;
  std::string request_file;
  std::vector<std::string> limits;  // KEY=VALUE
  std::string state_dir;
  bool stats = false;
  bool json = false;
  std::optional<std::vector<std::string>> arguments;  // what follows "--"
};

}  // namespace godwit::cli
