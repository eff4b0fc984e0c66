#include "gateway/gateway.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/test_exchange.h"

namespace godwit::gateway {
namespace {

using namespace std::chrono_literals;
using test::LogFile;
using testing::HasSubstr;

std::shared_ptr<const RouteTable> no_routes() {
  return std::make_shared<const RouteTable>(std::vector<Route>{});
}

class GatewayTest : public testing::Test {
 protected:
  runtime::test::ManualLoop loop_;
};

TEST_F(GatewayTest, RequestIds) {
  LogFile log;
  Gateway gateway(loop_.worker(), log.logger(), {}, no_routes());
  std::set<std::string> ids;
  std::string id;
  for (int i = 0; i < 1000; ++i) {
    gateway.make_request_id(id);
    EXPECT_EQ(id.size(), 32u);
    EXPECT_TRUE(ids.insert(id).second) << "the same twice";
  }
}

TEST_F(GatewayTest, LinesAreHandedOverTogether) {
  LogFile log;
  Gateway gateway(loop_.worker(), log.logger(), {}, no_routes());
  gateway.log(LogLevel::kInfo, "p", "one", {});
  gateway.log_access({.method = "GET", .path = "/two", .status = 200});
  EXPECT_EQ(log.text(), "");
  EXPECT_EQ(loop_.worker().timers().size(), 1u);
  loop_.fire_as_if(1s);
  EXPECT_THAT(log.text(), HasSubstr(" info p: one\n"));
  EXPECT_THAT(log.text(), HasSubstr(" GET /two status=200"));
  EXPECT_EQ(loop_.worker().timers().size(), 0u);
  gateway.log(LogLevel::kInfo, "p", "three", {});
  EXPECT_EQ(loop_.worker().timers().size(), 1u) << "the timer is armed only once";
}

TEST_F(GatewayTest, ManyLinesDoNotWaitForTheTimer) {
  LogFile log;
  Gateway gateway(loop_.worker(), log.logger(), {}, no_routes());
  const std::string message(1000, 'm');
  for (int i = 0; i < 20; ++i) gateway.log(LogLevel::kInfo, "p", message, {});
  EXPECT_GT(log.text().size(), 16'000u);
}

TEST_F(GatewayTest, ItsEndHandsOverWhatIsLeft) {
  LogFile log;
  {
    Gateway gateway(loop_.worker(), log.logger(), {}, no_routes());
    gateway.log(LogLevel::kInfo, "p", "last", {});
  }
  EXPECT_THAT(log.text(), HasSubstr("last"));
  EXPECT_EQ(loop_.worker().timers().size(), 0u);
}

TEST_F(GatewayTest, WhatIsNotLoggedCostsNoTimer) {
  LogFile log(LogLevel::kWarning);
  Gateway gateway(loop_.worker(), log.logger(), {}, no_routes());
  gateway.log(LogLevel::kInfo, "p", "no", {});
  gateway.log_access({.method = "GET", .path = "/", .status = 200});
  EXPECT_EQ(loop_.worker().timers().size(), 0u);
  gateway.flush_log();
  EXPECT_EQ(log.text(), "");
}

}  // namespace
}  // namespace godwit::gateway
