// A guest whose client is gone is ended, whatever it does at that moment; one whose client has only
// stopped sending is not.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/test_client.h"
#include "server/test_server.h"

namespace godwit::server {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::eventually;
using test::Reply;
using test::TestServer;

// Limits that end nothing while a test runs.
manifest::FunctionSpec patient() {
  return {.limits = {.cpu = 1h,
                     .timeout = 1h,
                     .response_body_bytes = std::uint64_t{1} << 40,
                     .queue_timeout = 1h}};
}

// What a guest does when its client goes away.
struct Doing {
  const char* name;
  const char* script;
  const char* fields = "";
  std::size_t body_bytes = 0;  // that are sent
  bool queued = false;         // another has its place
};

constexpr Doing kDoings[] = {
    {"waits_for_its_place", "wait\n", "", 0, true},
    {"waits_for_its_place_with_a_body", "wait\n", "Content-Length: 900000\r\n", 300'000, true},
    {"computes", "spin\n"},
    {"gives_way_again_and_again", "repeat 1000000000\nyield 1\nend\n"},
    {"sleeps", "sleep_ms 3000000\n"},
    {"waits", "wait\n"},
    {"waits_after_output", "write 1 hello\nwait\n"},
    {"computes_after_output", "fill 1 20000 x\nspin\n"},
    {"writes_what_nobody_reads", "repeat 1000000000\nfill 1 100000 x\nend\n"},
    {"reads_a_body_that_never_comes", "echo\n", "Content-Length: 10\r\n", 3},
    {"computes_with_a_body_that_never_comes", "spin\n", "Content-Length: 10\r\n", 3},
    {"computes_before_a_full_pipe", "spin\n", "Content-Length: 900000\r\n", 300'000},
    {"sleeps_before_a_full_pipe", "sleep_ms 3000000\n", "Content-Length: 900000\r\n", 300'000},
    {"computes_with_a_whole_body", "spin\n", "Content-Length: 5\r\n", 5},
};

enum class Loss { kReset, kUrgentThenReset, kMoreRequestsThenReset, kHalfCloseThenReset };

using Case = std::tuple<Doing, Loss>;

class LossTest : public testing::TestWithParam<Case> {};

void disappear(Client& client, Loss loss, const Doing& doing) {
  const bool whole = std::string_view(doing.fields).empty() || doing.body_bytes == 5;
  switch (loss) {
    case Loss::kReset: break;
    case Loss::kUrgentThenReset: ::send(client.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL); break;
    case Loss::kMoreRequestsThenReset:
      // Behind a request that is not whole they would be its body.
      for (int i = 0; whole && i < 50; ++i) client.get("/f");
      break;
    case Loss::kHalfCloseThenReset: client.end_sending(); break;
  }
  std::this_thread::sleep_for(5ms);  // mostly they arrive apart from the reset
  client.reset();
}

TEST_P(LossTest, EndsTheGuest) {
  const auto& [doing, loss] = GetParam();
  TestServer server;
  manifest::FunctionSpec spec = patient();
  if (doing.queued) spec.limits.concurrency = 1;
  const auto f = server.serve("f", doing.script, spec);
  server.start({.limits = {.stall = 3600s}});
  std::unique_ptr<Client> first;
  if (doing.queued) {
    first = std::make_unique<Client>(server.address());
    first->get("/f");
    ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  }
  Client client(server.address(), 4096);
  client.send("POST /f HTTP/1.1\r\nHost: h\r\n" + std::string(doing.fields) + "\r\n");
  if (doing.queued) {
    ASSERT_TRUE(eventually([&] { return f->gate->waiting() == 1; }));
  } else {
    ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  }
  std::string body(doing.body_bytes, 'x');
  while (!body.empty()) {  // as much as fits: the server may not read it all
    const ssize_t sent = ::send(client.fd(), body.data(), body.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) break;
    body.erase(0, static_cast<std::size_t>(sent));
  }
  std::this_thread::sleep_for(10ms);  // the guest comes as far as it can
  disappear(client, loss, doing);
  if (doing.queued) {
    EXPECT_TRUE(eventually([&] { return f->gate->waiting() == 0; }));
    EXPECT_EQ(f->gate->running(), 1u) << "the wrong one was ended";
    first->reset();
  }
  EXPECT_TRUE(eventually([&] { return f->gate->running() == 0; }));
  EXPECT_TRUE(eventually([&] { return server.server->connection_counts().open == 0; }));
  EXPECT_FALSE(test::somebody_spins());
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  static constexpr const char* kLosses[] = {"reset", "urgent_then_reset",
                                            "more_requests_then_reset", "half_close_then_reset"};
  return std::string(std::get<0>(info.param).name) + "__" +
         kLosses[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(EveryState, LossTest,
                         testing::Combine(testing::ValuesIn(kDoings),
                                          testing::Values(Loss::kReset, Loss::kUrgentThenReset,
                                                          Loss::kMoreRequestsThenReset,
                                                          Loss::kHalfCloseThenReset)),
                         case_name);

TEST(Loss, ManyAtOnce) {
  TestServer server;
  manifest::FunctionSpec spec = patient();
  spec.limits.concurrency = 300;
  const auto f = server.serve("f", "wait\n", spec);
  server.start({.threads = 2});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 500; ++i) {
    clients.push_back(std::make_unique<Client>(server.address()));
    clients.back()->get("/f");
  }
  ASSERT_TRUE(eventually([&] { return f->gate->running() + f->gate->waiting() == 500; }));
  for (std::size_t i = 1; i < clients.size(); ++i) clients[i]->reset();
  EXPECT_TRUE(eventually([&] { return f->gate->running() + f->gate->waiting() == 1; }));
  EXPECT_EQ(server.server->connection_counts().lost, 499u);
}

// Closing with unread bytes is a reset (RFC 9293 section 3.6.1).
TEST(Loss, AClientThatClosesWithAnUnreadAnswer) {
  TestServer server;
  const auto g = server.serve("g", "fill 1 20000 x\nsleep_ms 3000000\n", patient());
  server.start();
  Client client(server.address());
  client.send("POST /g HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
  char byte = 0;
  ASSERT_EQ(::recv(client.fd(), &byte, 1, MSG_PEEK), 1);
  client.close();
  EXPECT_TRUE(eventually([&] { return g->gate->running() == 0; }));
  EXPECT_TRUE(eventually([&] { return server.server->connection_counts().lost == 1; }));
}

// Closed for good, but with nothing unread: only our writing tells.
TEST(Loss, AClientThatClosedIsNoticedByWhatIsWritten) {
  TestServer server;
  const auto f = server.serve("f", "sleep_ms 30\nwrite 1 hello\nsleep_ms 3000000\n", patient());
  server.start();
  Client client(server.address());
  client.get("/f");
  ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return f->gate->running() == 0; }));
}

// --- Half-closed is not gone --------------------------------------------------------------------

class HalfClosedTest : public testing::TestWithParam<const char*> {};

TEST_P(HalfClosedTest, GetsItsWholeAnswer) {
  TestServer server;
  server.serve("f", GetParam(), patient());
  server.start();
  for (const bool pipelined : {false, true}) {
    Client client(server.address());
    client.get("/f");
    if (pipelined) client.get("/f");
    client.end_sending();
    for (int i = 0; i < (pipelined ? 2 : 1); ++i) {
      const Reply reply = client.read();
      EXPECT_EQ(reply.status, 200);
      EXPECT_TRUE(reply.complete);
      EXPECT_TRUE(reply.body.ends_with("end")) << reply.body.size();
    }
    EXPECT_TRUE(client.at_end());
  }
  EXPECT_EQ(server.server->connection_counts().lost, 0u);
}

// Each for longer than the watch's interval.
INSTANTIATE_TEST_SUITE_P(EveryState, HalfClosedTest,
                         testing::Values("write 1 end\n", "sleep_ms 150\nwrite 1 end\n",
                                         "write 1 begin\nsleep_ms 150\nwrite 1 end\n",
                                         "repeat 100\nyield 1\nsleep_ms 1\nend\nwrite 1 end\n",
                                         "fill 1 3000000 x\nsleep_ms 120\nwrite 1 end\n"));

TEST(HalfClosed, WhileItWaitsForItsPlace) {
  TestServer server;
  manifest::FunctionSpec spec = patient();
  spec.limits.concurrency = 1;
  const auto f = server.serve("f", "echo\nwrite 1 end\n", spec);
  server.start({.threads = 2});
  Client first(server.address());
  first.send("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  Client second(server.address());
  second.send("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nb");
  second.end_sending();
  ASSERT_TRUE(eventually([&] { return f->gate->waiting() == 1; }));
  std::this_thread::sleep_for(150ms);  // the watch looks at it
  EXPECT_EQ(f->gate->waiting(), 1u);
  first.send("a");
  EXPECT_EQ(first.read().body, "aend");
  EXPECT_EQ(second.read().body, "bend");
}

}  // namespace
}  // namespace godwit::server
