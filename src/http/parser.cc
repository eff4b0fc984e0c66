#include "http/parser.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <llhttp.h>

#include "base/check.h"
#include "http/ascii.h"
#include "http/head_rules.h"
#include "http/line_guard.h"

namespace godwit::http {
namespace {

// A head buffer that has grown beyond this is freed between requests.
constexpr std::size_t kKeptHeadBytes = std::size_t{16} << 10;
constexpr std::size_t kFirstHeadBytes = 1024;
// " HTTP/1.1" and CRLF, and the space before the target.
constexpr std::size_t kRequestLineExtraBytes = 12;
constexpr std::size_t kCrlfBytes = 2;

// "1a;name=value" → 26, and how many digits that were. At most 16 digits, less than 2^63.
struct ChunkSize {
  std::uint64_t bytes = 0;
  std::size_t digits = 0;
};

std::optional<ChunkSize> parse_chunk_size(std::string_view line) {
  ChunkSize size;
  while (size.digits < line.size() && hex_value(line[size.digits]) >= 0) {
    if (size.digits == 16) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(hex_value(line[size.digits]));
    size.bytes = (size.bytes << 4) | digit;
    ++size.digits;
  }
  if (size.digits == 0 || (size.bytes >> 63) != 0) return std::nullopt;
  if (size.digits < line.size() && line[size.digits] != ';') return std::nullopt;
  return size;
}

}  // namespace

// llhttp reads every byte of the message, but gets the head and every line whole and checked, and
// what it makes of them is compared with what we make of them: where the two differ the request
// is ambiguous, and so refused.
class Parser::Impl final {
 public:
  explicit Impl(ParserLimits limits)
      : limits_(limits), request_{.fields = Fields({limits.fields_count, limits.fields_bytes})} {
    llhttp_init(&llhttp_, HTTP_REQUEST, &settings());
    llhttp_.data = this;
  }

  Step feed(ByteSpan input) {
    std::string_view rest = as_text(input);
    body_ = {};
    while (true) {
      if (const std::optional<Event> event = advance(rest)) {
        return {input.size() - rest.size(), *event, as_bytes(body_)};
      }
    }
  }

  bool has_request() const { return state_ != State::kHead && state_ != State::kError; }
  bool failed() const { return state_ == State::kError; }
  bool complete() const { return state_ == State::kComplete; }
  bool idle() const { return state_ == State::kHead && head_.empty(); }
  const Request& request() const { return request_; }
  const Fields& trailers() const { return trailers_; }
  const Error& error() const { return error_; }
  std::uint64_t body_bytes() const { return body_bytes_; }
  std::size_t capacity_bytes() const { return head_.capacity() + line_.capacity(); }

  void restart() {
    llhttp_reset(&llhttp_);
    // swap, because assigning an empty string keeps the capacity.
    if (head_.capacity() > kKeptHeadBytes) std::string().swap(head_);
    head_.clear();
    line_.clear();
    guard_.reset();
    Fields fields = std::move(request_.fields);
    fields.clear();
    request_ = Request{.fields = std::move(fields)};
    message_ = Message();
    trailers_.clear();
    body_bytes_ = 0;
    state_ = State::kHead;
  }

 private:
  enum class State : std::uint8_t {
    kHead,
    kBodyStart,
    kLengthBody,
    kChunkLine,
    kChunkData,
    kChunkEnd,  // the CRLF after a chunk's bytes
    kTrailer,
    kComplete,
    kError,
  };

  // What is known of the message that is being read.
  struct Message {
    bool after_empty_line = false;       // the one CRLF that may come before a request
    bool in_fields = false;              // the request line is complete
    std::size_t section_bytes = 0;       // of the request line, the fields or the trailers so far
    std::size_t request_line_bytes = 0;  // without CRLF
    std::size_t lines = 0;               // fields or trailers so far
    std::size_t extension_bytes = 0;     // of all chunk lines so far
    std::uint64_t remaining_bytes = 0;   // of the body or the chunk
    // What llhttp said.
    std::string_view url;
    std::string_view name;
    std::string_view value;
    bool fields_full = false;
    bool nameless_field = false;
    bool chunked = false;
    std::uint64_t content_length = 0;
    std::size_t body_seen_bytes = 0;
    bool complete = false;
  };

  static Impl& self(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }
  static const llhttp_settings_t& settings();
  int on_field();

  std::optional<Event> advance(std::string_view& input) {
    switch (state_) {
      case State::kHead: return read_head(input);
      case State::kBodyStart: return start_body();
      case State::kLengthBody:
      case State::kChunkData: return read_data(input);
      case State::kChunkLine: return read_chunk_line(input);
      case State::kChunkEnd: return read_chunk_end(input);
      case State::kTrailer: return read_trailer(input);
      case State::kComplete: return Event::kComplete;
      case State::kError: return Event::kError;
    }
    return Event::kError;
  }

  Event refuse(Error error) {
    error_ = std::move(error);
    state_ = State::kError;
    return Event::kError;
  }
  Event refuse(ErrorCode code, std::string_view detail) {
    return refuse(Error{code, std::string(detail), {}});
  }
  Event refuse(std::string_view detail) { return refuse(ErrorCode::kBadRequest, detail); }

  std::optional<Event> read_head(std::string_view& input);
  std::optional<Event> end_head_line();
  Event finish_head();
  std::optional<Error> run_llhttp(std::string_view bytes);
  Error head_too_long() const;
  std::optional<Event> start_body();
  std::optional<Event> read_data(std::string_view& input);
  std::optional<Event> read_line(std::string_view& input, std::size_t max_bytes, Error too_long);
  std::optional<Event> read_chunk_line(std::string_view& input);
  std::optional<Event> read_chunk_end(std::string_view& input);
  std::optional<Event> read_trailer(std::string_view& input);
  void keep_trailer(std::size_t name_size);
  Event finish_message();

  const ParserLimits limits_;
  llhttp_t llhttp_;
  State state_ = State::kHead;
  LineGuard guard_;
  std::string head_;  // the whole head; every view of request_ points into it
  std::string line_;  // a chunk line or trailer that is not complete yet
  Fields trailers_;
  Message message_;
  Request request_;
  std::string_view body_;
  std::uint64_t body_bytes_ = 0;
  Error error_{ErrorCode::kBadRequest, {}, {}};
};

// --- llhttp
// ---------------------------------------------------------------------------------------

const llhttp_settings_t& Parser::Impl::settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_url = [](llhttp_t* parser, const char* at, std::size_t length) {
      self(parser).message_.url = {at, length};
      return 0;
    };
    made.on_header_field = [](llhttp_t* parser, const char* at, std::size_t length) {
      self(parser).message_.name = {at, length};
      self(parser).message_.value = {};
      return 0;
    };
    made.on_header_value = [](llhttp_t* parser, const char* at, std::size_t length) {
      self(parser).message_.value = {at, length};
      return 0;
    };
    made.on_header_value_complete = [](llhttp_t* parser) { return self(parser).on_field(); };
    made.on_headers_complete = [](llhttp_t* parser) {
      Message& message = self(parser).message_;
      message.chunked = (parser->flags & F_CHUNKED) != 0;
      message.content_length = parser->content_length;
      // An offer to change the protocol is not taken: the message is read as if it had none.
      parser->upgrade = 0;
      return 0;
    };
    made.on_body = [](llhttp_t* parser, const char*, std::size_t length) {
      self(parser).message_.body_seen_bytes += length;
      return 0;
    };
    made.on_message_complete = [](llhttp_t* parser) {
      self(parser).message_.complete = true;
      return 0;
    };
    return made;
  }();
  return kSettings;
}

int Parser::Impl::on_field() {
  // Trailers must not pass for fields (RFC 9110 section 6.5.1); keep_trailer() has them. llhttp
  // ends a field when it sees what comes after, so views into line_ would be stale here besides.
  if (state_ == State::kTrailer) return 0;
  if (message_.name.empty()) {
    message_.nameless_field = true;
    return -1;
  }
  if (request_.fields.append_view(message_.name, trim_ows(message_.value))) return 0;
  message_.fields_full = true;
  return -1;
}

std::optional<Error> Parser::Impl::run_llhttp(std::string_view bytes) {
  message_.body_seen_bytes = 0;
  const llhttp_errno_t result = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  if (result == HPE_OK) return std::nullopt;
  if (message_.fields_full) return Error{ErrorCode::kHeaderFieldsTooLarge, {}, {}};
  if (state_ == State::kHead && (result == HPE_INVALID_METHOD || result == HPE_INVALID_CONSTANT)) {
    // The request line is well-formed (read_request_line), so it is the method itself.
    return Error{ErrorCode::kMethodNotAllowed, "the method is not known", {}};
  }
  const char* const reason =
      message_.nameless_field ? "a field without a name" : llhttp_get_error_reason(&llhttp_);
  return Error{ErrorCode::kBadRequest, reason, {}};
}

// --- The head
// -------------------------------------------------------------------------------------

std::optional<Event> Parser::Impl::read_head(std::string_view& input) {
  if (head_.capacity() < kFirstHeadBytes) head_.reserve(kFirstHeadBytes);
  while (!input.empty()) {
    if (message_.in_fields && guard_.at_start() && (input[0] == ' ' || input[0] == '\t')) {
      return refuse("a field line begins with white space (obs-fold)");
    }
    const std::size_t max_bytes =
        message_.in_fields ? limits_.fields_bytes + kCrlfBytes
                           : limits_.method_bytes + limits_.target_bytes + kRequestLineExtraBytes;
    const std::size_t left = max_bytes - message_.section_bytes;
    if (left == 0) return refuse(head_too_long());
    const LineGuard::Scan scan = guard_.scan(input.substr(0, left));
    head_.append(input.substr(0, scan.consumed));
    message_.section_bytes += scan.consumed;
    input.remove_prefix(scan.consumed);
    if (scan.end == LineEnd::kBadByte) return refuse("a control character, or a line without CRLF");
    if (scan.end == LineEnd::kLine) {
      if (const std::optional<Event> event = end_head_line()) return event;
    }
  }
  return Event::kNeedMore;
}

Error Parser::Impl::head_too_long() const {
  if (message_.in_fields) return {ErrorCode::kHeaderFieldsTooLarge, {}, {}};
  if (head_.find(' ') > limits_.method_bytes) {
    return {ErrorCode::kBadRequest, "the method is too long", {}};
  }
  return {ErrorCode::kTargetTooLong, {}, {}};
}

std::optional<Event> Parser::Impl::end_head_line() {
  const bool empty = guard_.line_bytes() == 0;
  if (message_.in_fields) {
    if (empty) return finish_head();
    if (++message_.lines > limits_.fields_count) {
      return refuse(ErrorCode::kHeaderFieldsTooLarge, "too many fields");
    }
    return std::nullopt;
  }
  if (empty) {
    // Old clients send a CRLF after a body that nothing announces (RFC 9112 section 2.2).
    if (message_.after_empty_line) return refuse("empty lines before the request");
    message_.after_empty_line = true;
    head_.clear();
  } else {
    message_.in_fields = true;
    message_.request_line_bytes = guard_.line_bytes();
  }
  message_.section_bytes = 0;
  return std::nullopt;
}

Event Parser::Impl::finish_head() {
  const std::string_view head = head_;
  const auto line = read_request_line(head.substr(0, message_.request_line_bytes),
                                      {limits_.method_bytes, limits_.target_bytes}, request_);
  if (!line) return refuse(line.error());
  if (const auto target = read_target(request_); !target) return refuse(target.error());
  if (auto error = run_llhttp(head)) return refuse(*std::move(error));
  if (const auto fields = read_fields(request_); !fields) return refuse(fields.error());
  const bool agreed = message_.url.data() == request_.target.data() &&
                      message_.url.size() == request_.target.size() &&
                      message_.chunked == request_.chunked &&
                      message_.content_length == request_.content_length.value_or(0) &&
                      message_.complete == !request_.has_body();
  if (!agreed) return refuse("the head is ambiguous");
  state_ = State::kBodyStart;
  return Event::kHead;
}

// --- The body
// -------------------------------------------------------------------------------------

std::optional<Event> Parser::Impl::start_body() {
  message_.section_bytes = 0;
  message_.lines = 0;
  guard_.reset();
  if (request_.chunked) {
    state_ = State::kChunkLine;
  } else if (request_.has_body()) {
    message_.remaining_bytes = *request_.content_length;
    state_ = State::kLengthBody;
  } else {
    return finish_message();
  }
  return std::nullopt;
}

Event Parser::Impl::finish_message() {
  if (!message_.complete) return refuse("the end of the message is ambiguous");
  state_ = State::kComplete;
  return Event::kComplete;
}

std::optional<Event> Parser::Impl::read_data(std::string_view& input) {
  if (message_.remaining_bytes == 0) {
    if (state_ == State::kLengthBody) return finish_message();
    state_ = State::kChunkEnd;
    return std::nullopt;
  }
  if (input.empty()) return Event::kNeedMore;
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), message_.remaining_bytes));
  body_ = input.substr(0, size);
  if (auto error = run_llhttp(body_)) return refuse(*std::move(error));
  if (message_.body_seen_bytes != size) return refuse("the length of the body is ambiguous");
  input.remove_prefix(size);
  message_.remaining_bytes -= size;
  body_bytes_ += size;
  return Event::kBody;
}

// Nothing when line_ holds a whole line with its CRLF.
std::optional<Event> Parser::Impl::read_line(std::string_view& input, std::size_t max_bytes,
                                             Error too_long) {
  while (!input.empty()) {
    const std::size_t left = max_bytes - line_.size();
    if (left == 0) return refuse(std::move(too_long));
    const LineGuard::Scan scan = guard_.scan(input.substr(0, left));
    line_.append(input.substr(0, scan.consumed));
    input.remove_prefix(scan.consumed);
    if (scan.end == LineEnd::kBadByte) return refuse("a control character, or a line without CRLF");
    if (scan.end == LineEnd::kLine) return std::nullopt;
  }
  return Event::kNeedMore;
}

std::optional<Event> Parser::Impl::read_chunk_line(std::string_view& input) {
  if (auto event = read_line(input, limits_.chunk_line_bytes + kCrlfBytes,
                             {ErrorCode::kBadRequest, "a chunk-size line is too long", {}})) {
    return event;
  }
  const std::string_view line = std::string_view(line_).substr(0, guard_.line_bytes());
  const std::optional<ChunkSize> size = parse_chunk_size(line);
  if (!size) return refuse("a chunk size is not valid");
  message_.extension_bytes += line.size() - size->digits;
  if (message_.extension_bytes > limits_.chunk_extension_bytes) {
    return refuse("the chunk extensions are too long");
  }
  // The extensions mean nothing to anyone here, and llhttp 8.1 refuses valid ones.
  line_.erase(size->digits, line.size() - size->digits);
  if (auto error = run_llhttp(line_)) return refuse(*std::move(error));
  line_.clear();
  message_.remaining_bytes = size->bytes;
  state_ = size->bytes == 0 ? State::kTrailer : State::kChunkData;
  return std::nullopt;
}

std::optional<Event> Parser::Impl::read_chunk_end(std::string_view& input) {
  if (auto event =
          read_line(input, kCrlfBytes,
                    {ErrorCode::kBadRequest, "a chunk is longer than its size says", {}})) {
    return event;
  }
  if (auto error = run_llhttp(line_)) return refuse(*std::move(error));
  line_.clear();
  state_ = State::kChunkLine;
  return std::nullopt;
}

std::optional<Event> Parser::Impl::read_trailer(std::string_view& input) {
  if (input.empty()) return Event::kNeedMore;
  if (guard_.at_start() && (input[0] == ' ' || input[0] == '\t')) {
    return refuse("a trailer line begins with white space (obs-fold)");
  }
  if (auto event = read_line(input, limits_.trailer_bytes + kCrlfBytes - message_.section_bytes,
                             {ErrorCode::kHeaderFieldsTooLarge, "the trailers are too long", {}})) {
    return event;
  }
  message_.section_bytes += line_.size();
  const bool last = guard_.line_bytes() == 0;
  if (!last && ++message_.lines > limits_.trailer_count) {
    return refuse(ErrorCode::kHeaderFieldsTooLarge, "too many trailers");
  }
  const std::string_view name = std::string_view(line_).substr(0, line_.find(':'));
  if (name.empty() || equals_ignoring_case(name, "content-length") ||
      equals_ignoring_case(name, "transfer-encoding")) {
    return refuse("a trailer without a name, or one that speaks of the framing");
  }
  if (auto error = run_llhttp(line_)) return refuse(*std::move(error));
  if (!last) keep_trailer(name.size());
  line_.clear();
  if (last) return finish_message();
  return std::nullopt;
}

// line_ is a trailer that llhttp has accepted.
void Parser::Impl::keep_trailer(std::size_t name_size) {
  std::string_view value = std::string_view(line_).substr(name_size + 1);
  while (value.ends_with('\r') || value.ends_with('\n')) value.remove_suffix(1);
  // The limits of the section are lower than those of Fields.
  const bool kept = trailers_.append(std::string_view(line_).substr(0, name_size), trim_ows(value));
  CHECK(kept, name_size);
}

// --- Parser
// ---------------------------------------------------------------------------------------

Parser::Parser(ParserLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
Parser::~Parser() = default;

Parser::Step Parser::feed(ByteSpan input) { return impl_->feed(input); }

const Fields& Parser::trailers() const { return impl_->trailers(); }

const Request& Parser::request() const {
  CHECK(impl_->has_request());
  return impl_->request();
}

const Error& Parser::error() const {
  CHECK(impl_->failed());
  return impl_->error();
}

void Parser::next() {
  CHECK(impl_->complete());
  impl_->restart();
}

void Parser::reset() { impl_->restart(); }
bool Parser::idle() const { return impl_->idle(); }
std::uint64_t Parser::body_bytes() const { return impl_->body_bytes(); }
std::size_t Parser::capacity_bytes() const { return impl_->capacity_bytes(); }

}  // namespace godwit::http
