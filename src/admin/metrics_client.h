// MetricsClient: one connection of the read-only HTTP side: reads one head, writes one reply, waits
// a moment for the client to close, and ends. Every step has a deadline.
//
// Belongs to the MetricsServer's thread. The server lists it until close(), in which every way
// ends; pending handlers hold it a little longer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "admin/metrics_pages.h"
#include "admin/metrics_server.h"
#include "http/parser.h"
#include "http/serializer.h"

namespace godwit::admin {

class MetricsClient final : public std::enable_shared_from_this<MetricsClient> {
 public:
  // The order in which clients go when there are too many.
  enum class Stage : std::uint8_t { kLinger, kHead, kReply, kClosed };

  MetricsClient(boost::asio::ip::tcp::socket socket, MetricsPages& pages,
                const MetricsServerLimits& limits);

  void begin();
  void close();
  Stage stage() const { return stage_; }
  bool late(TimePoint now) const { return now >= deadline_; }

 private:
  void read();
  void on_read(std::size_t size);
  void send(MetricsReply reply, http::Version version, bool head_request);
  void linger();

  boost::asio::ip::tcp::socket socket_;
  MetricsPages& pages_;
  const MetricsServerLimits& limits_;
  http::Parser parser_;
  Stage stage_ = Stage::kHead;
  TimePoint deadline_;
  std::array<std::byte, 2048> buffer_;
  std::size_t dropped_bytes_ = 0;  // of what comes while lingering
  std::string head_;
  std::shared_ptr<const std::string> body_;
};

}  // namespace godwit::admin
