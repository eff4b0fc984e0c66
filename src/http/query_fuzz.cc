// Any bytes as a query and as a path: what is accepted keeps the promises of query.h.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "http/query.h"

namespace {

using namespace godwit;
using namespace godwit::http;

void check_text(std::string_view text) {
  CHECK(is_utf8(text));
  CHECK(text.find('\0') == std::string_view::npos);
}

void check_query(std::string_view query) {
  QueryReader reader(query);
  std::string scratch;
  std::size_t covered = 0;
  while (const auto parameter = reader.next()) {
    covered += parameter->name.size() + parameter->value.size() + (parameter->has_value ? 1 : 0);
    CHECK(parameter->name.find('&') == std::string_view::npos);
    CHECK(parameter->name.find('=') == std::string_view::npos);
    if (const auto value = decode_query(parameter->value, scratch)) {
      check_text(*value);
      CHECK(value->size() <= parameter->value.size(), value->size());
    }
  }
  const auto separators = static_cast<std::size_t>(std::count(query.begin(), query.end(), '&'));
  CHECK(covered + separators == query.size(), covered, separators, query.size());
}

void check_path(std::string_view raw) {
  std::string scratch;
  if (const auto lenient = decode_path(raw, scratch, EncodedSlash::kDecoded)) {
    check_text(*lenient);
    CHECK((std::string(*lenient) + "/").find("/../") == std::string::npos, *lenient);
  }
  const auto path = decode_path(raw, scratch);
  if (!path) return;
  check_text(*path);
  const std::string closed = std::string(*path) + "/";
  CHECK(closed.starts_with('/'));
  CHECK(closed.find("/../") == std::string::npos, closed);
  CHECK(closed.find("/./") == std::string::npos, closed);
  CHECK(std::count(path->begin(), path->end(), '/') == std::count(raw.begin(), raw.end(), '/'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_query(input);
  check_path(input);
  check_path("/" + std::string(input));
  return 0;
}
