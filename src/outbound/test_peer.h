// For tests: an HTTP server on loopback that does what a test says, byte by byte; one thread a
// connection, each of which gives up after a while.
//
//   TestPeer peer([](TestConnection& connection) {
//     connection.read_head();
//     connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
//   });
//   get("http://127.0.0.1:" + std::to_string(peer.port()));
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"

struct ssl_ctx_st;
struct ssl_st;

namespace godwit::outbound {

class TestConnection final {
 public:
  TestConnection(Fd socket, ssl_ctx_st* tls);
  ~TestConnection();
  TestConnection(const TestConnection&) = delete;
  TestConnection& operator=(const TestConnection&) = delete;

  // False: TLS did not come about.
  bool ready() const { return ready_; }
  // Up to the empty line; empty: the client has gone.
  std::string read_head();
  std::string read_bytes(std::size_t count);
  // A chunked body with its trailers, as sent.
  std::string read_chunked();
  // Until the client goes away.
  void read_to_end();
  // False: it went away.
  bool write(std::string_view text);
  // Ends with a reset instead of an end.
  void reset();

 private:
  bool fill();

  Fd socket_;
  ssl_st* tls_ = nullptr;
  bool ready_ = true;
  std::string buffer_;
};

class TestPeer final {
 public:
  using Script = std::function<void(TestConnection&)>;

  // `tls` must outlive it; null: plain.
  explicit TestPeer(Script script, ssl_ctx_st* tls = nullptr);
  ~TestPeer();
  TestPeer(const TestPeer&) = delete;
  TestPeer& operator=(const TestPeer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view scheme = "http", std::string_view host = "127.0.0.1") const;
  // Connections so far.
  int connections() const { return connections_; }

 private:
  void run();

  const Script script_;
  ssl_ctx_st* const tls_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A certificate authority made on the spot, and a server's certificate by it.
class TestTls final {
 public:
  enum class Flaw : std::uint8_t { kNone, kOtherName, kExpired, kSelfSigned };
  // For `name` and 127.0.0.1. `http2`: it is offered.
  explicit TestTls(const std::string& name, Flaw flaw = Flaw::kNone, bool http2 = false);
  ~TestTls();
  TestTls(const TestTls&) = delete;
  TestTls& operator=(const TestTls&) = delete;

  ssl_ctx_st* context() const { return context_; }
  const std::string& root_pem() const { return root_pem_; }

 private:
  ssl_ctx_st* context_ = nullptr;
  std::string root_pem_;
};

}  // namespace godwit::outbound
