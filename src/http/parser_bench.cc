// CPU per request of what this folder does on the way through. Run:
// godwit_http_bench --benchmark_min_time=1 (figures: README.md).
#include <string>

#include <benchmark/benchmark.h>

#include "http/body_pipe.h"
#include "http/parser.h"
#include "http/query.h"
#include "http/serializer.h"

namespace godwit::http {
namespace {

// What wrk sends.
constexpr std::string_view kSmall =
    "GET /hello?name=world HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

// What a browser sends, about.
constexpr std::string_view kBrowser =
    "GET /shop/cart?id=42&sort=price HTTP/1.1\r\nHost: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\nPriority: u=0, i\r\n\r\n";

void parse(benchmark::State& state, std::string_view text) {
  Parser parser;
  for (auto _ : state) {
    const auto head = parser.feed(as_bytes(text));
    const auto end = parser.feed({});
    if (head.event != Event::kHead || end.event != Event::kComplete) state.SkipWithError("refused");
    benchmark::DoNotOptimize(parser.request());
    parser.next();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(parse, small, kSmall);
BENCHMARK_CAPTURE(parse, browser, kBrowser);

void chunked_body(benchmark::State& state) {
  Parser parser;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string body;
  for (int i = 0; i < 16; ++i) body += "1000\r\n" + std::string(4096, 'x') + "\r\n";
  body += "0\r\n\r\n";
  for (auto _ : state) {
    parser.feed(as_bytes(head));
    std::string_view rest = body;
    Parser::Step step;
    do {
      step = parser.feed(as_bytes(rest));
      rest.remove_prefix(step.consumed);
    } while (step.event == Event::kBody);
    if (step.event != Event::kComplete) state.SkipWithError("refused");
    parser.next();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
}
BENCHMARK(chunked_body);

void serialize(benchmark::State& state) {
  ResponseHead head;
  DateCache dates;
  std::string out;
  for (auto _ : state) {
    head.clear();
    (void)head.fields.append_view("content-type", "text/plain; charset=utf-8");
    (void)head.fields.append("x-request-id", "0123456789abcdef");
    out.clear();
    benchmark::DoNotOptimize(append_response_head(out, head, {.content_length = 14}, dates));
  }
}
BENCHMARK(serialize);

void pipe_small(benchmark::State& state) {
  BodyPipe pipe;
  const std::string text(state.range(0), 'x');
  for (auto _ : state) {
    pipe.write(as_bytes(text));
    pipe.finish();
    while (!pipe.at_end()) pipe.consume(pipe.peek().size());
    pipe.reset();
  }
}
BENCHMARK(pipe_small)->Arg(14)->Arg(400)->Arg(4000)->Arg(60000);

void decode(benchmark::State& state) {
  std::string scratch;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode_path("/shop/cart", scratch));
    QueryReader reader("id=42&sort=price&name=a%20b");
    while (const auto parameter = reader.next()) {
      benchmark::DoNotOptimize(decode_query(parameter->value, scratch));
    }
  }
}
BENCHMARK(decode);

}  // namespace
}  // namespace godwit::http

BENCHMARK_MAIN();
