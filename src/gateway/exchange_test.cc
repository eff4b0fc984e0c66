// What an exchange does with a request: refuses it, runs it, tells what went wrong and to whom.
// exchange_head_test.cc has the head of the response.
#include "gateway/exchange.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/test_exchange.h"

namespace godwit::gateway {
namespace {

using namespace std::chrono_literals;
using test::TestExchange;
using testing::HasSubstr;
using testing::Not;

// --- What does not reach a guest ----------------------------------------------------------------

TEST(Exchange, RefusesBeforeAnythingRuns) {
  const struct {
    const char* head;
    int status;
    const char* code;
  } rows[] = {
      {"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", 404, "E1008"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404, "E1008"},
      {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400, "E1007"},
      {"GET /f/../g HTTP/1.1\r\nHost: h\r\n\r\n", 400, "E1007"},
      {"GET /f/%2e%2E/g HTTP/1.1\r\nHost: h\r\n\r\n", 400, "E1007"},
      {"GET /f/a%2Fb HTTP/1.1\r\nHost: h\r\n\r\n", 400, "E1007"},
      {"GET /f%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "E1007"},
      {"GET /f?x=%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "E1006"},
      {"GET /f?x=%FF HTTP/1.1\r\nHost: h\r\n\r\n", 400, "E1006"},
      {"POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413, "E1003"},
      {"POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: something\r\n\r\n", 417,
       "E1011"},
      {"GET /broken/x HTTP/1.1\r\nHost: h\r\n\r\n", 503, "E2003"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.head);
    TestExchange t;
    t.serve("f", "write 1 ran\n", {.limits = {.request_body_bytes = 100}});
    Route broken;
    broken.name = "broken";
    broken.unavailable = Error{ErrorCode::kUnknownImport, "env.secret_path", {}};
    t.add(broken);
    t.open(row.head);
    ASSERT_TRUE(t.exchange->responded());
    EXPECT_TRUE(t.exchange->request_body().abandoned()) << "the body is waited for";
    t.expect_problem(row.status, row.code);
    t.close();
    EXPECT_THAT(t.log.text(), HasSubstr(std::string("code=") + row.code));
  }
}

TEST(Exchange, ABodyOfExactlyTheLimitIsTaken) {
  TestExchange t;
  t.serve("f", "echo\n", {.limits = {.request_body_bytes = 5}});
  t.request("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "12345");
  EXPECT_EQ(t.take_body(), "12345");
  EXPECT_EQ(t.exchange->request_body_limit(), 5u);
  t.close();
}

TEST(Exchange, WhileDrainingEverythingIs503) {
  TestExchange t;
  t.serve("f", "write 1 ran\n");
  t.gateway.set_draining();
  t.open("GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(t.writer.field("Retry-After"), "1");
  t.expect_problem(503, "E4006");
  t.close();
}

TEST(Exchange, WhatCouldNotBeParsedIsAnsweredToo) {
  TestExchange t;
  t.exchange->refuse(ErrorCode::kBadRequest, t.client);
  t.expect_problem(400, "E1001");
  t.close();
  EXPECT_THAT(t.log.text(), HasSubstr(" access: - - status=400 code=E1001"));
}

TEST(Exchange, AFullFunctionIs429AndTryAgain) {
  TestExchange t;
  const auto f = t.serve("f", "wait\n", {.limits = {.concurrency = 1, .queue = 0}});
  test::RecordingWriter other_writer;
  Exchange other(t.gateway, other_writer);
  const test::ParsedRequest parsed("GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
  other.open(parsed.request(), t.client);
  other.start();
  EXPECT_EQ(f->gate->running(), 1u);
  t.get("/f");
  EXPECT_EQ(t.writer.field("Retry-After"), "1");
  t.expect_problem(429, "E4004");
  t.close();
  other.cancel();
  other.close({.complete = false});
}

// --- What the guest gets ------------------------------------------------------------------------

TEST(Exchange, TheGuestGetsTheRequest) {
  TestExchange t;
  t.serve("shop/cart",
          "arg 0\nwrite 1 \" \"\nenv SCRIPT_NAME\nwrite 1 \" \"\nenv PATH_INFO\nwrite 1 \" \"\n"
          "env name\nwrite 1 \" \"\nenv REMOTE_ADDR\nwrite 1 \" \"\necho\n");
  t.request("POST /shop/cart/a%20b?name=Ada HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n",
            "body");
  EXPECT_EQ(t.take_body(), "shop/cart /shop/cart /a b Ada 192.0.2.1 body");
  t.close();
}

TEST(Exchange, ABodyArrivesWhileTheGuestReads) {
  TestExchange t;
  t.serve("f", "echo\n");
  t.open("POST /f HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  t.exchange->start();
  EXPECT_EQ(t.writer.responses, 0);
  t.exchange->request_body().write(as_bytes("one "));
  t.loop.turn();
  EXPECT_EQ(t.writer.responses, 1) << "it waits for more with output unsent";
  EXPECT_EQ(t.take_body(), "one ");
  t.exchange->request_body().write(as_bytes("two"));
  t.exchange->request_body().finish();
  t.loop.turn();
  EXPECT_EQ(t.take_body(), "two");
  EXPECT_TRUE(t.body_is_whole());
  t.close();
}

TEST(Exchange, AGuestThatEndsWithoutReadingDropsTheBody) {
  TestExchange t;
  t.serve("f", "write 1 done\n");
  t.open("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
  t.exchange->request_body().write(as_bytes("unread"));
  t.exchange->start();
  EXPECT_TRUE(t.exchange->request_body().abandoned());
  EXPECT_EQ(t.take_body(), "done");
  t.close();
}

TEST(Exchange, RequestIdsAreOursAndNeverTheSame) {
  TestExchange t;
  t.serve("f", "env GODWIT_REQUEST_ID\n");
  std::string last;
  for (int i = 0; i < 3; ++i) {
    t.request("GET /f HTTP/1.1\r\nHost: h\r\nX-Request-Id: chosen-by-client\r\n\r\n");
    const std::string id = t.exchange->request_id();
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    EXPECT_NE(id, last);
    EXPECT_EQ(t.take_body(), id);
    EXPECT_EQ(t.writer.field("x-request-id"), id);
    last = id;
    t.close();
  }
}

// --- Failures -----------------------------------------------------------------------------------

TEST(Exchange, AFailureBeforeTheHeadIsAProblemWithoutTheOutput) {
  const struct {
    const char* script;
    int status;
    const char* code;
  } rows[] = {
      {"write 1 partial\ntrap unreachable\n", 500, "E3001"},
      {"write 1 partial\ntrap stack\n", 500, "E3003"},
      {"write 1 partial\nexit 3\n", 500, "E3002"},
      {"write 1 partial\nmust_grow 5000\n", 500, "E4001"},
      {"grow 5000\nexit 1\n", 500, "E4001"},
      {"write 1 partial\nspin\n", 504, "E4002"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.script);
    TestExchange t;
    t.serve("f", row.script, {.limits = {.cpu = 2ms}});
    t.get("/f");
    t.expect_problem(row.status, row.code);
    t.close();
    EXPECT_THAT(t.log.text(), HasSubstr(" warning invocation: "));
    EXPECT_THAT(t.log.text(), HasSubstr(std::string("status=") + std::to_string(row.status)));
  }
}

TEST(Exchange, TheDeadlineIs504) {
  TestExchange t;
  t.serve("f", "wait\n", {.limits = {.timeout = 10s}});
  t.get("/f");
  t.loop.fire_as_if(11s);
  t.expect_problem(504, "E4003");
  t.close();
}

TEST(Exchange, AFailureAfterTheHeadAbortsTheBody) {
  const struct {
    const char* script;
    const char* code;
  } rows[] = {{"fill 1 20000 x\ntrap unreachable\n", "E3001"},
              {"fill 1 20000 x\nexit 3\n", "E3002"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.script);
    TestExchange t;
    t.serve("f", row.script);
    t.get("/f");
    EXPECT_EQ(t.writer.responses, 1);
    EXPECT_EQ(t.writer.status, 200);
    EXPECT_FALSE(t.writer.length.has_value());
    EXPECT_TRUE(t.exchange->response_body().aborted());
    EXPECT_FALSE(t.exchange->response_body().finished()) << "it looks whole";
    EXPECT_EQ(t.take_body().size(), 20'000u) << "what was written before may still be sent";
    t.close(false);
    EXPECT_THAT(t.log.text(),
                HasSubstr(std::string("status=200 code=") + row.code + " complete=false"));
  }
}

TEST(Exchange, TheResponseLimit) {
  const struct {
    std::uint64_t limit;
    const char* script;
    bool whole;
  } rows[] = {{100, "fill 1 100 x\n", true},
              {100, "fill 1 101 x\n", false},
              {100, "fill 1 100 x\nwrite 1 y\nexit 0\n", false},
              {0, "exit 0\n", true},
              {0, "write 1 x\n", false}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.script);
    TestExchange t;
    t.serve("f", row.script, {.limits = {.response_body_bytes = row.limit}});
    t.get("/f");
    if (row.whole) {
      EXPECT_EQ(t.writer.status, 200);
      EXPECT_EQ(t.writer.length, row.limit);
    } else {
      t.expect_problem(500, "E3005");
    }
    t.close();
  }
}

TEST(Exchange, TheResponseLimitAfterTheHead) {
  TestExchange t;
  t.serve("f", "fill 1 40000 x\n", {.limits = {.response_body_bytes = 30'000}});
  t.get("/f");
  EXPECT_EQ(t.writer.status, 200);
  EXPECT_FALSE(t.exchange->running());
  EXPECT_EQ(t.exchange->response_body().abort_reason(), ErrorCode::kResponseTooLarge);
  EXPECT_EQ(t.exchange->response_body().total_written(), 30'000u);
  t.close(false);
}

// --- Who may know -------------------------------------------------------------------------------

constexpr char kFailing[] =
    "write 2 \"first line\\nlast line\\n\"\ntrap unreachable \"crate::secret_function\"\n";

TEST(Exchange, StrangersGetNoDetails) {
  TestExchange t;
  t.serve("f", kFailing);
  t.get("/f");
  const std::string body = t.take_body();
  EXPECT_THAT(body, HasSubstr("\"code\":\"E3001\""));
  EXPECT_THAT(body, Not(HasSubstr("detail")));
  EXPECT_THAT(body, Not(HasSubstr("secret_function")));
  EXPECT_THAT(body, Not(HasSubstr("last line")));
  t.close();
  EXPECT_THAT(t.log.text(), HasSubstr("secret_function")) << "the operator is not told";
}

TEST(Exchange, DevelopersGetTrapFramesAndStderr) {
  TestExchange t({.details = Details::kShown});
  t.serve("f", kFailing);
  t.get("/f");
  const std::string body = t.take_body();
  EXPECT_THAT(body, HasSubstr("unreachable"));
  EXPECT_THAT(body, HasSubstr("crate::secret_function"));
  EXPECT_THAT(body, HasSubstr("stderr: first line\\nstderr: last line"));
  t.close();
  // The next request's failure does not show this one's stderr.
  t.serve("g", "exit 3\n");
  t.get("/g");
  const std::string second = t.take_body();
  EXPECT_THAT(second, HasSubstr("exit code 3"));
  EXPECT_THAT(second, Not(HasSubstr("last line")));
  t.close();
}

TEST(Exchange, DetailsAreBounded) {
  TestExchange t({.details = Details::kShown});
  t.serve("f",
          "repeat 2000\nwrite 2 \"\\x01\\x02\\x03\\x04\\x05\\x06\\x07 some words\\n\"\nend\n"
          "trap unreachable\n");
  t.get("/f");
  EXPECT_EQ(t.writer.status, 500);
  EXPECT_TRUE(t.body_is_whole());
  EXPECT_LE(*t.writer.length, 64u << 10);
  t.close();
}

TEST(Exchange, TheIndexIsForDevelopersOnly) {
  TestExchange shown({.details = Details::kShown});
  shown.serve("f", "exit 0\n");
  shown.open("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(shown.writer.status, 200);
  EXPECT_EQ(shown.writer.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(shown.take_body(), HasSubstr("href=\"/f\""));
  shown.close();
  shown.open("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(shown.writer.status, 200);
  shown.close();
  shown.open("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(shown.writer.status, 404);
  shown.close();
  shown.serve("", "write 1 own\n");  // an index of the folder's own goes first
  shown.get("/");
  EXPECT_EQ(shown.take_body(), "own");
  shown.close();
}

// --- The log ------------------------------------------------------------------------------------

TEST(Exchange, StderrGoesToTheLogLineByLineWithTheRequestsId) {
  TestExchange t;
  t.serve("f", "write 2 \"one\\ntwo \\x1B[2J\\nthree\"\nwrite 1 ok\n");
  t.get("/f");
  const std::string id = t.exchange->request_id();
  EXPECT_EQ(t.take_body(), "ok");
  t.close();
  const std::string log = t.log.text();
  const std::string tail = " function=f request_id=" + id + "\n";
  EXPECT_THAT(log, HasSubstr(" info guest: one" + tail));
  EXPECT_THAT(log, HasSubstr(" info guest: two ?[2J" + tail));
  EXPECT_THAT(log, HasSubstr(" info guest: three" + tail)) << "the last line has no newline";
  EXPECT_THAT(log, HasSubstr(" access: GET /f status=200 function=f bytes_in=0 bytes_out=0 "));
}

TEST(Exchange, TheLogLimitDropsTheRestAndTheGuestGoesOn) {
  TestExchange t;
  t.serve("f", "repeat 1000\nwrite 2 \"many words of a talkative guest\\n\"\nend\nwrite 1 ok\n",
          {.limits = {.log_bytes = 1000}});
  t.get("/f");
  EXPECT_EQ(t.take_body(), "ok");
  t.close();
  const std::string log = t.log.text();
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 40);
  EXPECT_THAT(log, HasSubstr("the log limit is reached"));
}

TEST(Exchange, TheAccessLineLeavesTheQueryOut) {
  TestExchange t;
  t.serve("f", "exit 0\n");
  t.get("/f/x?token=secret");
  t.close();
  EXPECT_THAT(t.log.text(), HasSubstr("GET /f/x status=200"));
  EXPECT_THAT(t.log.text(), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace godwit::gateway
