#include "http/serializer.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"
#include "http/ascii.h"

namespace godwit::http {
namespace {

void append_number(std::string& out, std::uint64_t number, int base) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_status_line(std::string& out, int status) {
  // The version is ours, not the request's (RFC 9112 section 2.3).
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(status), 10);
  out += ' ';
  out += reason_phrase(status);
  out += "\r\n";
}

Result<void> check_head(const ResponseHead& head) {
  if (head.status < 200 || head.status > 599) {
    return fail(ErrorCode::kInternal, fmt::format("response status {}", head.status));
  }
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    const Field& field = head.fields[i];
    if (!is_token(field.name)) {
      return fail(ErrorCode::kInternal, fmt::format("response field {}: invalid name", i + 1));
    }
    if (!is_field_value(field.value)) {
      return fail(ErrorCode::kInternal,
                  fmt::format("response field {}: invalid value", field.name));
    }
  }
  return {};
}

ResponseFraming choose_framing(int status, const ResponseOptions& options) {
  ResponseFraming framing{BodyFraming::kNone, options.keep_alive};
  if (options.head_request || status_has_no_body(status) || status == 205) return framing;
  if (options.content_length) {
    framing.body = BodyFraming::kContentLength;
  } else if (options.version == Version::kHttp11) {
    framing.body = BodyFraming::kChunked;
  } else {
    framing = {BodyFraming::kUntilClose, false};
  }
  return framing;
}

void append_framing(std::string& out, int status, const ResponseOptions& options,
                    const ResponseFraming& framing) {
  if (status == 205) {
    append_field(out, "Content-Length", "0");  // RFC 9110 section 15.3.6
  } else if (framing.body == BodyFraming::kChunked) {
    append_field(out, "Transfer-Encoding", "chunked");
  } else if (options.content_length && !status_has_no_body(status)) {
    // For HEAD too: it says what GET would have got.
    out += "Content-Length: ";
    append_number(out, *options.content_length, 10);
    out += "\r\n";
  }
  if (!framing.keep_alive) {
    append_field(out, "Connection", "close");
  } else if (options.version == Version::kHttp10) {
    append_field(out, "Connection", "keep-alive");
  }
}

}  // namespace

std::string_view DateCache::now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return at(time.tv_sec);
}

std::string_view DateCache::at(std::time_t time) {
  if (time != time_) {
    static constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
    static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    std::tm parts{};
    CHECK(time >= 0 && gmtime_r(&time, &parts) != nullptr && parts.tm_year <= 9999 - 1900, time);
    // Not strftime: that one asks the locale.
    const auto written = fmt::format_to_n(
        text_.data(), text_.size(), "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        kDays.substr(static_cast<std::size_t>(parts.tm_wday) * 3, 3), parts.tm_mday,
        kMonths.substr(static_cast<std::size_t>(parts.tm_mon) * 3, 3), parts.tm_year + 1900,
        parts.tm_hour, parts.tm_min, parts.tm_sec);
    CHECK(written.size == text_.size(), written.size);
    time_ = time;
  }
  return {text_.data(), text_.size()};
}

Result<ResponseFraming> append_response_head(std::string& out, const ResponseHead& head,
                                             const ResponseOptions& options, DateCache& dates) {
  if (auto valid = check_head(head); !valid) return fail(std::move(valid.error()));
  const ResponseFraming framing = choose_framing(head.status, options);
  append_status_line(out, head.status);
  bool has_date = false;
  for (const Field& field : head.fields) {
    if (is_connection_field(field.name)) continue;
    if (equals_ignoring_case(field.name, "Date")) has_date = true;
    append_field(out, field.name, field.value);
  }
  if (!has_date) append_field(out, "Date", dates.now());
  append_framing(out, head.status, options, framing);
  out += "\r\n";
  return framing;
}

void append_chunk_head(std::string& out, std::size_t size) {
  CHECK(size > 0);
  append_number(out, size, 16);
  out += "\r\n";
}

void append_last_chunk(std::string& out, const Fields& trailers) {
  out += "0\r\n";
  for (const Field& field : trailers) {
    if (is_forbidden_trailer(field.name)) continue;
    out += field.name;
    out += ": ";
    out += field.value;
    out += "\r\n";
  }
  out += "\r\n";
}

}  // namespace godwit::http
