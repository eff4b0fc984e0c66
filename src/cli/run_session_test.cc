// Sessions over the real engine: small programs in text, compiled in this process.
#include "cli/run_session.h"

#include <array>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/request_file.h"
#include "engines/wasmtime/text.h"
#include "engines/wasmtime/wasmtime_engine.h"
#include "registry/artifact_cache.h"
#include "wasi/preview1.h"

namespace godwit::cli {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr const char* kImports = R"(
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (func $write (param $fd i32) (param $address i32) (param $size i32)
    (loop $again
      (if (i32.eqz (local.get $size)) (then (return)))
      (i32.store (i32.const 0) (local.get $address))
      (i32.store (i32.const 4) (local.get $size))
      (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 9))))
      (local.set $address (i32.add (local.get $address) (i32.load (i32.const 8))))
      (local.set $size (i32.sub (local.get $size) (i32.load (i32.const 8))))
      (br $again))))";

// A module whose _start is `body`, with `text` at address 16 (escape it as WAT wants).
std::string program(std::string_view body, std::string_view text = "") {
  return "(module " + std::string(kImports) + "(data (i32.const 16) \"" + std::string(text) +
         "\") (func (export \"_start\") " + std::string(body) + "))";
}
std::string write_call(int fd, std::size_t size) {
  return "(call $write (i32.const " + std::to_string(fd) + ") (i32.const 16) (i32.const " +
         std::to_string(size) + "))";
}
// Copies stdin to stdout.
constexpr const char* kCopy = R"(
  (loop $more
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1000))
    (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $proc_exit (i32.const 8))))
    (if (i32.load (i32.const 8))
      (then (call $write (i32.const 1) (i32.const 1024) (i32.load (i32.const 8)))
            (br $more)))))";
// Writes a page of zeros again and again.
constexpr const char* kFlood =
    "(loop $more (call $write (i32.const 1) (i32.const 65536) (i32.const 65536)) (br $more))";

const engine::Engine& test_engine() {
  static const auto kEngine = [] {
    auto engine = engines::wasmtime::create_engine({.instances = 2});
    if (!engine) std::abort();
    (*engine)->prepare_thread();
    return std::move(*engine);
  }();
  return *kEngine;
}

std::shared_ptr<const runtime::Function> load(const std::string& text,
                                              const manifest::FunctionSpec& spec) {
  const auto binary = engines::wasmtime::text_to_binary(text);
  EXPECT_TRUE(binary) << binary.error().text();
  const auto code = test_engine().compile(*binary);
  EXPECT_TRUE(code) << code.error().text();
  auto artifact = registry::seal_artifact(*code);
  auto module = test_engine().load(std::move(*artifact),
                                   {.host_functions = wasi::host_functions(),
                                    .limits = {.memory_bytes = spec.limits.memory_bytes}});
  EXPECT_TRUE(module) << module.error().text();
  return std::make_shared<const runtime::Function>(runtime::Function{
      .spec = spec,
      .module = *module,
      .gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{})});
}

struct GuestRun {
  manifest::FunctionSpec spec{.name = "test"};
  std::string input;
  int input_fd = -1;
  const http::Request* request = nullptr;
  OutputTo output = OutputTo::kResult;

  SessionResult operator()(const std::string& text) const {
    const wasi::StringList nothing;
    auto result = run_session({.function = load(text, spec),
                               .arguments = &nothing,
                               .environment = &nothing,
                               .input_fd = input_fd,
                               .input = input,
                               .output = output,
                               .request = request,
                               .request_id = "r1"});
    EXPECT_TRUE(result);
    return std::move(*result);
  }
};

ErrorCode code_of(const SessionResult& result) {
  return result.error ? result.error->code : ErrorCode::kInternal;
}

TEST(RunSession, CollectsOutputAndLog) {
  const auto result = GuestRun{}(program(write_call(1, 5) + write_call(2, 6), "hello\\n"));
  EXPECT_FALSE(result.error) << result.error->text();
  EXPECT_EQ(result.output, "hello");
  EXPECT_EQ(result.log, "hello\n");
  EXPECT_EQ(result.output_bytes, 5U);
  EXPECT_EQ(result.usage.memory_bytes, 2U * 65536);
  EXPECT_GT(result.usage.cpu.count(), 0);
  EXPECT_GE(result.wall, result.usage.setup + result.usage.cleanup);
  EXPECT_GT(result.page_faults.minor, 0);
}

TEST(RunSession, FeedsInput) {
  GuestRun run;
  run.input = std::string(100'000, 'z');
  EXPECT_EQ(run(program(kCopy)).output, run.input);
}

TEST(RunSession, WaitsForADescriptor) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  std::thread writer([fd = ends[1]] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(milliseconds(5));
      EXPECT_EQ(::write(fd, "abc", 3), 3);
    }
    ::close(fd);
  });
  GuestRun run;
  run.input_fd = reader.get();
  const auto result = run(program(kCopy));
  writer.join();
  EXPECT_FALSE(result.error) << result.error->text();
  EXPECT_EQ(result.output, "abcabcabc");
}

TEST(RunSession, ReportsHowItFailed) {
  const auto exited = GuestRun{}(program("(call $proc_exit (i32.const 7))"));
  EXPECT_EQ(code_of(exited), ErrorCode::kGuestExited);
  EXPECT_EQ(exited.error->detail, "exit code 7");
  const auto trapped = GuestRun{}(program(write_call(1, 2) + "(unreachable)", "ab"));
  EXPECT_EQ(code_of(trapped), ErrorCode::kGuestTrapped);
  EXPECT_EQ(trapped.output, "ab");  // what came before the trap is worth seeing
  const auto stack = GuestRun()("(module (func $f (export \"_start\") (call $f)))");
  EXPECT_EQ(code_of(stack), ErrorCode::kGuestStackOverflow);
}

TEST(RunSession, EnforcesTheLimits) {
  GuestRun run;
  run.spec.limits.cpu = milliseconds(20);
  EXPECT_EQ(code_of(run(program("(loop (br 0))"))), ErrorCode::kCpuLimit);

  GuestRun large;
  large.spec.limits.response_body_bytes = 200'000;
  const auto flooded = large(program(kFlood));
  EXPECT_EQ(code_of(flooded), ErrorCode::kResponseTooLarge);
  EXPECT_EQ(flooded.output.size(), 200'000U);

  GuestRun memory;
  memory.spec.limits.memory_bytes = std::uint64_t{3} * 65536;
  const auto grown = memory(
      program("(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then (unreachable)))"));
  EXPECT_EQ(code_of(grown), ErrorCode::kOutOfMemory);
  EXPECT_THAT(grown.error->detail, HasSubstr("192KiB"));
}

TEST(RunSession, EndsAGuestThatWaitsForEver) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);  // nobody writes
  GuestRun run;
  run.input_fd = reader.get();
  run.spec.limits.timeout = milliseconds(30);
  EXPECT_EQ(code_of(run(program(kCopy))), ErrorCode::kDeadline);
}

TEST(RunSession, RefusesTooMuchInput) {
  const Fd zeros(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  GuestRun run;
  run.input_fd = zeros.get();
  run.spec.limits.request_body_bytes = 10'000;
  const auto result = run(program(kCopy));
  EXPECT_EQ(code_of(result), ErrorCode::kRequestBodyTooLarge);
  EXPECT_EQ(result.output.size(), 10'000U);
}

TEST(RunSession, BoundsTheLog) {
  GuestRun run;
  run.spec.limits.log_bytes = 4096;
  std::string calls;
  for (int i = 0; i < 100; ++i) calls += write_call(2, 101);
  const auto result = run(program(calls, std::string(100, 'x') + "\\n"));
  EXPECT_FALSE(result.error);
  EXPECT_LT(result.log.size(), 6000U);
  EXPECT_GT(result.log.size(), 3000U);
}

struct Response {
  explicit Response(std::string_view text) : file(RequestFile::parse(text, 1000)) {
    run.request = &(*file)->request();
  }
  Result<std::unique_ptr<RequestFile>> file;
  GuestRun run;
};

TEST(RunSession, MakesAResponse) {
  Response get("GET /x");
  const auto result = get.run(program(write_call(1, 5), "hello"));
  ASSERT_TRUE(result.head);
  EXPECT_EQ(result.head->status, 200);
  EXPECT_EQ(result.head->fields.get("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(result.head->fields.get("x-request-id"), "r1");
  EXPECT_EQ(result.output, "hello");
}

TEST(RunSession, MakesACgiResponse) {
  Response get("GET /x");
  get.run.spec.response = manifest::ResponseMode::kCgi;
  const std::string text = "Status: 404\nContent-Type: a/b\n\nno";
  const auto result =
      get.run(program(write_call(1, text.size()), "Status: 404\\nContent-Type: a/b\\n\\nno"));
  ASSERT_TRUE(result.head);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.head->status, 404);
  EXPECT_EQ(result.output, "no");
}

TEST(RunSession, AHeadRequestHasNoBody) {
  Response head("HEAD /x");
  const auto result = head.run(program(write_call(1, 5), "hello"));
  ASSERT_TRUE(result.head);
  EXPECT_EQ(result.output, "");
  EXPECT_FALSE(result.error);
}

TEST(RunSession, LargeResponsesGetTheirHeadInTime) {
  Response get("GET /x");
  get.run.spec.limits.response_body_bytes = 1'000'000;
  const auto result = get.run(program(kFlood));
  ASSERT_TRUE(result.head);
  EXPECT_EQ(result.head->status, 200);
  EXPECT_EQ(result.output.size(), 1'000'000U);
  EXPECT_EQ(code_of(result), ErrorCode::kResponseTooLarge);
}

TEST(RunSession, FailuresBecomeProblems) {
  Response get("GET /x");
  const auto trapped = get.run(program(write_call(1, 2) + "(unreachable)", "ab"));
  ASSERT_TRUE(trapped.head);
  EXPECT_EQ(trapped.head->status, 500);
  EXPECT_EQ(trapped.head->fields.get("content-type"), "application/problem+json");
  EXPECT_THAT(trapped.output, HasSubstr("\"E3001\""));
  EXPECT_THAT(trapped.output, HasSubstr("unreachable"));

  Response cgi("GET /x");
  cgi.run.spec.response = manifest::ResponseMode::kCgi;
  const auto bad = cgi.run(program(write_call(1, 5), "hello"));
  ASSERT_TRUE(bad.head);
  EXPECT_EQ(bad.head->status, 500);
  EXPECT_EQ(code_of(bad), ErrorCode::kBadCgiResponse);
  EXPECT_THAT(bad.output, HasSubstr("\"E3004\""));
}

TEST(RunSession, OutcomesOfEveryKindAreErrorsButSuccess) {
  const manifest::Limits limits;
  EXPECT_FALSE(outcome_error({}, limits));
  EXPECT_FALSE(outcome_error({.kind = engine::OutcomeKind::kExited}, limits));
  EXPECT_EQ(outcome_error({.kind = engine::OutcomeKind::kDeadline}, limits)->detail,
            "the limit is 30s");
  const auto trapped = outcome_error({.kind = engine::OutcomeKind::kTrapped,
                                      .trap = engine::Trap::kUnreachable,
                                      .detail = "  0: inner"},
                                     limits);
  EXPECT_THAT(trapped->detail, HasSubstr("  0: inner"));
  EXPECT_THAT(trapped->hint, HasSubstr("frames"));
}

}  // namespace
}  // namespace godwit::cli
