#include "cli/output.h"

#include <cstdio>

#include <fmt/format.h>

#include "base/bytes.h"

namespace godwit::cli {

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view valid = text.substr(0, utf8_prefix(text));
    for (std::size_t i = 0; i < valid.size(); ++i) {
      const std::size_t bytes = deceptive_bytes(valid.substr(i));
      out += bytes > 0 ? '?' : valid[i];
      if (bytes > 1) i += bytes - 1;
    }
    text.remove_prefix(valid.size());
    if (text.empty()) break;
    out += '?';
    text.remove_prefix(1);
  }
  return out;
}

std::string error_text(const Error& error) {
  std::string text = "godwit: error " + printable(error.text()) + "\n";
  if (!error.next_step().empty()) text += "  hint: " + printable(error.next_step()) + "\n";
  return text;
}

void print_error(const Error& error) {
  std::fflush(stdout);  // so that the two come in order where both are the same terminal
  fmt::print(stderr, "{}", error_text(error));
}

void print_warning(std::string_view text) {
  fmt::print(stderr, "godwit: warning: {}\n", printable(text));
}

int fail_with(const Error& error) {
  print_error(error);
  return error.code == ErrorCode::kUsage ? kExitUsage : kExitFailed;
}

Error usage_error(std::string detail, std::string hint) {
  return {ErrorCode::kUsage, std::move(detail), std::move(hint)};
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Result<void> finish_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return fail(ErrorCode::kFileUnwritable, "standard output: " + errno_text());
}

std::string row(std::string_view name, std::string_view value, std::size_t width) {
  std::string text = fmt::format("  {:<{}}", name, width);
  for (const char c : value) {
    text += c;
    if (c == '\n') text.append(width + 2, ' ');
  }
  return text + "\n";
}

}  // namespace godwit::cli
