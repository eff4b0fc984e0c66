#include "gateway/http_answer.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

http::Fields fields_of(const Pairs& pairs) {
  http::Fields fields;
  for (const auto& [name, value] : pairs) EXPECT_TRUE(fields.append(name, value));
  return fields;
}

struct TestAnswer {
  TestAnswer() : TestAnswer(Pairs()) {}
  explicit TestAnswer(const Pairs& request_fields) {
    request.fields = fields_of(request_fields);
    output.begin(1 << 20);
    answer.begin(request);
  }
  TestAnswer(const TestAnswer&) = delete;
  TestAnswer& operator=(const TestAnswer&) = delete;

  http::BodyPipe in;
  http::BodyPipe out;
  GuestInput input{in};
  GuestOutput output{out};
  http::Request request;
  HttpAnswer answer{&in, input, output};
};

std::string head_text(const TestAnswer& test) {
  if (test.answer.head() == nullptr) return "none";
  std::string text = std::to_string(test.answer.head()->status);
  for (const http::Field& field : test.answer.head()->fields) {
    text.append(" ").append(field.name).append("=").append(field.value);
  }
  return text;
}

ErrorCode code_of(const Result<void>& result) {
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(HttpAnswer, RespondsOnce) {
  TestAnswer test;
  EXPECT_EQ(head_text(test), "none");
  EXPECT_TRUE(test.answer.respond(201, fields_of({{"x-a", "1"}, {"x-a", "2"}})));
  EXPECT_FALSE(test.answer.respond(500, {}));
  test.answer.respond_with_error("too late");
  EXPECT_EQ(head_text(test), "201 x-a=1 x-a=2");
  EXPECT_TRUE(test.answer.close(0));
}

TEST(HttpAnswer, TheStatusIsFinal) {
  for (const int status : {-1, 0, 99, 100, 101, 199, 600, 999, 65535}) {
    TestAnswer test;
    EXPECT_FALSE(test.answer.respond(status, {})) << status;
    EXPECT_EQ(test.answer.head(), nullptr);
    EXPECT_TRUE(test.answer.respond(599, {})) << "nothing had happened";
  }
}

TEST(HttpAnswer, MalformedFieldsAreRefused) {
  const Pairs bad = {{"", "v"},
                     {"a b", "v"},
                     {"a:", "v"},
                     {"a\n", "v"},
                     {"\xC3\xA9", "v"},
                     {"a", "b\r\nc"},
                     {"a", "b\nc: d"},
                     {"a", std::string(1, 0)},
                     {"connection", "x\r\ny"}};
  for (const auto& pair : bad) {
    TestAnswer test;
    http::Fields fields;
    if (!fields.append(pair.first, pair.second)) continue;
    EXPECT_FALSE(test.answer.respond(200, fields)) << pair.first << pair.second;
    EXPECT_EQ(test.answer.head(), nullptr);
  }
}

TEST(HttpAnswer, FieldsThatAreNotTheGuestsAreLeftOut) {
  TestAnswer test;
  ASSERT_TRUE(test.answer.respond(200, fields_of({{"Connection", "close"},
                                                  {"Transfer-Encoding", "chunked"},
                                                  {"Keep-Alive", "1"},
                                                  {"Upgrade", "h2c"},
                                                  {"X-Request-Id", "mine"},
                                                  {"x-kept", "1"}})));
  EXPECT_EQ(head_text(test), "200 x-kept=1");
}

TEST(HttpAnswer, TheLengthIsDeclaredOrKnownAtTheEnd) {
  TestAnswer declared;
  ASSERT_TRUE(declared.answer.respond(
      200, fields_of({{"Content-Length", "12"}, {"content-length", "12"}})));
  EXPECT_EQ(head_text(declared), "200") << "it is ours to write";
  EXPECT_EQ(declared.answer.length(3), 12U);
  EXPECT_TRUE(declared.answer.finish_response(nullptr));
  EXPECT_EQ(declared.answer.length(3), 12U);
  TestAnswer open;
  ASSERT_TRUE(open.answer.respond(200, {}));
  EXPECT_EQ(open.answer.length(3), std::nullopt) << "more may come";
  EXPECT_TRUE(open.answer.finish_response(nullptr));
  EXPECT_EQ(open.answer.length(3), 3U);
}

TEST(HttpAnswer, LengthsThatAreNoneOrTwoAreRefused) {
  for (const char* const value : {"", "-1", "+1", "1a", "0x10", "1, 1", "99999999999999999999"}) {
    TestAnswer test;
    EXPECT_FALSE(test.answer.respond(200, fields_of({{"content-length", value}}))) << value;
  }
  TestAnswer two;
  EXPECT_FALSE(
      two.answer.respond(200, fields_of({{"content-length", "1"}, {"Content-Length", "2"}})));
}

TEST(HttpAnswer, TrailersOnlyForClientsThatTakeThem) {
  const http::Fields trailers = fields_of({{"x-sum", "42"}});
  for (const char* const te : {"trailers", "gzip, Trailers", "gzip;q=0.5 ,\ttrailers "}) {
    TestAnswer test(Pairs{{"TE", te}});
    ASSERT_TRUE(test.answer.respond(200, {}));
    EXPECT_TRUE(test.answer.finish_response(&trailers));
    ASSERT_NE(test.answer.trailers(), nullptr) << te;
    EXPECT_EQ((*test.answer.trailers())[0].value, "42");
    EXPECT_EQ(test.answer.length(3), std::nullopt) << "with a length there is no place for them";
  }
  for (const Pairs& without :
       {Pairs{}, Pairs{{"te", "gzip"}}, Pairs{{"te", "trailersx"}}, Pairs{{"te", ""}},
        Pairs{{"te", ",,"}}, Pairs{{"x-te", "trailers"}}}) {
    TestAnswer test(without);
    ASSERT_TRUE(test.answer.respond(200, {}));
    EXPECT_TRUE(test.answer.finish_response(&trailers));
    EXPECT_EQ(test.answer.trailers(), nullptr);
    EXPECT_EQ(test.answer.length(3), 3U);
  }
  TestAnswer declared(Pairs{{"te", "trailers"}});
  ASSERT_TRUE(declared.answer.respond(200, fields_of({{"content-length", "3"}})));
  EXPECT_TRUE(declared.answer.finish_response(&trailers));
  EXPECT_EQ(declared.answer.trailers(), nullptr);
}

TEST(HttpAnswer, TrailersThatCantBeSentAreAllLeftOut) {
  for (const auto& [name, value] : Pairs{{"a b", "v"},
                                         {"connection", "close"},
                                         {"x", "a\nb"},
                                         {"Set-Cookie", "a=b"},
                                         {"content-length", "5"},
                                         {"content-type", "text/html"},
                                         {"host", "other.test"},
                                         {"authorization", "Bearer x"},
                                         {"cache-control", "public"},
                                         {"X-Request-Id", "mine"}}) {
    TestAnswer test(Pairs{{"te", "trailers"}});
    http::Fields trailers = fields_of({{"x-good", "1"}});
    if (!trailers.append(name, value)) continue;
    ASSERT_TRUE(test.answer.respond(200, {}));
    EXPECT_FALSE(test.answer.finish_response(&trailers)) << name;
    EXPECT_EQ(test.answer.trailers(), nullptr);
    EXPECT_TRUE(test.answer.complete()) << "the body is whole all the same";
  }
}

TEST(HttpAnswer, AnAbortedOneStaysSo) {
  TestAnswer test;
  test.answer.abort_response();
  EXPECT_FALSE(test.answer.aborted()) << "nothing had begun";
  ASSERT_TRUE(test.answer.respond(200, {}));
  test.answer.abort_response();
  EXPECT_TRUE(test.answer.aborted());
  EXPECT_FALSE(test.answer.finish_response(nullptr));
  EXPECT_EQ(code_of(test.answer.close(0)), ErrorCode::kHttpResponseIncomplete);
  TestAnswer whole;
  ASSERT_TRUE(whole.answer.respond(200, {}));
  ASSERT_TRUE(whole.answer.finish_response(nullptr));
  whole.answer.abort_response();
  EXPECT_TRUE(whole.answer.complete());
  EXPECT_FALSE(whole.answer.finish_response(nullptr)) << "the second time";
}

TEST(HttpAnswer, ClosesAsWhatItIs) {
  TestAnswer none;
  EXPECT_EQ(code_of(none.answer.close(0)), ErrorCode::kNoHttpResponse);
  EXPECT_FALSE(none.answer.finish_response(nullptr));
  TestAnswer error;
  error.answer.respond_with_error(std::string(10'000, 'e'));
  error.answer.respond_with_error("second");
  EXPECT_FALSE(error.answer.respond(200, {}));
  const auto closed = error.answer.close(0);
  ASSERT_EQ(code_of(closed), ErrorCode::kGuestAnsweredError);
  EXPECT_EQ(closed.error().detail, std::string(256, 'e'));
  for (const std::uint64_t written : {0, 4, 6}) {
    TestAnswer short_one;
    ASSERT_TRUE(short_one.answer.respond(200, fields_of({{"content-length", "5"}})));
    EXPECT_EQ(code_of(short_one.answer.close(written)), ErrorCode::kHttpResponseIncomplete);
  }
  TestAnswer open;
  ASSERT_TRUE(open.answer.respond(200, {}));
  EXPECT_TRUE(open.answer.close(7)) << "left open by a guest that ended well";
  EXPECT_EQ(open.answer.length(7), 7U);
}

TEST(HttpAnswer, TheRequestsBodyFailsWhenItsPipeDoes) {
  TestAnswer test;
  EXPECT_EQ(test.answer.request_body_failure(), std::nullopt);
  EXPECT_EQ(test.answer.request_trailers(), nullptr);
  const http::Fields trailers = fields_of({{"a", "b"}});
  test.answer.set_request_trailers(trailers);
  EXPECT_EQ(test.answer.request_trailers(), &trailers);
  test.in.abort(ErrorCode::kBadRequest);
  EXPECT_EQ(test.answer.request_body_failure(), capability::OutboundFailure::kConnectionTerminated);
  HttpAnswer without(nullptr, test.input, test.output);
  EXPECT_EQ(without.request_body_failure(), std::nullopt);
}

TEST(HttpAnswer, IsAsNewForTheNextRequest) {
  TestAnswer test(Pairs{{"te", "trailers"}});
  const http::Fields trailers = fields_of({{"a", "b"}});
  test.answer.set_request_trailers(trailers);
  ASSERT_TRUE(test.answer.respond(200, fields_of({{"x-a", "1"}})));
  ASSERT_TRUE(test.answer.finish_response(&trailers));
  test.answer.clear();
  test.answer.begin(test.request);
  EXPECT_EQ(test.answer.head(), nullptr);
  EXPECT_EQ(test.answer.trailers(), nullptr);
  EXPECT_EQ(test.answer.request_trailers(), nullptr);
  EXPECT_FALSE(test.answer.complete());
  ASSERT_TRUE(test.answer.respond(204, {}));
  EXPECT_EQ(head_text(test), "204");
}

}  // namespace
}  // namespace godwit::gateway
