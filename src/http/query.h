// The query's parameters and the decoding of percent-escapes, without allocation where nothing is
// escaped.
//
//   QueryReader reader(request.query);
//   while (auto parameter = reader.next()) {
//     auto name = decode_query(parameter->name, name_scratch);   // Result<std::string_view>
//     auto value = decode_query(parameter->value, value_scratch);
//   }
//   auto path = decode_path(request.path, path_scratch);
//
// Pure functions; a QueryReader belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace godwit::http {

// Both raw: not decoded.
struct QueryParameter {
  std::string_view name;   // before the first '=', all of it when there is none
  std::string_view value;  // after it
  bool has_value = false;  // there was a '='
};

// The `k=v` pairs between '&' (not ';'), in order, duplicates kept; empty ones ("a=1&&b=2") are
// left out.
class QueryReader final {
 public:
  explicit QueryReader(std::string_view query) : rest_(query) {}
  std::optional<QueryParameter> next();

 private:
  std::string_view rest_;
};

// Decodes "%xx" and '+' (a space). Returns `raw` itself when nothing is encoded, else a view of
// `scratch`, which is replaced; it is valid until `scratch` or `raw` changes.
// Errors: kBadQuery for a malformed escape, for NUL (encoded or not) and for what is not UTF-8.
Result<std::string_view> decode_query(std::string_view raw, std::string& scratch);

// What becomes of %2F in a path. Who lets it be decoded keeps segments apart by the raw text.
enum class EncodedSlash : std::uint8_t { kRefused, kDecoded };

// Decodes the "%xx" of a request's path ('+' is literal). The view is as for decode_query().
// Errors: kBadPath for
//   - a path that does not begin with '/',
//   - a malformed escape, NUL, what is not UTF-8 after decoding,
//   - a segment "." or "..", however it is encoded: clients resolve those themselves (RFC 3986
//     section 5.2.4), so one that arrives is an attempt to leave a folder,
//   - an encoded slash (%2F) when it is refused: it would be one segment to the router and two to
//     the function. When it is decoded it may not make a dot segment either ("a%2F..").
// Empty segments ("//") and a backslash are literal.
Result<std::string_view> decode_path(std::string_view raw, std::string& scratch,
                                     EncodedSlash slash = EncodedSlash::kRefused);

}  // namespace godwit::http
