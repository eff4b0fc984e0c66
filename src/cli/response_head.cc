#include "cli/response_head.h"

#include <array>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "gateway/guest_streams.h"

namespace godwit::cli {
namespace {

// The oldest output, contiguous.
std::string beginning(const http::BodyPipe& output, std::size_t max_bytes) {
  std::array<ByteSpan, 8> spans;
  const std::size_t count = output.peek(spans);
  std::string text;
  for (std::size_t i = 0; i < count && text.size() < max_bytes; ++i) {
    text += as_text(spans[i]).substr(0, max_bytes - text.size());
  }
  return text;
}

std::string_view guessed_type(std::string_view text, bool cut) {
  const std::size_t valid = utf8_prefix(text);
  const bool utf8 = valid == text.size() || (cut && text.size() - valid < 4);
  return utf8 ? "text/plain; charset=utf-8" : "application/octet-stream";
}

}  // namespace

Result<std::optional<http::ResponseHead>> response_head(const manifest::FunctionSpec& spec,
                                                        http::BodyPipe& output,
                                                        gateway::OutputState state) {
  http::ResponseHead head;
  if (spec.response == manifest::ResponseMode::kCgi) {
    const std::string text = beginning(output, gateway::kMaxCgiHeaderBytes);
    auto header = gateway::parse_cgi_header(text, state, head);
    if (!header) return fail(std::move(header.error()));
    if (!header->has_value()) return std::optional<http::ResponseHead>();
    output.consume((*header)->body_offset);
    head.fields.remove("x-request-id");  // the id is ours
    return std::optional<http::ResponseHead>(std::move(head));
  }
  std::string_view type = spec.content_type;
  if (type.empty()) {
    const std::string text = beginning(output, gateway::GuestOutput::kHeadBytes);
    const bool cut = state == gateway::OutputState::kMore || text.size() < output.size();
    type = guessed_type(text, cut);
  }
  const bool added = head.fields.append("Content-Type", type);
  CHECK(added, type);
  return std::optional<http::ResponseHead>(std::move(head));
}

}  // namespace godwit::cli
