#include "cli/metrics_side.h"

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/measured_compiler.h"
#include "server/test_client.h"

namespace godwit::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MetricsSideTest : public testing::Test {
 protected:
  server::test::Reply get(std::string_view target) {
    const std::string url = side_.url();
    const auto address = server::parse_listen_address(url.substr(url.rfind('/') + 1));
    EXPECT_TRUE(address) << url;
    server::test::Client client(*address);
    client.get(target);
    return client.read();
  }
  // Until the answer has this status.
  bool becomes(std::string_view target, int status) {
    for (int i = 0; i < 2'000; ++i) {
      if (get(target).status == status) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  const Fd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Logger logger_{{.fd = nowhere_.get()}};
  MetricsSide side_{
      {.address = server::ListenAddress{.host = "127.0.0.1", .port = 0}, .silence_max = 50ms}};
};

TEST_F(MetricsSideTest, FromStartToDrain) {
  ASSERT_TRUE(side_.start(logger_));
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_THAT(get("/readyz").body, HasSubstr("\"reason\":\"starting\""));
  const auto server = server::Server::create(
      {.listen = {{.host = "127.0.0.1", .port = 0}}, .metrics = side_.metrics()}, logger_, {});
  ASSERT_TRUE(server);
  side_.serving(**server);
  EXPECT_EQ(get("/readyz").status, 200);
  side_.draining();
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_THAT(get("/readyz").body, HasSubstr("\"reason\":\"draining\""));
  EXPECT_EQ(get("/healthz").status, 200);
  side_.stop();
}

TEST_F(MetricsSideTest, AWorkerThatDoesNotTurnIsNotHealthy) {
  std::atomic<bool> held{true};
  const auto server = server::Server::create({.listen = {{.host = "127.0.0.1", .port = 0}},
                                              .metrics = side_.metrics(),
                                              .thread_started = [&] { held.wait(true); }},
                                             logger_, {});
  ASSERT_TRUE(server);
  ASSERT_TRUE(side_.start(logger_));
  side_.serving(**server);
  EXPECT_TRUE(becomes("/healthz", 503));
  EXPECT_THAT(get("/healthz").body, HasSubstr("\"reason\":\"a worker has not turned for "));
  EXPECT_EQ(get("/metrics").status, 200);
  held = false;
  held.notify_all();
  EXPECT_TRUE(becomes("/healthz", 200));
  side_.stop();
}

TEST_F(MetricsSideTest, AnAddressThatIsTakenIsNamed) {
  ASSERT_TRUE(side_.start(logger_));
  const std::string url = side_.url();
  const auto address = server::parse_listen_address(url.substr(url.rfind('/') + 1));
  ASSERT_TRUE(address);
  MetricsSide second({.address = *address});
  const auto started = second.start(logger_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kAddressInUse);
  EXPECT_THAT(started.error().detail, HasSubstr("--metrics 127.0.0.1:"));
}

TEST_F(MetricsSideTest, WithoutAnAddressThereIsNone) {
  MetricsSide none({});
  EXPECT_EQ(none.metrics(), nullptr);
  EXPECT_TRUE(none.start(logger_));
  EXPECT_EQ(none.url(), "");
  none.draining();
  none.stop();
}

class FailingCompiler final : public registry::Compiler {
 public:
  Result<registry::CompileOutput> compile_within(std::chrono::seconds, ByteSpan input) override {
    if (input.empty()) return fail(ErrorCode::kCompileLimit, "too slow");
    return registry::CompileOutput{};
  }
};

TEST_F(MetricsSideTest, CompilationsAreMeasured) {
  FailingCompiler inner;
  MeasuredCompiler compiler(inner, side_.metrics());
  EXPECT_TRUE(compiler.compile(as_bytes("x")));
  const auto failed = compiler.compile({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kCompileLimit);
  const std::string page = side_.metrics()->expose(observe::ExpositionFormat::kPrometheus);
  EXPECT_THAT(page, HasSubstr("\ngodwit_compile_seconds_count 2\n"));
  EXPECT_THAT(page, HasSubstr("\ngodwit_compile_failures_total{reason=\"compile_limit\"} 1\n"));
  EXPECT_TRUE(MeasuredCompiler(inner, nullptr).compile(as_bytes("x")));
}

}  // namespace
}  // namespace godwit::cli
