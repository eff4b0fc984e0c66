#include "cli/request_file.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "http/ascii.h"

namespace godwit::cli {
namespace {

// The next line without its ending; nothing when the text is over.
std::optional<std::string_view> take_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

struct Head {
  std::string text;  // lines with CRLF, without the empty one
  bool has_host = false;
  bool has_framing = false;
  bool old_version = false;
};

void add_field(Head& head, std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  head.has_host |= http::equals_ignoring_case(name, "host");
  head.has_framing |= http::equals_ignoring_case(name, "content-length") ||
                      http::equals_ignoring_case(name, "transfer-encoding");
  head.text.append(line).append("\r\n");
}

}  // namespace

std::string complete_request(std::string_view text) {
  Head head;
  std::optional<std::string_view> line = take_line(text);
  while (line && line->empty()) line = take_line(text);
  if (line) {
    head.text = *line;
    if (std::count(line->begin(), line->end(), ' ') == 1) head.text += " HTTP/1.1";
    head.old_version = head.text.ends_with("HTTP/1.0");
    head.text += "\r\n";
  }
  for (line = take_line(text); line && !line->empty(); line = take_line(text)) {
    add_field(head, *line);
  }
  if (!head.has_host && !head.old_version) head.text += "Host: localhost\r\n";
  // Empty lines at the end of a file are the editor's.
  const bool has_body = text.find_first_not_of("\r\n") != std::string_view::npos;
  if (!has_body && !head.has_framing) text = {};
  if (has_body && !head.has_framing) {
    head.text += fmt::format("Content-Length: {}\r\n", text.size());
  }
  return head.text.append("\r\n").append(text);
}

Result<std::unique_ptr<RequestFile>> RequestFile::parse(std::string_view text,
                                                        std::uint64_t body_bytes_max) {
  std::unique_ptr<RequestFile> file(new RequestFile);
  file->bytes_ = complete_request(text);
  if (auto read = file->read(body_bytes_max); !read) return fail(std::move(read.error()));
  return file;
}

Result<void> RequestFile::read(std::uint64_t body_bytes_max) {
  ByteSpan input = as_bytes(bytes_);
  while (true) {
    const http::Parser::Step step = parser_.feed(input);
    input = input.subspan(step.consumed);
    switch (step.event) {
      case http::Event::kHead:
        if (parser_.request().expectation == http::Expectation::kUnsupported) {
          return fail(ErrorCode::kExpectationFailed);
        }
        break;
      case http::Event::kBody:
        if (step.body.size() > body_bytes_max - body_.size()) {
          return fail(ErrorCode::kRequestBodyTooLarge);
        }
        body_ += as_text(step.body);
        break;
      case http::Event::kComplete:
        if (input.empty()) return {};
        return fail(ErrorCode::kBadRequest,
                    fmt::format("{} bytes follow the request", input.size()));
      case http::Event::kNeedMore:
        return fail(ErrorCode::kBadRequest, "the file ends before the request does");
      case http::Event::kError: return fail(parser_.error());
    }
  }
}

}  // namespace godwit::cli
