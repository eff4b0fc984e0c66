#include "manifest/function_name.h"

#include <algorithm>

namespace godwit::manifest {
namespace {

// Not std::isalnum: that follows the locale.
bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_function_segment(std::string_view segment) {
  if (segment.empty() || segment.size() > kMaxSegmentBytes) return false;
  if (!is_alphanumeric(segment.front())) return false;
  return std::all_of(segment.begin(), segment.end(),
                     [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_function_name(std::string_view name) {
  for (std::size_t segments = 1; segments <= kMaxNameSegments; ++segments) {
    const std::size_t slash = name.find('/');
    if (!is_function_segment(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
  return false;
}

bool is_function_pattern(std::string_view pattern) {
  if (pattern == "*" || pattern == "/") return true;
  if (pattern.ends_with("/*")) pattern.remove_suffix(2);
  return is_function_name(pattern);
}

std::string_view exact_pattern(std::string_view name) { return name.empty() ? "/" : name; }

std::size_t pattern_rank(std::string_view pattern, std::string_view name) {
  if (pattern == exact_pattern(name)) return kExactRank;
  if (!pattern.ends_with('*')) return 0;
  pattern.remove_suffix(1);
  return name.starts_with(pattern) ? 1 + pattern.size() : 0;
}

}  // namespace godwit::manifest
