// The ceiling: what a bare epoll loop answers on this machine. It reads until an empty line, and
// writes one fixed response with the fields and the 14 bytes of body that Godwit's greeting has. It
// does nothing else that a server must do, so no server can be faster with the same system calls:
// one epoll_wait for the ready connections, one recv and one send for each request.
//
//   epoll_responder [THREADS]      prints `ready http://127.0.0.1:PORT`, runs until SIGTERM
//
// One thread a core, each with its own listening socket (SO_REUSEPORT) and epoll, as in Godwit.
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 14\r\n"
    "x-request-id: 0123456789abcdef0123456789abcdef\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "\r\n"
    "Hello, World!\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr unsigned kMaxThreads = 256;
constexpr std::size_t kMaxFds = 65536;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "epoll_responder: %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

// A listening socket on 127.0.0.1:port; 0 lets the system choose.
int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) die("SO_REUSEPORT");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
  if (::listen(fd, SOMAXCONN) != 0) die("listen");
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) die("getsockname");
  return ntohs(address.sin_port);
}

class Loop final {
 public:
  explicit Loop(int listener) : listener_(listener), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) die("epoll_create1");
    watch(listener_);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 128> events{};
    while (true) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (!serve(fd)) {
          ::close(fd);
        }
      }
    }
  }

 private:
  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      if (static_cast<std::size_t>(fd) >= kMaxFds) {
        ::close(fd);
        continue;
      }
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      matched_[static_cast<std::size_t>(fd)] = 0;
      watch(fd);
    }
  }

  // Answers each head that ends in what has arrived. False: close the connection.
  bool serve(int fd) {
    std::array<char, 4096> buffer;
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    std::uint8_t& matched = matched_[static_cast<std::size_t>(fd)];
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(size))) {
      if (c == kHeadEnd[matched]) {
        ++matched;
      } else {
        matched = c == '\r' ? 1 : 0;
      }
      if (matched < kHeadEnd.size()) continue;
      matched = 0;
      // A response fits any socket buffer; a client that reads none of them is not answered.
      const ssize_t sent = ::send(fd, kResponse.data(), kResponse.size(), MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(kResponse.size())) return false;
    }
    return true;
  }

  const int listener_;
  const int epoll_;
  // By file descriptor: how many bytes of kHeadEnd were seen last.
  std::vector<std::uint8_t> matched_ = std::vector<std::uint8_t>(kMaxFds);
};

}  // namespace

int main(int argc, char** argv) {
  unsigned threads = std::thread::hardware_concurrency();
  if (argc > 1) {
    const std::string_view text = argv[1];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
    if (error != std::errc{} || end != text.data() + text.size()) threads = 0;
  }
  if (argc > 2 || threads == 0 || threads > kMaxThreads) {
    std::fprintf(stderr, "usage: epoll_responder [THREADS]\n");
    return 2;
  }
  std::vector<int> listeners = {listen_on(0)};
  const std::uint16_t port = port_of(listeners[0]);
  while (listeners.size() < threads) listeners.push_back(listen_on(port));
  std::vector<std::jthread> workers;
  for (const int listener : listeners) {
    workers.emplace_back([listener] { Loop(listener).run(); });
  }
  std::printf("ready http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
}
