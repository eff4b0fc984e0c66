// For tests: a blocking HTTP client that shows what came over the wire, and can misbehave.
//
//   Client client(server.address());
//   client.send("GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
//   const Reply reply = client.read();        // one response
//   EXPECT_EQ(reply.body, "hello");
//
// One thread each. Every read gives up after kPatience, so that a test fails instead of hanging.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"
#include "server/listener.h"

namespace godwit::server::test {

inline constexpr int kPatienceSeconds = 20;

struct Reply {
  int status = 0;         // 0: the connection ended before a head
  std::string head;       // with its empty line
  std::string body;       // without chunk framing
  bool complete = false;  // as the framing says; a body that ends with the connection is complete
  bool chunked = false;

  bool has(std::string_view line) const {  // "Content-Length: 5"
    return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
};

class Client final {
 public:
  explicit Client(const ListenAddress& address) : Client(address, 0) {}
  // With a small receive buffer the server's socket is soon full.
  Client(const ListenAddress& address, int receive_buffer_bytes) {
    fd_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer_bytes > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof(receive_buffer_bytes));
    }
    connect(address);
  }
  // A socket that exists already, for tests that run out of descriptors.
  Client(const ListenAddress& address, Fd socket) : fd_(std::move(socket)) { connect(address); }

  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }

  // False when the connection broke.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void get(std::string_view target) {
    send("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  // The connection is gone at once, the other side gets a reset.
  void reset() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    fd_.reset();
  }
  void close() { fd_.reset(); }

  // One response; to a HEAD request there is no body.
  Reply read(std::string_view method = "GET") {
    Reply reply;
    if (!read_head(reply)) return reply;
    if (reply.status == 100) {
      reply.complete = true;
      return reply;
    }
    const bool no_body = method == "HEAD" || reply.status == 204 || reply.status == 304;
    const std::size_t at = reply.head.find("\r\nContent-Length: ");
    reply.chunked = reply.has("Transfer-Encoding: chunked");
    if (no_body) {
      reply.complete = true;
    } else if (reply.chunked) {
      read_chunks(reply);
    } else if (at != std::string::npos) {
      read_exactly(std::stoull(reply.head.substr(at + 18)), reply);
    } else {
      reply.body = read_to_end();
      reply.complete = last_error_ == 0;
    }
    return reply;
  }
  // All that comes until the server closes.
  std::string read_to_end() {
    while (more()) {
    }
    return std::exchange(buffer_, {});
  }
  // Did the server close without (further) bytes? Waits for it.
  bool at_end() { return buffer_.empty() && !more(); }
  // At least so many bytes have arrived.
  bool wait_for(std::size_t size) {
    while (buffer_.size() < size) {
      if (!more()) return false;
    }
    return true;
  }
  std::string take_buffer() { return std::exchange(buffer_, {}); }
  // errno of the last read: 0 for an orderly end.
  int last_error() const { return last_error_; }

 private:
  void connect(const ListenAddress& address) {
    const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
    if (!fd_.valid()) return;
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
  }
  bool more() {
    char bytes[16384];
    const ssize_t got = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
    last_error_ = got < 0 ? errno : 0;
    if (last_error_ == EAGAIN) ADD_FAILURE() << "the server said nothing for too long";
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  bool read_head(Reply& reply) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return false;
    }
    reply.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    if (reply.head.starts_with("HTTP/1.1 ")) reply.status = std::atoi(reply.head.c_str() + 9);
    return true;
  }
  void read_exactly(std::size_t size, Reply& reply) {
    reply.complete = wait_for(size);
    reply.body = buffer_.substr(0, size);
    buffer_.erase(0, reply.body.size());
  }
  void read_chunks(Reply& reply) {
    while (true) {
      std::size_t end = 0;
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!more()) return;
      }
      const std::size_t size = std::stoull(buffer_.substr(0, end), nullptr, 16);
      const bool whole = wait_for(end + 2 + size + 2);
      const std::size_t got = std::min(size, buffer_.size() - end - 2);
      reply.body += buffer_.substr(end + 2, got);
      if (!whole) return;
      EXPECT_EQ(buffer_.substr(end + 2 + size, 2), "\r\n") << "a chunk has another size";
      buffer_.erase(0, end + 2 + size + 2);
      if (size == 0) {
        reply.complete = true;
        return;
      }
    }
  }

  Fd fd_;
  bool connected_ = false;
  int last_error_ = 0;
  std::string buffer_;
};

}  // namespace godwit::server::test
