#include "base/error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"

namespace godwit {
namespace {

constexpr std::array kCatalogue = {
#define GODWIT_ERROR(name, number, blame, status, title, next_step) \
  ErrorInfo{ErrorCode::name, Blame::blame, status, #name, title, next_step},
#include "base/errors.def"
#undef GODWIT_ERROR
};

constexpr bool sorted_by_number() {
  for (std::size_t i = 1; i < kCatalogue.size(); ++i) {
    if (kCatalogue[i - 1].code >= kCatalogue[i].code) return false;
  }
  return true;
}
static_assert(sorted_by_number(), "errors.def must be ordered by number, each number once");

const ErrorInfo* find(std::uint16_t number) {
  const auto* it = std::lower_bound(kCatalogue.begin(), kCatalogue.end(), number,
                                    [](const ErrorInfo& info, std::uint16_t wanted) {
                                      return static_cast<std::uint16_t>(info.code) < wanted;
                                    });
  if (it == kCatalogue.end() || static_cast<std::uint16_t>(it->code) != number) return nullptr;
  return it;
}

}  // namespace

const ErrorInfo& error_info(ErrorCode code) {
  const ErrorInfo* info = find(static_cast<std::uint16_t>(code));
  CHECK(info != nullptr, static_cast<int>(code));
  return *info;
}

std::span<const ErrorInfo> all_errors() { return kCatalogue; }

std::optional<ErrorCode> parse_error_code(std::string_view text) {
  if (!text.empty() && (text.front() == 'E' || text.front() == 'e')) text.remove_prefix(1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != 4) return {};
  const ErrorInfo* info = find(number);
  if (info == nullptr) return {};
  return info->code;
}

std::string error_code_text(ErrorCode code) {
  return fmt::format("E{:04}", static_cast<std::uint16_t>(code));
}

std::string_view blame_text(Blame blame) {
  switch (blame) {
    case Blame::kClient: return "client";
    case Blame::kFunction: return "function";
    case Blame::kOperator: return "operator";
    case Blame::kPlatform: return "platform";
  }
  return "platform";
}

std::string Error::text() const {
  const ErrorInfo& info = error_info(code);
  if (detail.empty()) return fmt::format("{}: {}", error_code_text(code), info.title);
  return fmt::format("{}: {}: {}", error_code_text(code), info.title, detail);
}

std::string_view Error::next_step() const {
  return hint.empty() ? error_info(code).next_step : std::string_view(hint);
}

std::string errno_text() { return errno_text(errno); }

std::string errno_text(int error_number) {
  std::array<char, 128> buffer{};
  // The GNU form: returns the text, which may or may not stand in the buffer.
  return strerror_r(error_number, buffer.data(), buffer.size());
}

}  // namespace godwit
