#include "admin/metrics_server.h"

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace godwit::admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int kPatienceMs = 20'000;  // "lost", not "slow"

// What is told, and how often it was asked for.
class FakeSite final : public MetricsSite {
 public:
  std::string metrics(observe::ExpositionFormat format) override {
    ++pages;
    return format == observe::ExpositionFormat::kOpenMetrics ? open_metrics : prometheus;
  }
  Health live() override { return {.good = alive, .reason = "a worker has not turned for 12 s"}; }
  Health ready() override { return {.good = is_ready, .reason = "draining"}; }
  void beat() override { ++beats; }

  std::string prometheus = "metric 1\n";  // both: before the server starts
  std::string open_metrics = "metric 1\n# EOF\n";
  std::atomic<bool> alive{true};
  std::atomic<bool> is_ready{true};
  std::atomic<int> pages{0};
  std::atomic<int> beats{0};
};

class Client final {
 public:
  explicit Client(const sockaddr_in& address) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    connected_ =
        ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  bool connected() const { return connected_; }
  void send(std::string_view text) const {
    (void)!::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Everything until the server closes; what has come after kPatienceMs otherwise.
  std::string read_all() const {
    std::string all;
    std::array<char, 4096> buffer;
    while (readable(kPatienceMs)) {
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) return all;
      all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ADD_FAILURE() << "the connection was not closed";
    return all;
  }
  bool readable(int timeout_ms) const {
    pollfd poll{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, timeout_ms) == 1;
  }

 private:
  Fd fd_;
  bool connected_ = false;
};

class MetricsServerTest : public testing::Test {
 protected:
  void start(const MetricsServerLimits& limits = {}) { start(site_, limits); }
  void start(MetricsSite& site, const MetricsServerLimits& limits) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(socket.valid());
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address_), size), 0);
    ASSERT_EQ(::listen(socket.get(), 100), 0);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address_), &size);
    auto started = MetricsServer::start(std::move(socket), site, limits);
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
  }
  std::string ask(std::string_view text) {
    const Client client(address_);
    client.send(text);
    return client.read_all();
  }
  std::string get(std::string_view target) {
    return ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }

  FakeSite site_;
  sockaddr_in address_{};
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsServerTest, ThePages) {
  start();
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; "
                                          "version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(get("/metrics?x=1"), testing::EndsWith("\r\n\r\nmetric 1\n"));
  const std::string open =
      ask("GET /metrics HTTP/1.1\r\nHost: h\r\nAccept: application/openmetrics-text\r\n\r\n");
  EXPECT_THAT(open, HasSubstr("\r\nContent-Type: application/openmetrics-text; version=1.0.0; "));
  EXPECT_THAT(open, testing::EndsWith("\r\n\r\nmetric 1\n# EOF\n"));
  EXPECT_THAT(get("/healthz"), testing::EndsWith("\r\n\r\n{\"status\":\"ok\"}\n"));
  EXPECT_THAT(get("/readyz"), testing::EndsWith("\r\n\r\n{\"status\":\"ready\"}\n"));
  EXPECT_THAT(ask("GET /healthz HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, WhenItIsNotWell) {
  start();
  site_.is_ready = false;
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(get("/readyz"), HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_THAT(get("/readyz"),
              testing::EndsWith("{\"status\":\"not ready\",\"reason\":\"draining\"}\n"));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  site_.alive = false;
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(get("/healthz"), HasSubstr("\"failing\",\"reason\":\"a worker has not turned"));
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, HeadHasTheHeadOnly) {
  start();
  const std::string reply = ask("HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(reply, HasSubstr("\r\nContent-Length: 9\r\n"));
  EXPECT_THAT(reply, testing::EndsWith("\r\n\r\n"));
  EXPECT_THAT(ask("HEAD /no HTTP/1.1\r\nHost: h\r\n\r\n"), testing::EndsWith("\r\n\r\n"));
}

TEST_F(MetricsServerTest, EverythingElseIsAProblem) {
  start();
  const struct {
    const char* request;
    const char* status;
    const char* code;
  } rows[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "404", "E1008"},
      {"GET /metrics/ HTTP/1.1\r\nHost: h\r\n\r\n", "404", "E1008"},
      {"GET /%6detrics HTTP/1.1\r\nHost: h\r\n\r\n", "404", "E1008"},
      {"POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "404", "E1008"},
      {"POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456789", "405", "E1012"},
      {"DELETE /healthz HTTP/1.1\r\nHost: h\r\n\r\n", "405", "E1012"},
      {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "404", "E1008"},
      {"GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "413", "E1003"},
      {"GET /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "413", "E1003"},
      {"GET /metrics HTTP/1.1\r\n\r\n", "400", "E1001"},
      {"\x16\x03\x01 what is no HTTP\r\n\r\n", "400", "E1001"},
      {"GET /metrics HTTP/2.0\r\nHost: h\r\n\r\n", "505", "E1010"},
  };
  for (const auto& row : rows) {
    const std::string reply = ask(row.request);
    EXPECT_THAT(reply, StartsWith(std::string("HTTP/1.1 ") + row.status)) << row.request;
    EXPECT_THAT(reply, HasSubstr("\r\nContent-Type: application/problem+json\r\n"));
    EXPECT_THAT(reply, HasSubstr(std::string("\"code\":\"") + row.code)) << row.request;
    const bool names_methods = reply.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos;
    EXPECT_EQ(names_methods, std::string_view(row.status) == "405") << reply;
  }
  EXPECT_EQ(site_.pages, 0);
}

TEST_F(MetricsServerTest, HeadsAreBounded) {
  start();
  EXPECT_THAT(get("/" + std::string(5'000, 'a')), StartsWith("HTTP/1.1 414 "));
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'a')),
              StartsWith("HTTP/1.1 431 "));
}

// The request may come in any pieces; what comes behind it is dropped.
TEST_F(MetricsServerTest, PiecesAndPipelines) {
  start();
  const Client client(address_);
  for (const char c : std::string_view("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")) {
    client.send({&c, 1});
    std::this_thread::sleep_for(100us);
  }
  EXPECT_THAT(client.read_all(), HasSubstr("{\"status\":\"ok\"}"));
  const std::string two =
      ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET /readyz HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(two, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(two, HasSubstr("{\"status\":\"ok\"}"));
  EXPECT_THAT(two, Not(HasSubstr("{\"status\":\"ready\"}")));
}

// Twice as many as there are places send a byte and then nothing: whoever asks is answered.
TEST_F(MetricsServerTest, SlowClientsKeepNobodyOut) {
  start({.connections = 4, .head = 1h});
  std::vector<Client> slow;
  for (int i = 0; i < 8; ++i) {
    slow.emplace_back(address_);
    slow.back().send("G");
    EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_EQ(slow.front().read_all(), "") << "the first had to go";
}

TEST_F(MetricsServerTest, WhoDoesNotReadKeepsNobodyOut) {
  site_.prometheus = std::string(std::size_t{32} << 20, 'x');  // more than sockets take
  start({.connections = 4, .reply = 1h});
  std::vector<Client> deaf;
  for (int i = 0; i < 8; ++i) {
    deaf.emplace_back(address_);
    deaf.back().send("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(deaf.back().readable(kPatienceMs));
    EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(MetricsServerTest, EveryStepHasADeadline) {
  site_.prometheus = std::string(std::size_t{32} << 20, 'x');
  start({.head = 50ms, .reply = 50ms, .linger = 50ms});
  const Client silent(address_);
  const Client slow(address_);
  slow.send("GET /metrics HTTP/1.1\r\nHost:");
  const Client deaf(address_);
  deaf.send("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(slow.read_all(), "");
  EXPECT_LT(deaf.read_all().size(), site_.prometheus.size());
}

TEST_F(MetricsServerTest, ItBeats) {
  start();
  for (int i = 0; i < kPatienceMs / 10 && site_.beats < 2; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(site_.beats, 2);
}

// A page that is dear to make is made less often than it is asked for.
class DearSite final : public MetricsSite {
 public:
  std::string metrics(observe::ExpositionFormat) override {
    ++pages;
    const Nanoseconds until = thread_cpu_now() + 200ms;
    while (thread_cpu_now() < until) {
    }
    return "dear\n";
  }
  Health live() override { return {}; }
  Health ready() override { return {}; }
  void beat() override {}
  int pages = 0;  // the server's thread, then, after its end, the test's
};

TEST_F(MetricsServerTest, PagesAreShared) {
  DearSite dear;
  start(dear, {});
  for (int i = 0; i < 10; ++i) EXPECT_THAT(get("/metrics"), testing::EndsWith("dear\n"));
  server_.reset();
  EXPECT_LT(dear.pages, 10) << "each page kept the thread busy for 200 ms";
}

// The process has no descriptor left: one is kept for who wants to know why.
TEST_F(MetricsServerTest, AnswersWithoutDescriptors) {
#ifdef GODWIT_SANITIZED
  GTEST_SKIP() << "UBSan's look at virtual tables takes descriptors itself";
#endif
  start();
  Fd client_socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<Fd> hoard;
  while (hoard.empty() || hoard.back().valid()) {
    hoard.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  ASSERT_EQ(::connect(client_socket.get(), reinterpret_cast<const sockaddr*>(&address_),
                      sizeof(address_)),
            0);
  constexpr std::string_view kRequest = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(client_socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
  pollfd poll{.fd = client_socket.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&poll, 1, kPatienceMs), 1);
  std::array<char, 1024> buffer;
  const ssize_t got = ::recv(client_socket.get(), buffer.data(), buffer.size(), 0);
  EXPECT_GT(got, 0);
  hoard.clear();
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(std::string(buffer.data(), static_cast<std::size_t>(std::max(got, ssize_t{0}))),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, EndsWithOpenConnections) {
  start();
  const Client idle(address_);
  const Client half(address_);
  half.send("GET /metrics");
  server_.reset();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_FALSE(Client(address_).connected());
}

}  // namespace
}  // namespace godwit::admin
