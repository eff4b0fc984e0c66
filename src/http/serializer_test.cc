#include "http/serializer.h"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::http {
namespace {

const std::string kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

// The head with a fixed date, so that the whole of it can be compared.
struct Written {
  std::string text;
  BodyFraming body = BodyFraming::kNone;
  bool keep_alive = false;
};

Written write(int status, const ResponseOptions& options) {
  ResponseHead head{.status = status};
  EXPECT_TRUE(head.fields.append("Date", kDate));
  DateCache dates;
  Written written;
  const auto framing = append_response_head(written.text, head, options, dates);
  EXPECT_TRUE(framing.has_value());
  if (framing) written.body = framing->body, written.keep_alive = framing->keep_alive;
  return written;
}

std::string with_date(const std::string& line, const std::string& rest) {
  return "HTTP/1.1 " + line + "\r\nDate: " + kDate + "\r\n" + rest + "\r\n";
}

TEST(Serializer, KnownLength) {
  const Written written = write(200, {.content_length = 5});
  EXPECT_EQ(written.text, with_date("200 OK", "Content-Length: 5\r\n"));
  EXPECT_EQ(written.body, BodyFraming::kContentLength);
  EXPECT_TRUE(written.keep_alive);
}

TEST(Serializer, LengthZeroIsSaid) {
  EXPECT_EQ(write(404, {.content_length = 0}).text,
            with_date("404 Not Found", "Content-Length: 0\r\n"));
}

TEST(Serializer, UnknownLengthIsChunked) {
  const Written written = write(200, {});
  EXPECT_EQ(written.text, with_date("200 OK", "Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(written.body, BodyFraming::kChunked);
}

TEST(Serializer, UnknownLengthForHttp10EndsWithTheConnection) {
  const Written written = write(200, {.version = Version::kHttp10, .keep_alive = true});
  EXPECT_EQ(written.text, with_date("200 OK", "Connection: close\r\n"));
  EXPECT_EQ(written.body, BodyFraming::kUntilClose);
  EXPECT_FALSE(written.keep_alive);
}

TEST(Serializer, KeepAliveIsSaidToHttp10AndCloseToBoth) {
  EXPECT_EQ(write(200, {.version = Version::kHttp10, .content_length = 1}).text,
            with_date("200 OK", "Content-Length: 1\r\nConnection: keep-alive\r\n"));
  EXPECT_EQ(
      write(200, {.version = Version::kHttp10, .keep_alive = false, .content_length = 1}).text,
      with_date("200 OK", "Content-Length: 1\r\nConnection: close\r\n"));
  const Written close = write(200, {.keep_alive = false, .content_length = 1});
  EXPECT_EQ(close.text, with_date("200 OK", "Content-Length: 1\r\nConnection: close\r\n"));
  EXPECT_FALSE(close.keep_alive);
}

TEST(Serializer, HeadHasTheLengthAndNoBody) {
  const Written known = write(200, {.head_request = true, .content_length = 5});
  EXPECT_EQ(known.text, with_date("200 OK", "Content-Length: 5\r\n"));
  EXPECT_EQ(known.body, BodyFraming::kNone);
  const Written unknown = write(200, {.head_request = true});
  EXPECT_EQ(unknown.text, with_date("200 OK", ""));
  EXPECT_EQ(unknown.body, BodyFraming::kNone);
  EXPECT_TRUE(write(200, {.version = Version::kHttp10, .head_request = true}).keep_alive);
}

TEST(Serializer, StatusesWithoutABody) {
  for (const int status : {204, 304}) {
    const Written written = write(status, {.content_length = 5});
    EXPECT_EQ(written.body, BodyFraming::kNone);
    EXPECT_EQ(written.text.find("Content-Length"), std::string::npos) << status;
    EXPECT_EQ(write(status, {}).text.find("chunked"), std::string::npos) << status;
  }
  const Written reset = write(205, {.content_length = 5});
  EXPECT_EQ(reset.text, with_date("205 Reset Content", "Content-Length: 0\r\n"));
  EXPECT_EQ(reset.body, BodyFraming::kNone);
}

TEST(Serializer, UnknownStatusHasAnEmptyReason) {
  EXPECT_TRUE(write(299, {}).text.starts_with("HTTP/1.1 299 \r\n"));
}

TEST(Serializer, FieldsInOrderAndFramingIsOursAlone) {
  ResponseHead head;
  for (const auto& [name, value] : std::initializer_list<Field>{{"Date", kDate},
                                                                {"content-length", "99"},
                                                                {"B", "1"},
                                                                {"Transfer-Encoding", "gzip"},
                                                                {"connection", "upgrade"},
                                                                {"Upgrade", "websocket"},
                                                                {"Keep-Alive", "timeout=1"},
                                                                {"TE", "x"},
                                                                {"Trailer", "x"},
                                                                {"Proxy-Connection", "x"},
                                                                {"A", ""},
                                                                {"b", "2"}}) {
    ASSERT_TRUE(head.fields.append(name, value));
  }
  DateCache dates;
  std::string out = "before";
  ASSERT_TRUE(append_response_head(out, head, {.content_length = 1}, dates).has_value());
  EXPECT_EQ(out, "before" + with_date("200 OK", "B: 1\r\nA: \r\nb: 2\r\nContent-Length: 1\r\n"));
}

TEST(Serializer, OneDateIsAdded) {
  ResponseHead head;
  DateCache dates;
  std::string out;
  ASSERT_TRUE(append_response_head(out, head, {.content_length = 0}, dates).has_value());
  const std::size_t at = out.find("\r\nDate: ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(out.substr(at + 8 + 26, 5), "GMT\r\n");
  EXPECT_EQ(out.find("Date: ", at + 8), std::string::npos);
}

TEST(Serializer, InjectionIsRefusedAndWritesNothing) {
  const std::string nul("a\0b", 3);
  const std::vector<std::pair<std::string, std::string>> attacks = {{"A", "b\r\nSet-Cookie: evil"},
                                                                    {"A", "b\nc"},
                                                                    {"A", "b\rc"},
                                                                    {"A", nul},
                                                                    {"A", "b\r\n\r\n<html>"},
                                                                    {"A", "b\x7f"},
                                                                    {"A", " b"},
                                                                    {"A\r\nB", "c"},
                                                                    {"A: b", "c"},
                                                                    {"A B", "c"},
                                                                    {"", "c"},
                                                                    {nul, "c"},
                                                                    {"\xc3\xa9", "c"},
                                                                    {"A ", "c"},
                                                                    {"Connection", "a\r\nB: c"}};
  for (const auto& [name, value] : attacks) {
    ResponseHead head;
    ASSERT_TRUE(head.fields.append(name, value));
    DateCache dates;
    std::string out = "before";
    EXPECT_FALSE(append_response_head(out, head, {}, dates).has_value()) << name << value;
    EXPECT_EQ(out, "before");
  }
}

TEST(Serializer, StatusOutOfRangeIsRefused) {
  for (const int status : {-1, 0, 99, 100, 101, 199, 600, 1000}) {
    ResponseHead head{.status = status};
    DateCache dates;
    std::string out;
    EXPECT_FALSE(append_response_head(out, head, {}, dates).has_value()) << status;
    EXPECT_EQ(out, "");
  }
}

TEST(Serializer, Chunks) {
  std::string out;
  append_chunk_head(out, 1);
  out += "x";
  out += kChunkEnd;
  append_chunk_head(out, 0x1aF0);
  EXPECT_EQ(out, "1\r\nx\r\n1af0\r\n");
  EXPECT_EQ(kLastChunk, "0\r\n\r\n");
  EXPECT_DEATH(append_chunk_head(out, 0), "size > 0");
}

TEST(Serializer, TheLastChunkCarriesTrailers) {
  std::string out = "before";
  append_last_chunk(out, {});
  EXPECT_EQ(out, "before0\r\n\r\n");
  Fields trailers;
  ASSERT_TRUE(trailers.append("x-sum", "42"));
  ASSERT_TRUE(trailers.append("Transfer-Encoding", "chunked"));
  ASSERT_TRUE(trailers.append("connection", "close"));
  ASSERT_TRUE(trailers.append("x-sum", ""));
  out.clear();
  append_last_chunk(out, trailers);
  EXPECT_EQ(out, "0\r\nx-sum: 42\r\nx-sum: \r\n\r\n") << "none of the connection's own";
}

TEST(Serializer, Continue) { EXPECT_EQ(kContinueResponse, "HTTP/1.1 100 Continue\r\n\r\n"); }

TEST(DateCache, ImfFixdate) {
  DateCache dates;
  EXPECT_EQ(dates.at(784111777), kDate);
  EXPECT_EQ(dates.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(dates.at(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(dates.at(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(dates.at(784111777), kDate) << "back again";
  EXPECT_EQ(dates.now().size(), kDate.size());
}

}  // namespace
}  // namespace godwit::http
