// For tests: an exchange with everything below it (fake engine, hand-turned loop) and a connection
// above it that only remembers what it was told.
//
//   TestExchange t;
//   t.serve("greet", "write 1 hello\n");
//   t.request("GET /greet HTTP/1.1\r\nHost: h\r\n\r\n");    // open, body, start, turn the loop
//   EXPECT_EQ(t.writer.status, 200);
//   EXPECT_EQ(t.take_body(), "hello");
//   t.close();
//
// One thread.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "gateway/exchange.h"
#include "gateway/gateway.h"
#include "gateway/test_request.h"
#include "runtime/test_runtime.h"

namespace godwit::gateway::test {

class RecordingWriter final : public ResponseWriter {
 public:
  void respond(const http::ResponseHead& head,
               std::optional<std::uint64_t> content_length) noexcept override {
    ++responses;
    status = head.status;
    length = content_length;
    names.clear();
    for (const http::Field& field : head.fields) {
      names.emplace_back(field.name);
      values.emplace_back(field.value);
    }
  }
  void expire() noexcept override { ++expired; }
  std::string field(std::string_view name) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return values[values.size() - names.size() + i];
    }
    return "(none)";
  }

  int responses = 0;
  int expired = 0;
  int status = 0;
  std::optional<std::uint64_t> length;
  std::vector<std::string> names;
  std::vector<std::string> values;
};

// A log that can be read.
class LogFile final {
 public:
  explicit LogFile(LogLevel level = LogLevel::kDebug)
      : file_(::memfd_create("log", MFD_CLOEXEC)), logger_({.level = level, .fd = file_.get()}) {}
  Logger& logger() { return logger_; }
  std::string text() {
    logger_.flush();
    std::string text;
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t got =
          ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
      if (got <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  Fd file_;
  Logger logger_;
};

class TestExchange final {
 public:
  explicit TestExchange(GatewayOptions options = {}, LogLevel level = LogLevel::kDebug)
      : log(level),
        gateway(loop.worker(), log.logger(), options,
                std::make_shared<const RouteTable>(std::vector<Route>{})),
        exchange(std::make_unique<Exchange>(gateway, writer)) {}
  ~TestExchange() {
    exchange.reset();
    EXPECT_EQ(functions.live_instances(), 0u) << "a sandbox leaked";
    for (const Route& route : routes_) {
      if (route.function == nullptr) continue;
      EXPECT_EQ(route.function->gate->running(), 0u) << "a place leaked: " << route.name;
      EXPECT_EQ(route.function->gate->waiting(), 0u) << route.name;
    }
  }

  std::shared_ptr<const runtime::Function> serve(std::string_view name, std::string_view script,
                                                 manifest::FunctionSpec spec = {}) {
    spec.name = name;
    Route route;
    route.name = name;
    route.function = functions.make(script, std::move(spec));
    add(route);
    return route.function;
  }
  // The same, served at these patterns only.
  std::shared_ptr<const runtime::Function> serve_at(std::string_view name,
                                                    const std::vector<std::string>& patterns,
                                                    std::string_view script) {
    Route route;
    route.name = name;
    for (const std::string& text : patterns) {
      auto pattern = RoutePattern::parse(text);
      EXPECT_TRUE(pattern) << text;
      if (pattern) route.patterns.push_back(std::move(*pattern));
    }
    route.function = functions.make(script, {.name = std::string(name)});
    add(route);
    return route.function;
  }
  void add(Route route) {
    routes_.push_back(std::move(route));
    gateway.adopt(std::make_shared<const RouteTable>(routes_));
  }

  // Opens only. The request must not have ended when this dies.
  void open(std::string_view text) {
    parsed = std::make_unique<ParsedRequest>(text);
    exchange->open(parsed->request(), client);
  }
  // The whole request, its body there before the guest starts; then all that can happen without
  // time passing.
  void request(std::string_view text, std::string_view body = {}) {
    open(text);
    if (exchange->responded()) return;
    EXPECT_EQ(exchange->request_body().write(as_bytes(body)), body.size());
    exchange->request_body().finish();
    exchange->start();
    loop.turn();
  }
  void get(std::string_view target) {
    request("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  std::string take_body() {
    http::BodyPipe& pipe = exchange->response_body();
    std::string body(pipe.size(), '\0');
    EXPECT_EQ(pipe.read({reinterpret_cast<std::byte*>(body.data()), body.size()}), body.size());
    return body;
  }
  // As a connection does that sends everything at once.
  std::string take_all_of_body() {
    std::string all;
    for (int i = 0; i < 1000 && !exchange->response_body().at_end(); ++i) {
      all += take_body();
      loop.turn();
    }
    return all + take_body();
  }
  bool body_is_whole() const {
    return exchange->response_body().finished() && !exchange->response_body().aborted();
  }
  void close(bool complete = true) {
    exchange->close({.body_bytes = 0, .complete = complete, .request_body_bytes = 0});
    gateway.flush_log();
  }
  // "E3001" of a problem body; takes the body.
  std::string code_of_problem() {
    const std::string body = take_body();
    const std::size_t at = body.find("\"code\":\"");
    return at == std::string::npos ? "(no problem: " + body + ")" : body.substr(at + 8, 5);
  }
  // Status and code of what was answered, the way all of Godwit's own answers must be.
  void expect_problem(int status, std::string_view code) {
    EXPECT_EQ(writer.responses, 1);
    EXPECT_EQ(writer.status, status);
    EXPECT_EQ(writer.field("Content-Type"), "application/problem+json");
    EXPECT_EQ(writer.field("x-request-id"), exchange->request_id());
    EXPECT_TRUE(body_is_whole());
    EXPECT_EQ(writer.length, exchange->response_body().size());
    EXPECT_EQ(code_of_problem(), code);
    EXPECT_FALSE(exchange->running());
  }

  runtime::test::Functions functions;
  runtime::test::ManualLoop loop;
  LogFile log;
  Gateway gateway;
  RecordingWriter writer;
  ClientAddress client{.text = "192.0.2.1", .local_port = 8080};
  std::unique_ptr<ParsedRequest> parsed;
  std::unique_ptr<Exchange> exchange;

 private:
  std::vector<Route> routes_;
};

}  // namespace godwit::gateway::test
