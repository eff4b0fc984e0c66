#include "gateway/cgi_response.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

using namespace std::string_literals;
using Lines = std::vector<std::string>;

// "status | name: value | …" of what was read.
Lines lines_of(const http::ResponseHead& head) {
  Lines lines{std::to_string(head.status)};
  for (const http::Field& field : head.fields) {
    lines.push_back(std::string(field.name) + ": " + std::string(field.value));
  }
  return lines;
}

TEST(CgiResponse, Good) {
  const struct {
    std::string text;
    Lines expected;
    std::string body;
  } rows[] = {
      {"Content-Type: text/html\n\n<p>", {"200", "Content-Type: text/html"}, "<p>"},
      {"Content-Type: text/html\r\n\r\n\r\nx", {"200", "Content-Type: text/html"}, "\r\nx"},
      {"Content-Type: a/b\r\n\nx", {"200", "Content-Type: a/b"}, "x"},  // mixed
      {"Status: 404 Not Found\nContent-Type: a/b\n\n", {"404", "Content-Type: a/b"}, ""},
      {"status: 204\n\n", {"204"}, ""},
      {"STATUS:201\n\n", {"201"}, ""},
      {"Status:  599 \t reason with spaces\n\n", {"599"}, ""},
      {"Status: 200 \n\n", {"200"}, ""},
      {"Location: /things/7\n\n", {"302", "Location: /things/7"}, ""},
      {"Location: https://example.com/\nStatus: 201\n\n",
       {"201", "Location: https://example.com/"},
       ""},
      {"Status: 301\nlocation: /x\n\nmoved", {"301", "location: /x"}, "moved"},
      {"Content-Type: a/b\nSet-Cookie: a=1\nX-Other:v\nSet-Cookie: b=2\n\n",
       {"200", "Content-Type: a/b", "Set-Cookie: a=1", "X-Other: v", "Set-Cookie: b=2"},
       ""},
      {"Content-Type:\t a/b \t\n\n", {"200", "Content-Type: a/b"}, ""},
      {"Content-Type:\n\n", {"200", "Content-Type: "}, ""},
      {"X: caf\xC3\xA9\nStatus: 200\n\n", {"200", "X: caf\xC3\xA9"}, ""},
      // The connection is the server's.
      {"Content-Type: a/b\nContent-Length: 1\nTransfer-Encoding: chunked\nConnection: close\n"
       "Keep-Alive: x\nUpgrade: h2c\nTE: x\nTrailer: x\nProxy-Connection: x\n\nbody",
       {"200", "Content-Type: a/b"},
       "body"},
      {"Content-Type: a/b\n\n" + "Status: 500\n\n"s,
       {"200", "Content-Type: a/b"},
       "Status: 500\n\n"},
  };
  for (const auto& row : rows) {
    http::ResponseHead head;
    const auto read = parse_cgi_header(row.text, OutputState::kMore, head);
    ASSERT_TRUE(read) << row.text << " → " << read.error().text();
    ASSERT_TRUE(read->has_value()) << row.text;
    EXPECT_EQ(lines_of(head), row.expected) << row.text;
    EXPECT_EQ(row.text.substr((*read)->body_offset), row.body) << row.text;
  }
}

TEST(CgiResponse, Bad) {
  const std::string rows[] = {
      "\n",  // an empty block
      "\r\n\r\n",
      "X-Only: 1\n\n",  // none of the three
      "Content-Length: 3\n\nabc",
      "no colon\n\n",
      "<html>\n\n",  // a body without a block
      ": no name\n\n",
      "Content Type: a/b\n\n",   // not a token
      "Content-Type : a/b\n\n",  // a space before the colon
      " Content-Type: a/b\n\n",
      "Content-Type: a/b\n folded\n\n",  // obs-fold
      "Content-Type: a/b\n\tfolded: x\n\n",
      "Content-Type: a\rb\n\n",  // a CR inside
      "Content-Type: a/b\rX-Injected: 1\n\n",
      "Content-Type: a/b\r\r\n\n",
      "Content-Type: a\0b\n\n"s,
      "Content-Type: a\x7F\n\n",
      "Content-Type: \x1B[2J\n\n",
      "Na\0me: x\nStatus: 200\n\n"s,
      "Caf\xC3\xA9: x\nStatus: 200\n\n",
      "HTTP/1.1 200 OK\nContent-Type: a/b\n\n",  // non-parsed headers
      "HTTP/1.1 200 OK: x\nContent-Type: a/b\n\n",
      "Status:\n\n",
      "Status: 20\n\n",
      "Status: 2000\n\n",
      "Status: 0200\n\n",
      "Status: OK\n\n",
      "Status: 2x0\n\n",
      "Status: 200OK\n\n",
      "Status: +20\n\n",
      "Status: 100\n\n",  // interim, and switching protocols
      "Status: 101 Switching Protocols\n\n",
      "Status: 199\n\n",
      "Status: 600\n\n",
      "Status: 999\n\n",
      "Status: 200\nStatus: 200\n\n",
      "Content-Type: a/b\ncontent-type: a/b\n\n",
      "Location: /a\nLOCATION: /b\n\n",
  };
  for (const std::string& text : rows) {
    http::ResponseHead head;
    const auto read = parse_cgi_header(text, OutputState::kEnded, head);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kBadCgiResponse) << text;
    EXPECT_FALSE(read.error().detail.empty()) << text;
  }
}

TEST(CgiResponse, EveryPrefixIsUnfinishedAndMoreOutputChangesNothing) {
  const std::string block = "Status: 201 Created\r\nContent-Type: a/b\r\nX: y\r\n\r\n";
  for (std::size_t size = 0; size < block.size(); ++size) {
    http::ResponseHead head;
    const auto more = parse_cgi_header(block.substr(0, size), OutputState::kMore, head);
    ASSERT_TRUE(more) << size;
    EXPECT_FALSE(more->has_value()) << size;
    EXPECT_FALSE(parse_cgi_header(block.substr(0, size), OutputState::kEnded, head)) << size;
  }
  for (const char* body : {"", "x", "\r\n", "Status: 500\r\n\r\n"}) {
    http::ResponseHead head;
    const auto read = parse_cgi_header(block + body, OutputState::kMore, head);
    ASSERT_TRUE(read && read->has_value());
    EXPECT_EQ((*read)->body_offset, block.size());
    EXPECT_EQ(head.status, 201);
  }
}

TEST(CgiResponse, ABlockMustFitIntoItsLimit) {
  const std::string start = "Content-Type: a/b\nX: ";
  const std::size_t rest = kMaxCgiHeaderBytes - start.size() - 2;
  http::ResponseHead head;
  const auto fits =
      parse_cgi_header(start + std::string(rest, 'x') + "\n\nbody", OutputState::kMore, head);
  ASSERT_TRUE(fits && fits->has_value());
  EXPECT_EQ((*fits)->body_offset, kMaxCgiHeaderBytes);
  EXPECT_FALSE(
      parse_cgi_header(start + std::string(rest + 1, 'x') + "\n\nbody", OutputState::kMore, head));
  EXPECT_FALSE(parse_cgi_header(std::string(kMaxCgiHeaderBytes, 'x'), OutputState::kMore, head));
  const auto one_less =
      parse_cgi_header(std::string(kMaxCgiHeaderBytes - 1, 'x'), OutputState::kMore, head);
  ASSERT_TRUE(one_less);
  EXPECT_FALSE(one_less->has_value());
}

TEST(CgiResponse, TooManyFields) {
  std::string text = "Content-Type: a/b\n";
  for (int i = 0; i < 200; ++i) text += "X: y\n";
  http::ResponseHead head;
  EXPECT_FALSE(parse_cgi_header(text + "\n", OutputState::kEnded, head));
}

// The head is reused for every response.
TEST(CgiResponse, NothingOfAnEarlierHeadIsLeft) {
  http::ResponseHead head;
  ASSERT_TRUE(parse_cgi_header("Status: 500\nX: y\n\n", OutputState::kEnded, head));
  ASSERT_TRUE(parse_cgi_header("Content-Type: a/b\n\n", OutputState::kEnded, head));
  EXPECT_EQ(lines_of(head), (Lines{"200", "Content-Type: a/b"}));
}

}  // namespace
}  // namespace godwit::gateway
