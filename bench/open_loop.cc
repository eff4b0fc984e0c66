// Load from many clients who do not wait for each other: requests are sent when a schedule says so,
// not when the answer before has come, and latencies count from that intended moment. A server that
// stalls is charged for all who arrived meanwhile (no coordinated omission).
//
//   open_loop http://127.0.0.1:8080/greet --phase 500:5 --phase 1500:5 --connections 200
//   open_loop http://127.0.0.1:8080/spin --closed 32 --phase 0:10
//
// Each phase is requests per second : seconds. Prints one JSON document: an object for each phase,
// to which a request belongs by its intended moment. --closed N instead keeps N connections busy:
// each sends again as soon as it was answered. One thread, epoll, HTTP/1.1 with keep-alive; a
// connection carries one request at a time, and more are opened as they are needed.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "latency_histogram.h"
#include "load_options.h"
#include "response_reader.h"

namespace godwit::bench {
namespace {

constexpr Nanoseconds kSweep = kSecond / 20;  // how often clients look whether to give up

volatile std::sig_atomic_t g_ended = 0;  // by SIGTERM or SIGINT: the report is made all the same

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "open_loop: %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

Nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

struct Phase {
  Nanoseconds begin = 0;
  Nanoseconds end = 0;
  double rate = 0;
  std::uint64_t offered = 0;  // intended
  std::uint64_t sent = 0;
  std::uint64_t good = 0;      // 2xx, in time
  std::uint64_t cut = 0;       // broken off by the server, before or within the answer
  std::uint64_t given_up = 0;  // not answered in time
  std::uint64_t unsent = 0;    // all connections that there may be were busy
  std::uint64_t retry_after = 0;
  std::map<int, std::uint64_t> statuses;
  LatencyHistogram success;  // of 2xx
  LatencyHistogram other;    // of the other answers
  LatencyHistogram late;     // how much later than intended it was sent
};

struct Connection {
  enum class State : std::uint8_t { kClosed, kConnecting, kIdle, kBusy };
  int fd = -1;
  State state = State::kClosed;
  Nanoseconds intended = 0;
  std::size_t sent_bytes = 0;
  ResponseReader reader;
};

class Generator final {
 public:
  explicit Generator(const LoadOptions& options);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  void run();
  void print() const;

 private:
  Phase& phase_of(Nanoseconds intended);
  void arrive(Nanoseconds time);
  void serve_backlog();
  Connection* free_connection();
  void open(Connection& connection);
  void drop(Connection& connection);
  void reset(Connection& connection);
  void send(Connection& connection, Nanoseconds intended);
  void on_event(Connection& connection, std::uint32_t events);
  void on_readable(Connection& connection);
  void on_writable(Connection& connection);
  void answered(Connection& connection);
  void failed(Connection& connection);
  void finished(Connection& connection);
  void sweep(Nanoseconds time);
  Nanoseconds interval(Nanoseconds time);
  void wait(Nanoseconds until);

  const LoadOptions& options_;
  int epoll_ = -1;
  std::vector<Phase> phases_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  std::vector<Connection*> closed_;
  std::deque<Nanoseconds> backlog_;  // intended moments of those who found no connection
  std::mt19937_64 random_;
  std::size_t busy_ = 0;
  std::size_t connecting_ = 0;
  Nanoseconds end_ = 0;
};

Generator::Generator(const LoadOptions& options)
    : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)), random_(options.seed) {
  if (epoll_ < 0) die("epoll_create1");
}

Generator::~Generator() {
  for (const auto& connection : connections_) reset(*connection);
  ::close(epoll_);
}

Phase& Generator::phase_of(Nanoseconds intended) {
  const auto later = std::find_if(phases_.begin(), phases_.end(),
                                  [&](const Phase& phase) { return intended < phase.end; });
  return later == phases_.end() ? phases_.back() : *later;
}

// --- connections --------------------------------------------------------------------------------

void Generator::open(Connection& connection) {
  connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection.fd < 0) die("socket");
  const int on = 1;
  ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = &connection;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) die("epoll_ctl");
  connection.state = Connection::State::kConnecting;
  ++connecting_;
  const auto* const address = reinterpret_cast<const sockaddr*>(&options_.address);
  if (::connect(connection.fd, address, sizeof options_.address) != 0 && errno != EINPROGRESS) {
    drop(connection);
  }
}

void Generator::drop(Connection& connection) {
  if (connection.state == Connection::State::kClosed) return;
  if (connection.state == Connection::State::kBusy) --busy_;
  if (connection.state == Connection::State::kConnecting) --connecting_;
  if (connection.state == Connection::State::kIdle) std::erase(idle_, &connection);
  ::close(connection.fd);
  connection.fd = -1;
  connection.state = Connection::State::kClosed;
  closed_.push_back(&connection);
}

// Gone for good: a mere close() would look like a client who still reads.
void Generator::reset(Connection& connection) {
  const linger at_once{1, 0};
  if (connection.fd >= 0) {
    ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  drop(connection);
}

// Null: none is free. Then one more is being opened, if there may be more.
Connection* Generator::free_connection() {
  if (!idle_.empty()) {
    Connection* const connection = idle_.back();
    idle_.pop_back();
    return connection;
  }
  if (connecting_ >= backlog_.size()) return nullptr;  // enough are on their way
  if (closed_.empty() && connections_.size() < options_.connections_max) {
    connections_.push_back(std::make_unique<Connection>());
    closed_.push_back(connections_.back().get());
  }
  if (!closed_.empty()) {
    Connection* const connection = closed_.back();
    closed_.pop_back();
    open(*connection);
  }
  return nullptr;
}

// --- requests -----------------------------------------------------------------------------------

void Generator::arrive(Nanoseconds time) {
  ++phase_of(time).offered;
  backlog_.push_back(time);
  serve_backlog();
}

void Generator::serve_backlog() {
  while (!backlog_.empty()) {
    Connection* const connection = free_connection();
    if (connection == nullptr) return;
    const Nanoseconds intended = backlog_.front();
    backlog_.pop_front();
    send(*connection, intended);
  }
}

void Generator::send(Connection& connection, Nanoseconds intended) {
  connection.state = Connection::State::kBusy;
  connection.intended = intended;
  connection.sent_bytes = 0;
  connection.reader.next();
  ++busy_;
  Phase& phase = phase_of(intended);
  ++phase.sent;
  phase.late.add(static_cast<std::uint64_t>((now() - intended) / 1000));
  on_writable(connection);
}

void Generator::on_writable(Connection& connection) {
  while (connection.sent_bytes < options_.request.size()) {
    const ssize_t count = ::send(connection.fd, options_.request.data() + connection.sent_bytes,
                                 options_.request.size() - connection.sent_bytes, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EAGAIN) return;
      return failed(connection);
    }
    connection.sent_bytes += static_cast<std::size_t>(count);
  }
}

void Generator::on_readable(Connection& connection) {
  static std::array<char, 1 << 18> buffer;
  while (connection.state == Connection::State::kBusy) {
    const ssize_t count = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      if (count == 0 && connection.reader.closed()) return answered(connection);
      return failed(connection);
    }
    switch (connection.reader.feed({buffer.data(), static_cast<std::size_t>(count)})) {
      case ResponseReader::State::kMore: break;
      case ResponseReader::State::kComplete: return answered(connection);
      case ResponseReader::State::kBroken: return failed(connection);
    }
  }
}

void Generator::answered(Connection& connection) {
  const Nanoseconds took = now() - connection.intended;
  Phase& phase = phase_of(connection.intended);
  const int status = connection.reader.status();
  ++phase.statuses[status];
  const bool success = status >= 200 && status < 300;
  (success ? phase.success : phase.other).add(static_cast<std::uint64_t>(took / 1000));
  if (success && took <= options_.good) ++phase.good;
  if (connection.reader.has_retry_after()) ++phase.retry_after;
  if (connection.reader.closes() || connection.reader.closed()) {
    drop(connection);
  } else {
    connection.state = Connection::State::kIdle;
    --busy_;
    idle_.push_back(&connection);
  }
  finished(connection);
}

void Generator::failed(Connection& connection) {
  ++phase_of(connection.intended).cut;
  drop(connection);
  finished(connection);
}

// In a closed loop the next one comes at once.
void Generator::finished(Connection&) {
  if (options_.closed == 0 || now() >= end_) return;
  const Nanoseconds time = now();
  ++phase_of(time).offered;
  backlog_.push_back(time);
}

void Generator::on_event(Connection& connection, std::uint32_t events) {
  if (connection.state == Connection::State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return drop(connection);
    if ((events & EPOLLOUT) == 0) return;
    --connecting_;
    connection.state = Connection::State::kIdle;
    idle_.push_back(&connection);
    return;
  }
  if (connection.state == Connection::State::kIdle) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) drop(connection);
    return;
  }
  if (connection.state != Connection::State::kBusy) return;
  if ((events & EPOLLOUT) != 0) on_writable(connection);
  if (connection.state == Connection::State::kBusy) on_readable(connection);
}

// Clients who have waited too long go away.
void Generator::sweep(Nanoseconds time) {
  const Nanoseconds oldest = time - options_.patience;
  while (!backlog_.empty() && backlog_.front() < time - options_.wait) {
    ++phase_of(backlog_.front()).unsent;
    backlog_.pop_front();
  }
  for (const auto& connection : connections_) {
    if (connection->state != Connection::State::kBusy || connection->intended >= oldest) continue;
    ++phase_of(connection->intended).given_up;
    reset(*connection);
    finished(*connection);
  }
}

// --- time ---------------------------------------------------------------------------------------

Nanoseconds Generator::interval(Nanoseconds time) {
  const double rate = phase_of(time).rate;
  if (rate <= 0) return phase_of(time).end - time;
  double seconds = 1 / rate;
  if (options_.poisson) seconds *= std::exponential_distribution<double>(1)(random_);
  return static_cast<Nanoseconds>(seconds * kSecond);
}

void Generator::wait(Nanoseconds until) {
  if (options_.pause > 0) {
    const timespec pause{options_.pause / kSecond, options_.pause % kSecond};
    ::nanosleep(&pause, nullptr);
  }
  const Nanoseconds left = std::max<Nanoseconds>(until - now(), 0);
  const timespec time{left / kSecond, left % kSecond};
  std::array<epoll_event, 256> events{};
  const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &time, nullptr);
  if (count < 0 && errno != EINTR) die("epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    on_event(*static_cast<Connection*>(event.data.ptr), event.events);
  }
}

void Generator::run() {
  Nanoseconds time = now();
  for (const PhaseOptions& wanted : options_.phases) {
    Phase& phase = phases_.emplace_back();
    phase.begin = time;
    time += static_cast<Nanoseconds>(wanted.seconds * kSecond);
    phase.end = time;
    phase.rate = wanted.rate;
  }
  end_ = time;
  const Nanoseconds last = end_ + options_.patience;
  Nanoseconds next = phases_.front().begin;
  Nanoseconds next_sweep = next + kSweep;
  for (std::size_t i = 0; i < options_.closed; ++i) arrive(next);
  if (options_.closed != 0) next = end_;
  while (true) {
    time = now();
    while (next <= time && next < end_) {
      arrive(next);
      next += std::max<Nanoseconds>(interval(next), 1);
    }
    if (time >= next_sweep) {
      sweep(time);
      next_sweep = time + kSweep;
    }
    serve_backlog();
    if (time >= end_ && backlog_.empty() && busy_ == 0) break;
    if (time >= last || g_ended != 0) break;
    wait(next < end_ ? std::min(next, next_sweep) : next_sweep);
  }
  sweep(now() + std::max(options_.patience, options_.wait));  // whoever still waits
}

// --- words --------------------------------------------------------------------------------------

void print_latencies(const char* name, const LatencyHistogram& histogram) {
  std::printf(
      "\"%s\":{\"count\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"p99.9\":%llu,"
      "\"max\":%llu}",
      name, static_cast<unsigned long long>(histogram.count()),
      static_cast<unsigned long long>(histogram.at(0.5)),
      static_cast<unsigned long long>(histogram.at(0.9)),
      static_cast<unsigned long long>(histogram.at(0.99)),
      static_cast<unsigned long long>(histogram.at(0.999)),
      static_cast<unsigned long long>(histogram.max()));
}

void print_phase(const Phase& phase) {
  const double seconds = static_cast<double>(phase.end - phase.begin) / kSecond;
  std::uint64_t answered = 0;
  std::string statuses;
  for (const auto& [status, count] : phase.statuses) {
    answered += count;
    statuses +=
        (statuses.empty() ? "\"" : ",\"") + std::to_string(status) + "\":" + std::to_string(count);
  }
  std::printf(
      "{\"seconds\":%.3f,\"rate\":%.1f,\"offered\":%llu,\"sent\":%llu,\"answered\":%llu,"
      "\"success\":%llu,\"good\":%llu,\"good_rate\":%.1f,\"answered_rate\":%.1f,"
      "\"cut\":%llu,\"given_up\":%llu,\"unsent\":%llu,\"retry_after\":%llu,\"statuses\":{%s},",
      seconds, phase.rate, static_cast<unsigned long long>(phase.offered),
      static_cast<unsigned long long>(phase.sent), static_cast<unsigned long long>(answered),
      static_cast<unsigned long long>(phase.success.count()),
      static_cast<unsigned long long>(phase.good), static_cast<double>(phase.good) / seconds,
      static_cast<double>(answered) / seconds, static_cast<unsigned long long>(phase.cut),
      static_cast<unsigned long long>(phase.given_up),
      static_cast<unsigned long long>(phase.unsent),
      static_cast<unsigned long long>(phase.retry_after), statuses.c_str());
  print_latencies("latency_us", phase.success);
  std::printf(",");
  print_latencies("other_us", phase.other);
  std::printf(",");
  print_latencies("sent_late_us", phase.late);
  std::printf("}");
}

void Generator::print() const {
  std::printf("{\"phases\":[");
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    if (i != 0) std::printf(",");
    print_phase(phases_[i]);
  }
  std::printf("]}\n");
}

}  // namespace
}  // namespace godwit::bench

int main(int argc, char** argv) {
  const auto options = godwit::bench::read_options(argc, argv);
  if (!options) {
    std::fputs(godwit::bench::kUsage, stderr);
    return 2;
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  const auto end = [](int) { godwit::bench::g_ended = 1; };
  std::signal(SIGTERM, end);
  std::signal(SIGINT, end);
  // Else the kernel wakes a sleeper up to 50 µs late.
  ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  godwit::bench::Generator generator(*options);
  generator.run();
  generator.print();
  return 0;
}
