#include "admin/metrics_client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "base/check.h"

namespace godwit::admin {
namespace {

using boost::system::error_code;

// A scraper's head has a few hundred bytes.
constexpr http::ParserLimits kParserLimits{
    .target_bytes = 1024, .fields_bytes = std::size_t{8} << 10, .fields_count = 50};
// What a client may send behind its request before it is cut off.
constexpr std::size_t kMaxDroppedBytes = std::size_t{64} << 10;

}  // namespace

MetricsClient::MetricsClient(boost::asio::ip::tcp::socket socket, MetricsPages& pages,
                             const MetricsServerLimits& limits)
    : socket_(std::move(socket)), pages_(pages), limits_(limits), parser_(kParserLimits) {}

void MetricsClient::begin() {
  deadline_ = monotonic_now() + limits_.head;
  error_code ignored;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  read();
}

void MetricsClient::close() {
  stage_ = Stage::kClosed;
  error_code ignored;
  socket_.close(ignored);
}

void MetricsClient::read() {
  socket_.async_read_some(boost::asio::buffer(buffer_),
                          [self = shared_from_this()](const error_code& error, std::size_t size) {
                            if (self->stage_ == Stage::kClosed) return;
                            if (error) return self->close();
                            self->on_read(size);
                          });
}

void MetricsClient::on_read(std::size_t size) {
  if (stage_ == Stage::kLinger) {
    dropped_bytes_ += size;
    return dropped_bytes_ > kMaxDroppedBytes ? close() : read();
  }
  const http::Parser::Step step = parser_.feed(ByteSpan(buffer_).first(size));
  switch (step.event) {
    case http::Event::kNeedMore: return read();
    case http::Event::kHead: {
      const http::Request& request = parser_.request();
      return send(pages_.reply(request), request.version, request.is_head());
    }
    default: return send(pages_.problem(parser_.error().code), http::Version::kHttp11, false);
  }
}

void MetricsClient::send(MetricsReply reply, http::Version version, bool head_request) {
  stage_ = Stage::kReply;
  deadline_ = monotonic_now() + limits_.reply;
  http::DateCache dates;
  const auto framing = http::append_response_head(head_, reply.head,
                                                  {.version = version,
                                                   .head_request = head_request,
                                                   .keep_alive = false,
                                                   .content_length = reply.body->size()},
                                                  dates);
  CHECK(framing.has_value(), framing.error().text());  // our own fields
  if (framing->body != http::BodyFraming::kNone) body_ = std::move(reply.body);
  const std::array<boost::asio::const_buffer, 2> buffers = {
      boost::asio::buffer(head_),
      body_ == nullptr ? boost::asio::const_buffer() : boost::asio::buffer(*body_)};
  boost::asio::async_write(socket_, buffers,
                           [self = shared_from_this()](const error_code& error, std::size_t) {
                             if (self->stage_ == Stage::kClosed) return;
                             if (error) return self->close();
                             self->linger();
                           });
}

// Closing with unread input would make the kernel reset the connection, and the client lose the
// answer (RFC 9112 section 9.6).
void MetricsClient::linger() {
  stage_ = Stage::kLinger;
  deadline_ = monotonic_now() + limits_.linger;
  body_.reset();
  error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  read();
}

}  // namespace godwit::admin
