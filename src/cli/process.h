// Tools that `godwit build` starts: compilers, never guests. No shell is involved.
//
//   auto done = run_tool({.command = {"clang-19", "-O2", "x.c"}, .install_hint = "apt-get …"});
//
// Blocks until the tool has ended; its stderr is ours. For the main thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace godwit::cli {

struct ToolOptions {
  std::vector<std::string> command;  // looked up in PATH
  std::string folder;                // where it runs; empty: here
  std::string install_hint;          // how to get it
  std::string failure_hint;          // what to try when it fails
};

// What it wrote to stdout (at most kMaxToolOutputBytes, the rest is dropped). Errors: kToolMissing
// when there is no such program, kToolFailed when it ends with anything but 0.
Result<std::string> run_tool(const ToolOptions& options);

inline constexpr std::size_t kMaxToolOutputBytes = std::size_t{16} << 20;

// The first of `candidates` that PATH has; empty when there is none.
std::string find_program(const std::vector<std::string>& candidates);

}  // namespace godwit::cli
