// CHECK(condition, operands…): a broken invariant of Godwit itself. Always on; prints the place,
// the condition and the operands to stderr and aborts. Never for input: bad input is a Result.
#pragma once

#include <string>

#include <fmt/format.h>

namespace godwit::detail {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& operands);

template <class... Operands>
std::string format_operands(const Operands&... operands) {
  std::string text;
  ((text += fmt::format("{} ", operands)), ...);
  return text;
}

}  // namespace godwit::detail

#define CHECK(condition, ...)                                                         \
  do {                                                                                \
    if (!(condition)) [[unlikely]] {                                                  \
      ::godwit::detail::check_failed(__FILE__, __LINE__, #condition,                  \
                                     ::godwit::detail::format_operands(__VA_ARGS__)); \
    }                                                                                 \
  } while (false)
