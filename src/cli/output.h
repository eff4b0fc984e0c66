// How every verb speaks: results on stdout, everything else on stderr, one form for all errors:
//
//   godwit: error E2003: The module imports something …: env.foo
//     hint: Build for WASI preview 1 (wasm32-wasip1); …
//
//   if (!loaded) return fail_with(loaded.error());   // prints; 2 for wrong usage, else 1
//
// For the main thread. What reaches a terminal here may come from a file or a guest: printable()
// takes the control characters out.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace godwit::cli {

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// `text` with every control character but newline and tab, and every byte that is not UTF-8,
// replaced by '?': it can't move a cursor or change a title.
std::string printable(std::string_view text);

// The error as it stands on stderr, with its hint and a newline at the end.
std::string error_text(const Error& error);
void print_error(const Error& error);
// "godwit: warning: …".
void print_warning(std::string_view text);
// Prints the error and returns the exit code that belongs to it.
int fail_with(const Error& error);
// An error about the command line, for `return fail(usage_error(…))`.
Error usage_error(std::string detail, std::string hint = {});

// Writes to stdout; main() looks at the end whether all of it arrived (finish_output).
void print(std::string_view text);
// Flushes stdout. Errors: kFileUnwritable.
Result<void> finish_output();

// Two columns: pads `name` to `width`, and indents further lines of `value` below the first.
std::string row(std::string_view name, std::string_view value, std::size_t width = 14);

}  // namespace godwit::cli
