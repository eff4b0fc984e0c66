#include "http/parser.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "http/parser_cases.h"
#include "http/parser_trace.h"

namespace godwit::http {
namespace {

using std::string_view_literals::operator""sv;

const std::string kGet = "GET /a?b HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";

std::vector<ParserCase> all_cases() {
  std::vector<ParserCase> cases = valid_cases();
  for (ParserCase& each : refused_cases()) cases.push_back(std::move(each));
  return cases;
}

PieceSize random_pieces(unsigned seed) {
  return [random = std::minstd_rand(seed)](std::size_t left) mutable {
    // Mostly small ones, since it is the odd cut within a line that matters.
    const std::size_t size = random() % 8 == 0 ? 1 + random() % 4096 : 1 + random() % 12;
    return std::min(size, left);
  };
}

TEST(ParserCases, ValidRequestsAreRead) {
  for (const ParserCase& each : valid_cases()) {
    const Trace traced = trace(each.input, whole());
    EXPECT_EQ(traced.text, each.expected) << each.name;
    EXPECT_EQ(traced.defect, "") << each.name;
    EXPECT_EQ(traced.consumed, each.input.size()) << each.name;
  }
}

TEST(ParserCases, RefusedRequestsAreRefusedWithTheirCode) {
  for (const ParserCase& each : refused_cases()) {
    const Trace traced = trace(each.input, whole());
    EXPECT_EQ(traced.text, each.expected) << each.name;
    EXPECT_LE(traced.consumed, each.input.size()) << each.name;
  }
}

TEST(ParserCases, ThereAreManyAndTheirNamesDiffer) {
  std::set<std::string> names;
  for (const ParserCase& each : all_cases()) names.insert(each.name);
  EXPECT_EQ(names.size(), all_cases().size());
  EXPECT_GE(refused_cases().size(), 150U);
}

TEST(ParserCases, ByteByByteGivesTheSame) {
  for (const ParserCase& each : all_cases()) {
    EXPECT_EQ(trace(each.input, byte_by_byte()).text, each.expected) << each.name;
  }
}

TEST(ParserCases, EveryCutInTwoGivesTheSame) {
  for (const ParserCase& each : all_cases()) {
    if (each.input.size() > 300) continue;
    for (std::size_t cut = 1; cut < each.input.size(); ++cut) {
      const auto at_cut = [&each, cut](std::size_t left) {
        return left == each.input.size() ? cut : left;
      };
      EXPECT_EQ(trace(each.input, at_cut).text, each.expected) << each.name << " cut at " << cut;
    }
  }
}

RC_GTEST_PROP(ParserProperty, RandomPiecesGiveTheSame, (unsigned seed)) {
  static const std::vector<ParserCase> kCases = all_cases();
  for (const ParserCase& each : kCases) {
    RC_ASSERT(trace(each.input, random_pieces(seed)).text == each.expected);
  }
}

// Valid requests with bytes changed, put together.
std::string mangled(std::minstd_rand& random) {
  static const std::vector<ParserCase> kCases = valid_cases();
  static constexpr std::string_view kBytes = "\r\n \t:,;\0aA0/%?#\x7f\xff"sv;
  std::string input = kCases[random() % kCases.size()].input;
  input += kCases[random() % kCases.size()].input;
  for (auto changes = random() % 4; changes != 0 && !input.empty(); --changes) {
    const std::size_t at = random() % input.size();
    const char byte = kBytes[random() % kBytes.size()];
    switch (random() % 3) {
      case 0: input[at] = byte; break;
      case 1: input.insert(at, 1, byte); break;
      default: input.erase(at, 1); break;
    }
  }
  return input;
}

RC_GTEST_PROP(ParserProperty, MangledRequestsAreReadTheSameHoweverTheyAreCut, (unsigned seed)) {
  std::minstd_rand random(seed);
  for (int i = 0; i < 50; ++i) {
    const std::string input = mangled(random);
    const std::string expected = trace(input, whole()).text;
    const Trace in_bytes = trace(input, byte_by_byte());
    RC_ASSERT(in_bytes.text == expected);
    RC_ASSERT(in_bytes.defect.empty());
    RC_ASSERT(trace(input, random_pieces(seed)).text == expected);
  }
}

TEST(Parser, EveryByteInEveryPlaceOfAFieldIsDecidedByTheGrammar) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string c(1, static_cast<char>(byte));
    const bool token =
        std::isalnum(byte) != 0 || (byte != 0 && std::strchr("!#$%&'*+-.^_`|~", byte));
    const bool text = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
    const auto accepted = [](const std::string& field) {
      const Trace traced = trace("GET / HTTP/1.1\r\nHost: h\r\n" + field + "\r\n\r\n", whole());
      return traced.text.ends_with("end; idle");
    };
    EXPECT_EQ(accepted("a" + c + "b: x"), (token && byte < 128) || c == ":") << byte;
    EXPECT_EQ(accepted("a: x" + c + "y"), text) << byte;
  }
}

TEST(Parser, HeadIsReportedBeforeTheBodyIsTouched) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  Parser parser;
  const auto step = parser.feed(as_bytes(head + "abc"));
  EXPECT_EQ(step.event, Event::kHead);
  EXPECT_EQ(step.consumed, head.size());
  EXPECT_EQ(parser.request().content_length, 3U);
  EXPECT_TRUE(parser.request().has_body());
}

TEST(Parser, StopsAtTheEndOfTheMessage) {
  Parser parser;
  const std::string two = kGet + kGet;
  EXPECT_EQ(parser.feed(as_bytes(two)).consumed, kGet.size());
  const auto end = parser.feed(as_bytes(kGet));
  EXPECT_EQ(end.event, Event::kComplete);
  EXPECT_EQ(end.consumed, 0U);
  EXPECT_EQ(parser.feed(as_bytes(kGet)).event, Event::kComplete) << "until next()";
  parser.next();
  EXPECT_EQ(parser.feed(as_bytes(kGet)).event, Event::kHead);
}

TEST(Parser, ABodyPieceIsAViewOfTheInput) {
  Parser parser;
  ASSERT_EQ(parser.feed(as_bytes("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n")).event,
            Event::kHead);
  const std::string body = "abcNEXT";
  const auto step = parser.feed(as_bytes(body));
  EXPECT_EQ(step.event, Event::kBody);
  EXPECT_EQ(as_text(step.body), "abc");
  EXPECT_EQ(as_text(step.body).data(), body.data());
  EXPECT_EQ(step.consumed, 3U);
  EXPECT_EQ(parser.body_bytes(), 3U);
}

TEST(Parser, RequestStaysValidUntilNextWhateverComes) {
  Parser parser;
  std::string head =
      "POST /path?query HTTP/1.1\r\nHost: host\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_EQ(parser.feed(as_bytes(head)).event, Event::kHead);
  head.assign(head.size(), '?');  // the input's buffer is used again
  const std::string body = "5;" + std::string(200, 'x') + "\r\nabcde\r\n0\r\nHost: evil\r\n\r\n";
  std::size_t used = 0;
  while (true) {
    const auto step = parser.feed(as_bytes(std::string_view(body).substr(used)));
    used += step.consumed;
    if (step.event == Event::kComplete) break;
    ASSERT_EQ(step.event, Event::kBody);
  }
  const Request& request = parser.request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/path?query");
  EXPECT_EQ(request.path, "/path");
  EXPECT_EQ(request.query, "query");
  EXPECT_EQ(request.host, "host");
  EXPECT_EQ(request.fields.size(), 2U);
  EXPECT_EQ(request.fields.get("HOST"), "host");
  EXPECT_TRUE(request.chunked);
}

TEST(Parser, NothingOfARequestIsLeftForTheNext) {
  Parser parser;
  const std::string first =
      "POST http://other/x?y HTTP/1.0\r\nHost: h\r\nContent-Length: 1\r\nExpect: z\r\n\r\n";
  ASSERT_EQ(parser.feed(as_bytes(first)).event, Event::kHead);
  ASSERT_EQ(parser.feed(as_bytes("q")).event, Event::kBody);
  ASSERT_EQ(parser.feed({}).event, Event::kComplete);
  parser.next();
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.feed(as_bytes("GET / HTTP/1.1\r\nHost: i\r\n\r\n")).event, Event::kHead);
  const Request& request = parser.request();
  EXPECT_EQ(request.host, "i");
  EXPECT_EQ(request.query, "");
  EXPECT_EQ(request.version, Version::kHttp11);
  EXPECT_FALSE(request.content_length.has_value());
  EXPECT_EQ(request.expectation, Expectation::kNone);
  EXPECT_EQ(request.fields.size(), 1U);
  EXPECT_EQ(parser.body_bytes(), 0U);
}

TEST(Parser, IdleOnlyBeforeTheFirstByteOfARequest) {
  Parser parser;
  EXPECT_TRUE(parser.idle());
  parser.feed(as_bytes("\r\n"));
  EXPECT_TRUE(parser.idle()) << "an empty line is no request";
  parser.feed(as_bytes("G"));
  EXPECT_FALSE(parser.idle());
  parser.reset();
  EXPECT_TRUE(parser.idle());
}

TEST(Parser, AnErrorStays) {
  Parser parser;
  EXPECT_EQ(parser.feed(as_bytes("\x01")).event, Event::kError);
  const auto again = parser.feed(as_bytes(kGet));
  EXPECT_EQ(again.event, Event::kError);
  EXPECT_EQ(again.consumed, 0U);
  EXPECT_EQ(parser.error().code, ErrorCode::kBadRequest);
  parser.reset();
  EXPECT_EQ(parser.feed(as_bytes(kGet)).event, Event::kHead);
}

TEST(Parser, ErrorDetailQuotesNothingOfTheClient) {
  for (const ParserCase& each : refused_cases()) {
    Parser parser;
    std::string_view rest = each.input;
    Parser::Step step;
    do {
      step = parser.feed(as_bytes(rest));
      rest.remove_prefix(step.consumed);
    } while (step.event == Event::kHead || step.event == Event::kBody);
    ASSERT_EQ(step.event, Event::kError) << each.name;
    for (const char c : parser.error().detail) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << each.name;
    EXPECT_LT(parser.error().detail.size(), 100U) << each.name;
  }
}

TEST(Parser, LimitsAreExact) {
  const ParserLimits limits{.method_bytes = 4,
                            .target_bytes = 10,
                            .fields_bytes = 20,
                            .fields_count = 2,
                            .chunk_line_bytes = 8,
                            .chunk_extension_bytes = 8,
                            .trailer_bytes = 8,
                            .trailer_count = 1};
  const auto last_word = [&limits](const std::string& input) {
    const std::string text = trace(input, whole(), limits).text;
    EXPECT_EQ(trace(input, byte_by_byte(), limits).text, text);
    return text.substr(text.rfind(' ') + 1);
  };
  const auto with_target = [](std::size_t size) {
    return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  EXPECT_EQ(last_word(with_target(10)), "idle");
  EXPECT_EQ(last_word(with_target(11)), "kTargetTooLong");
  EXPECT_EQ(last_word("POST / HTTP/1.1\r\nHost: h\r\n\r\n"), "idle");
  EXPECT_EQ(last_word("PATCH / HTTP/1.1\r\nHost: h\r\n\r\n"), "kBadRequest");
  // "Host: h\r\n" is 9 bytes.
  EXPECT_EQ(last_word("GET / HTTP/1.1\r\nHost: h\r\na: 345678\r\n\r\n"), "idle");
  EXPECT_EQ(last_word("GET / HTTP/1.1\r\nHost: h\r\na: 3456789\r\n\r\n"), "kHeaderFieldsTooLarge");
  EXPECT_EQ(last_word("GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\n\r\n"), "kHeaderFieldsTooLarge");
  const std::string chunked = "POST / HTTP/1.1\r\nHost:h\r\n";
  const ParserLimits wide{
      .chunk_line_bytes = 8, .chunk_extension_bytes = 8, .trailer_bytes = 8, .trailer_count = 1};
  const auto chunk_word = [&wide](const std::string& body) {
    const std::string text =
        trace("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body, whole(),
              wide)
            .text;
    return text.substr(text.rfind(':') + 1);
  };
  EXPECT_EQ(chunk_word("0;345678\r\n\r\n"), " end; idle");
  EXPECT_EQ(chunk_word("0;3456789\r\n\r\n"), "chunkedkBadRequest");
  EXPECT_EQ(chunk_word("1;34\r\nx\r\n1;345\r\nx\r\n0\r\n\r\n"), "xx end; idle");
  EXPECT_EQ(chunk_word("1;345\r\nx\r\n1;345\r\nx\r\n0;\r\n\r\n"), "chunkedkBadRequest");
  EXPECT_EQ(chunk_word("0\r\na: 456\r\n\r\n"), " end; idle");
  EXPECT_EQ(chunk_word("0\r\na: 4567\r\n\r\n"), "chunkedkHeaderFieldsTooLarge");
  EXPECT_EQ(chunk_word("0\r\na:\r\nb:\r\n\r\n"), "chunkedkHeaderFieldsTooLarge");
}

// Feeds all of it, in pieces; the trailers as "name=value;" once the message is complete.
std::string trailers_text(Parser& parser, std::string_view input, std::size_t piece) {
  while (true) {
    const auto step = parser.feed(as_bytes(input.substr(0, piece)));
    input.remove_prefix(step.consumed);
    if (step.event == Event::kError) return "error";
    if (step.event == Event::kComplete) break;
    if (step.event == Event::kNeedMore && input.empty()) return "more";
  }
  std::string text;
  for (const Field& field : parser.trailers()) {
    text.append(field.name).append("=").append(field.value).append(";");
  }
  return text;
}

TEST(Parser, TrailersAreKeptApartFromFields) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string input = head +
                            "3\r\nabc\r\n0\r\nX-Sum: 42\r\nx-empty:\r\nx-sum: \t a b\t \r\n"
                            "host: evil\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, input.size()}) {
    Parser parser;
    const std::string text = trailers_text(parser, input, piece);
    EXPECT_EQ(text, "X-Sum=42;x-empty=;x-sum=a b;host=evil;");
    EXPECT_EQ(parser.request().host, "h");
    EXPECT_EQ(parser.request().fields.size(), 2U);
    parser.next();
    EXPECT_EQ(trailers_text(parser, head + "0\r\nb: 2\r\n\r\n", piece), "b=2;");
    parser.next();
    EXPECT_EQ(trailers_text(parser, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", piece), "");
  }
}

TEST(Parser, AsManyTrailersAsTheLimitsAllowAreKept) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  const auto with = [&](std::size_t count, std::size_t value_size) {
    std::string input = head;
    for (std::size_t i = 0; i < count; ++i) input += "t: " + std::string(value_size, 'v') + "\r\n";
    Parser parser;
    return trailers_text(parser, input + "\r\n", 64).size();
  };
  EXPECT_EQ(with(32, 100), 32U * 103);
  EXPECT_EQ(with(33, 1), 5U) << "error";
  EXPECT_EQ(with(1, 4000), 4003U);
  EXPECT_EQ(with(1, 5000), 5U) << "error";
}

TEST(Parser, AHostileHeadHoldsBoundedMemoryWhichIsGivenBack) {
  Parser parser;
  const std::string part(1000, 'a');
  parser.feed(as_bytes("GET / HTTP/1.1\r\na: "));
  std::size_t rounds = 0;
  while (parser.feed(as_bytes(part)).event == Event::kNeedMore) ASSERT_LT(++rounds, 100U);
  EXPECT_LE(parser.capacity_bytes(), std::size_t{128} << 10);
  parser.reset();
  EXPECT_LE(parser.capacity_bytes(), std::size_t{1} << 10);
}

TEST(Parser, AnEndlessBodyHoldsNoMemory) {
  Parser parser;
  ASSERT_EQ(
      parser.feed(as_bytes("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"))
          .event,
      Event::kHead);
  const std::size_t before = parser.capacity_bytes();
  const std::string chunk = "400\r\n" + std::string(1024, 'x') + "\r\n";
  for (int i = 0; i < 1000; ++i) {
    std::string_view rest = chunk;
    while (!rest.empty()) {
      const auto step = parser.feed(as_bytes(rest));
      ASSERT_TRUE(step.event == Event::kBody || step.event == Event::kNeedMore);
      rest.remove_prefix(step.consumed);
    }
  }
  EXPECT_EQ(parser.body_bytes(), 1024U * 1000U);
  EXPECT_LE(parser.capacity_bytes(), before + 64);
}

}  // namespace
}  // namespace godwit::http
