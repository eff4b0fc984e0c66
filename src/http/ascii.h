// The character rules of RFC 9110 section 5 and RFC 3986, and case-insensitive comparison. All of
// it is ASCII whatever the locale says. Pure functions.
#pragma once

#include <string_view>

namespace godwit::http {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_alpha(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }
// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A character of a token (RFC 9110 section 5.6.2): methods, field names, codings.
bool is_token_char(char c);
// At least one character, all of them token characters.
bool is_token(std::string_view text);
// A field value that is safe to send or keep: HTAB, SP, visible ASCII and obs-text, no other
// controls (so no CR, LF or NUL), no whitespace around it. Empty is a value.
bool is_field_value(std::string_view text);

bool equals_ignoring_case(std::string_view a, std::string_view b);
// Without SP and HTAB around it (OWS).
std::string_view trim_ows(std::string_view text);

}  // namespace godwit::http
