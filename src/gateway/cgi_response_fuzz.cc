// Any bytes as the output of a function in `response = "cgi"` mode: what is accepted can be sent,
// and how the output is cut into pieces changes nothing.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "gateway/cgi_response.h"
#include "http/ascii.h"
#include "http/serializer.h"

namespace {

using namespace godwit;
using namespace godwit::gateway;

// The serializer must be able to send it, and the client must see one head.
void check_head(const http::ResponseHead& head) {
  CHECK(head.status >= 200 && head.status <= 599, head.status);
  for (const http::Field& field : head.fields) {
    CHECK(http::is_token(field.name) && http::is_field_value(field.value));
    CHECK(!http::is_connection_field(field.name), field.name);
    CHECK(!http::equals_ignoring_case(field.name, "status"));
  }
  CHECK(head.fields.count("content-type") <= 1 && head.fields.count("location") <= 1);
  http::DateCache dates;
  std::string out;
  CHECK(http::append_response_head(out, head, {.content_length = 0}, dates).has_value());
  CHECK(out.find("\r\n\r\n") == out.size() - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  http::ResponseHead head;
  const auto ended = parse_cgi_header(text, OutputState::kEnded, head);
  if (!ended) {
    CHECK(ended.error().code == ErrorCode::kBadCgiResponse);
    return 0;
  }
  CHECK(ended->has_value());  // what has ended is whole or wrong
  const std::size_t offset = (*ended)->body_offset;
  CHECK(offset >= 2 && offset <= text.size() && offset <= kMaxCgiHeaderBytes, offset);
  CHECK(text[offset - 1] == '\n');
  check_head(head);

  const int status = head.status;
  const std::size_t fields = head.fields.size();
  // The block alone says the same; anything shorter is not whole yet, but not wrong either.
  const auto alone = parse_cgi_header(text.substr(0, offset), OutputState::kMore, head);
  CHECK(alone.has_value() && alone->has_value() && (*alone)->body_offset == offset);
  CHECK(head.status == status && head.fields.size() == fields);
  for (const std::size_t part : {offset - 1, offset / 2, std::size_t{1}}) {
    if (part >= offset) continue;
    const auto cut = parse_cgi_header(text.substr(0, part), OutputState::kMore, head);
    CHECK(cut.has_value() && !cut->has_value(), part);
  }
  return 0;
}
