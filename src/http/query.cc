#include "http/query.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "base/bytes.h"
#include "http/ascii.h"

namespace godwit::http {
namespace {

enum class PlusSign : std::uint8_t { kLiteral, kSpace };

struct DecodeRules {
  PlusSign plus = PlusSign::kLiteral;
  ErrorCode error = ErrorCode::kBadQuery;
};

Result<void> decode_escapes(std::string_view raw, DecodeRules rules, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '+' && rules.plus == PlusSign::kSpace) {
      out += ' ';
    } else if (raw[i] != '%') {
      out += raw[i];
    } else {
      const int high = raw.size() - i > 2 ? hex_value(raw[i + 1]) : -1;
      const int low = raw.size() - i > 2 ? hex_value(raw[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(rules.error, fmt::format("malformed percent-escape at offset {}", i));
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return {};
}

// Decodes where there is something to decode, and refuses what neither a variable nor a file name
// can hold.
Result<std::string_view> decode(std::string_view raw, DecodeRules rules, std::string& scratch) {
  const std::string_view encoded = rules.plus == PlusSign::kSpace ? "%+" : "%";
  std::string_view text = raw;
  if (raw.find_first_of(encoded) != std::string_view::npos) {
    if (auto done = decode_escapes(raw, rules, scratch); !done) {
      return fail(std::move(done.error()));
    }
    text = scratch;
  }
  if (text.find('\0') != std::string_view::npos) return fail(rules.error, "a NUL byte");
  if (!is_utf8(text)) return fail(rules.error, "not valid UTF-8");
  return text;
}

bool has_encoded_slash(std::string_view raw) {
  for (std::size_t i = raw.find('%'); i < raw.size(); i = raw.find('%', i + 1)) {
    if (raw.size() - i > 2 && raw[i + 1] == '2' && to_lower(raw[i + 2]) == 'f') return true;
  }
  return false;
}

bool has_dot_segment(std::string_view path) {
  for (std::size_t slash = 0; slash < path.size();) {
    const std::size_t start = slash + 1;
    slash = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, slash - start);
    if (segment == "." || segment == "..") return true;
  }
  return false;
}

}  // namespace

std::optional<QueryParameter> QueryReader::next() {
  while (!rest_.empty()) {
    const std::string_view pair = rest_.substr(0, rest_.find('&'));
    rest_.remove_prefix(std::min(pair.size() + 1, rest_.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return QueryParameter{pair, {}, false};
    return QueryParameter{pair.substr(0, equals), pair.substr(equals + 1), true};
  }
  return std::nullopt;
}

Result<std::string_view> decode_query(std::string_view raw, std::string& scratch) {
  return decode(raw, {PlusSign::kSpace, ErrorCode::kBadQuery}, scratch);
}

Result<std::string_view> decode_path(std::string_view raw, std::string& scratch,
                                     EncodedSlash slash) {
  if (!raw.starts_with('/')) return fail(ErrorCode::kBadPath, "the path does not begin with /");
  if (slash == EncodedSlash::kRefused && has_encoded_slash(raw)) {
    return fail(ErrorCode::kBadPath, "an encoded slash (%2F)");
  }
  auto path = decode(raw, {PlusSign::kLiteral, ErrorCode::kBadPath}, scratch);
  if (path && has_dot_segment(*path)) return fail(ErrorCode::kBadPath, "a . or .. segment");
  return path;
}

}  // namespace godwit::http
