// Connections over real sockets: requests one after the other, bodies in both directions.
// connection_abuse_test.cc has clients that misbehave.
#include "server/connection.h"

#include <string>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/test_client.h"
#include "server/test_server.h"

namespace godwit::server {
namespace {

using test::Client;
using test::Reply;
using test::TestServer;
using testing::HasSubstr;
using testing::Not;

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    server_.serve("hello", "write 1 hello\n");
    server_.serve("query", "env QUERY_STRING\n");
    server_.serve("echo", "echo\n");
    server_.serve("stream",
                  "write 1 first\nsleep_ms 1\nwrite 1 second\nsleep_ms 1\nwrite 1 third\n");
    server_.serve("cgi", "write 1 \"Status: \"\nenv QUERY_STRING\nwrite 1 \"\\n\\nbody\"\n",
                  {.response = manifest::ResponseMode::kCgi});
    server_.start();
  }
  TestServer server_;
};

TEST_F(ConnectionTest, OneRequest) {
  const Reply reply = server_.get("/hello");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_TRUE(reply.has("Content-Length: 5"));
  EXPECT_TRUE(reply.has("Connection: close"));
  EXPECT_TRUE(reply.has("Content-Type: text/plain; charset=utf-8"));
  EXPECT_THAT(reply.head, HasSubstr("\r\nDate: "));
  EXPECT_THAT(reply.head, HasSubstr("\r\nx-request-id: "));
}

TEST_F(ConnectionTest, AConnectionIsKeptForTheNextRequest) {
  Client client(server_.address());
  std::string ids;
  for (int i = 0; i < 20; ++i) {
    client.get("/query?i=" + std::to_string(i));
    const Reply reply = client.read();
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "i=" + std::to_string(i));
    EXPECT_FALSE(reply.has("Connection: close"));
  }
}

TEST_F(ConnectionTest, ClosesWhenTheClientWantsIt) {
  for (const char* head : {"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                           "GET /hello HTTP/1.0\r\n\r\n"}) {
    Client client(server_.address());
    client.send(head);
    EXPECT_EQ(client.read().body, "hello");
    EXPECT_TRUE(client.at_end()) << head;
    EXPECT_EQ(client.last_error(), 0) << "a reset instead of an end";
  }
}

TEST_F(ConnectionTest, Http10IsKeptOnlyWhenAsked) {
  Client client(server_.address());
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.read().body, "hello");
  client.send("GET /query?x HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read().body, "x");
  EXPECT_TRUE(client.at_end());
}

TEST_F(ConnectionTest, PipelinedRequestsAreAnsweredInOrder) {
  std::string requests;
  for (int i = 0; i < 30; ++i) {
    requests += "GET /query?i=" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    requests += "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    requests += "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  Client client(server_.address());
  client.send(requests);
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(client.read().body, "i=" + std::to_string(i));
    ASSERT_EQ(client.read().body, "abc");
    ASSERT_EQ(client.read().body, "firstsecondthird");
  }
}

TEST_F(ConnectionTest, AnErrorInThePipelineHoldsNothingUp) {
  Client client(server_.address());
  client.send(
      "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
      "GET /hello?x=%00 HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read().status, 404);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 400);
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(ConnectionTest, RequestsMayComeByteByByte) {
  Client client(server_.address());
  const std::string requests =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const char c : requests) client.send({&c, 1});
  EXPECT_EQ(client.read().body, "abcde");
  EXPECT_EQ(client.read().body, "hello");
}

TEST_F(ConnectionTest, AStreamIsChunkedOrEndsWithTheConnection) {
  Client client(server_.address());
  client.get("/stream");
  const Reply chunked = client.read();
  EXPECT_TRUE(chunked.chunked);
  EXPECT_TRUE(chunked.complete);
  EXPECT_EQ(chunked.body, "firstsecondthird");
  const Reply until_close = server_.request("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(until_close.chunked);
  EXPECT_THAT(until_close.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(until_close.body, "firstsecondthird");
  EXPECT_TRUE(until_close.complete);
}

// What the guest has written is sent while it waits.
TEST_F(ConnectionTest, OutputDoesNotWaitForTheEnd) {
  server_.serve("stall", "write 1 early\nwait\n");
  server_.server->publish(server_.routes);
  Client client(server_.address());
  client.get("/stall");
  while (client.take_buffer().find("early") == std::string::npos) ASSERT_TRUE(client.wait_for(1));
  client.reset();
}

TEST_F(ConnectionTest, HeadHasNoBody) {
  Client client(server_.address());
  for (const char* target : {"/hello", "/stream", "/nothing"}) {
    client.send("HEAD " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    const Reply reply = client.read("HEAD");
    EXPECT_EQ(reply.status, target == std::string("/nothing") ? 404 : 200);
  }
  client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(client.read("HEAD").has("Content-Length: 5"));
  EXPECT_EQ(client.read().body, "hello");
}

TEST_F(ConnectionTest, StatusesWithoutBody) {
  Client client(server_.address());
  for (const char* status : {"204", "304"}) {
    client.get("/cgi?" + std::string(status));
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, std::stoi(status));
    EXPECT_THAT(reply.head, Not(HasSubstr("Transfer-Encoding")));
  }
  client.get("/cgi?418");
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 418);
  EXPECT_EQ(reply.body, "body") << "the body of a 204 was sent";
}

// Each side is slow in turn; nothing is lost and nothing is kept but two pipes.
TEST_F(ConnectionTest, LargeBodiesBothWaysAtOnce) {
  constexpr std::size_t kSize = std::size_t{4} << 20;
  std::string body(kSize, '\0');
  for (std::size_t i = 0; i < kSize; ++i) body[i] = static_cast<char>('a' + i / 1000 % 26);
  for (const bool chunked : {false, true}) {
    Client client(server_.address());
    std::thread sender([&] {
      if (!chunked) {
        client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(kSize) +
                    "\r\n\r\n" + body);
        return;
      }
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (std::size_t at = 0; at < kSize; at += 50'000) {
        const std::string piece = body.substr(at, 50'000);
        client.send(fmt::format("{:x}\r\n", piece.size()) + piece + "\r\n");
      }
      client.send("0\r\n\r\n");
    });
    const Reply reply = client.read();
    sender.join();
    EXPECT_TRUE(reply.complete);
    EXPECT_TRUE(reply.body == body) << reply.body.size();
    client.get("/hello");
    EXPECT_EQ(client.read().body, "hello") << "the connection is not usable any more";
  }
}

TEST_F(ConnectionTest, AClientThatExpectsContinueIsToldToGoOn) {
  Client client(server_.address());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.send("body");
  EXPECT_EQ(client.read().body, "body");
}

TEST_F(ConnectionTest, AClientThatExpectsContinueIsRefusedWithoutItsBody) {
  Client client(server_.address());
  client.send(
      "POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 404);
  EXPECT_TRUE(reply.has("Connection: close")) << "nobody knows whether the body will come";
  client.end_sending();
  EXPECT_TRUE(client.at_end());
}

// A guest that does not read its stdin: what comes of the body is dropped.
TEST_F(ConnectionTest, AnUnreadBodyIsDroppedAndTheConnectionKept) {
  Client client(server_.address());
  const std::string body(100'000, 'x');
  client.send("POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  const Reply early = client.read();
  EXPECT_EQ(early.body, "hello") << "the answer waits for the body";
  client.send(body);
  client.get("/query?next");
  EXPECT_EQ(client.read().body, "next");
}

TEST_F(ConnectionTest, AnUnreadBodyThatIsTooLongEndsTheConnectionAfterTheAnswer) {
  Client client(server_.address());
  client.send("POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n");
  // Sent at the same time as the answer comes: a reset would destroy that on its way.
  std::thread sender([&] { client.send(std::string(1'000'000, 'x')); });
  const Reply reply = client.read();
  sender.join();
  EXPECT_EQ(reply.body, "hello");
  client.end_sending();
  EXPECT_TRUE(client.at_end());
}

// Many clients send all before they read anything: what they send must be taken.
TEST_F(ConnectionTest, AnUnreadBodyIsTakenAlsoWhenTheConnectionIsToBeClosed) {
  Client client(server_.address());
  client.send(
      "POST /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 8000000\r\n\r\n");
  client.send(std::string(8'000'000, 'x'));
  EXPECT_EQ(client.read().body, "hello");
  EXPECT_TRUE(client.at_end());
}

TEST_F(ConnectionTest, EveryRequestHasOneAccessLine) {
  Client client(server_.address());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  client.read();
  client.get("/nothing?secret");
  client.read();
  client.close();
  server_.stop();
  const std::string log = server_.log.text();
  EXPECT_THAT(log,
              HasSubstr(" access: POST /echo status=200 function=echo bytes_in=3 bytes_out=3 "));
  EXPECT_THAT(log, HasSubstr(" access: GET /nothing status=404 code=E1008 complete=true "));
  EXPECT_THAT(log, HasSubstr(" client=127.0.0.1 "));
  EXPECT_THAT(log, Not(HasSubstr("secret")));
}

// --- A response that is not whole ---------------------------------------------------------------

TEST_F(ConnectionTest, AGuestThatFailsAfterTheHeadIsSeenToHaveFailed) {
  server_.serve("fails", "fill 1 100000 x\ntrap unreachable\n");
  server_.server->publish(server_.routes);
  Client chunked(server_.address());
  chunked.get("/fails");
  const Reply reply = chunked.read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.complete) << "the last chunk came, it looks whole";
  Client until_close(server_.address());
  until_close.send("GET /fails HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(until_close.read().complete) << "an end that looks like a whole answer";
  EXPECT_EQ(until_close.last_error(), ECONNRESET);
}

}  // namespace
}  // namespace godwit::server
