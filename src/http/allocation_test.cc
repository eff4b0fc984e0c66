// In the steady state of a connection nothing on the way from bytes to bytes allocates: counted
// here by replacing the allocator of this test program.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "http/body_pipe.h"
#include "http/parser.h"
#include "http/query.h"
#include "http/serializer.h"

namespace {

std::size_t allocations = 0;  // of this thread's tests; gtest runs them one after the other

void* counted(std::size_t size) {
  ++allocations;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace godwit::http {
namespace {

constexpr std::string_view kRequest =
    "POST /resize/%C3%A9?width=100&name=a+b HTTP/1.1\r\nHost: example.org:8080\r\n"
    "User-Agent: test\r\nAccept: */*\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n";

// One request as a connection serves it; returns how much was written.
std::size_t serve(Parser& parser, BodyPipe& pipe, ResponseHead& head, DateCache& dates,
                  std::string& out, std::string& scratch) {
  std::string_view input = kRequest;
  static const std::string kBody(400, 'x');
  while (true) {
    const Parser::Step step = parser.feed(as_bytes(input));
    input.remove_prefix(step.consumed);
    if (step.event == Event::kHead) input = kBody;
    if (step.event == Event::kBody) pipe.write(step.body);
    if (step.event == Event::kComplete || step.event == Event::kError) break;
  }
  EXPECT_EQ(pipe.size(), 400U);
  EXPECT_TRUE(decode_path(parser.request().path, scratch).has_value());
  head.clear();
  EXPECT_TRUE(head.fields.append("Content-Type", "text/plain; charset=utf-8"));
  EXPECT_TRUE(head.fields.append("x-request-id", "0123456789abcdef"));
  out.clear();
  EXPECT_TRUE(append_response_head(out, head, {.content_length = 400}, dates).has_value());
  parser.next();
  pipe.reset();
  return out.size();
}

TEST(Allocation, NoneInTheSteadyState) {
  Parser parser;
  BodyPipe pipe;
  ResponseHead head;
  DateCache dates;
  std::string out;
  std::string scratch;
  const std::size_t first = allocations;
  const std::size_t size = serve(parser, pipe, head, dates, out, scratch);
  EXPECT_GT(allocations, first) << "the counter counts";
  const std::size_t warm = allocations;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(serve(parser, pipe, head, dates, out, scratch), size);
  EXPECT_EQ(allocations, warm);
}

}  // namespace
}  // namespace godwit::http
