#include <algorithm>

#include "manifest/settings.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxContentTypeBytes = 256;

// RFC 9110 section 5.6.2.
bool is_token_character(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool take_token(std::string_view& text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_token_character);
  const auto length = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(length);
  return length != 0;
}

bool take(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

void skip_space(std::string_view& text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
}

// RFC 9110 section 5.6.4, ASCII only.
bool take_quoted(std::string_view& text) {
  if (!take(text, '"')) return false;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return true;
    if (c == '\\') {
      if (text.empty()) return false;
      text.remove_prefix(1);
    }
  }
  return false;
}

}  // namespace

bool is_content_type(std::string_view text) {
  if (text.size() > kMaxContentTypeBytes) return false;
  if (!std::all_of(text.begin(), text.end(),
                   [](char c) { return c == '\t' || (c >= 0x20 && c <= 0x7E); })) {
    return false;
  }
  if (!take_token(text) || !take(text, '/') || !take_token(text)) return false;
  while (!text.empty()) {
    skip_space(text);
    if (!take(text, ';')) return false;
    skip_space(text);
    if (!take_token(text) || !take(text, '=')) return false;
    if (!(text.starts_with('"') ? take_quoted(text) : take_token(text))) return false;
  }
  return true;
}

}  // namespace godwit::manifest
