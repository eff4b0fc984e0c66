// Error and Result<T>: how Godwit's own failures travel.
//
// A failure of the host is a value with a code from one catalogue (errors.def) and a detail for
// the one who has to act. A guest's failure is not an Error: it is an engine::Outcome.
//
//   Result<Fd> open_it(const char* path) {
//     const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
//     if (fd < 0) return fail(ErrorCode::kFileUnreadable, fmt::format("{}: {}", path,
//     errno_text())); return Fd(fd);
//   }
//
// Values; safe to use from any thread. Our code does not throw.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace godwit {

enum class ErrorCode : std::uint16_t {
#define GODWIT_ERROR(name, number, blame, status, title, next_step) name = number,
#include "base/errors.def"
#undef GODWIT_ERROR
};

// Who has to act on an error.
enum class Blame : std::uint8_t { kClient, kFunction, kOperator, kPlatform };

// One row of the catalogue. All text is static.
struct ErrorInfo {
  ErrorCode code;
  Blame blame;
  int http_status;
  std::string_view name;  // "kNoRoute", the enumerator
  std::string_view title;
  std::string_view next_step;
};

// The row of `code`; every enumerator has one.
const ErrorInfo& error_info(ErrorCode code);
// All rows, ordered by number.
std::span<const ErrorInfo> all_errors();
// "E3004" (also "e3004" and "3004") → the row, or nothing.
std::optional<ErrorCode> parse_error_code(std::string_view text);
// "E3004".
std::string error_code_text(ErrorCode code);
std::string_view blame_text(Blame blame);

// A failure: what (code), the particulars (detail: names, positions, the system's reason), and,
// where the catalogue's general advice can be sharpened, a hint of its own.
struct Error {
  ErrorCode code;
  std::string detail;
  std::string hint;  // empty: the catalogue's next step holds

  // "E2003: The module imports …: env.foo".
  std::string text() const;
  std::string_view next_step() const;
};

// The text of the calling thread's errno ("No such file or directory"); thread-safe.
std::string errno_text();
std::string errno_text(int error_number);

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

// return fail(ErrorCode::kX, "what exactly");
inline tl::unexpected<Error> fail(ErrorCode code, std::string detail = {}, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(detail), std::move(hint)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace godwit
