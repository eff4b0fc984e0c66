// Modules that are made to keep a compiler busy, through the compile service and the compiler that
// ships. Limits are lower than a server's, so that the tests end soon; what meets them is the same.
#include <future>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "cli/machine.h"
#include "cli/platform.h"
#include "cli/test_bombs.h"
#include "registry/compile_service.h"

namespace godwit::cli {
namespace {

using registry::CompileService;
using testing::HasSubstr;

constexpr std::string_view kSmall =
    "(module (memory (export \"memory\") 1) (func (export \"_start\")))";

registry::CompileServiceOptions limits(std::chrono::seconds cpu, std::uint64_t memory_bytes) {
  return {.command = {"/proc/self/exe", kCompileServiceVerb},
          .limits = {.cpu = cpu, .memory_bytes = memory_bytes},
          .max_parallel = 2};
}

class CompileBomb : public testing::Test {
 protected:
  void start(const registry::CompileServiceOptions& options) {
    auto service = CompileService::start(options);
    CHECK(service.has_value());
    service_ = std::move(*service);
    pid_ = service_->pid();
  }
  // "E2009: …", or "fine".
  std::string compile(ByteSpan module) {
    const auto output = service_->compile(module);
    return output ? "fine" : output.error().text();
  }
  void TearDown() override {
    // Whatever happened: the service lives, and compiles.
    if (service_ == nullptr) return;
    EXPECT_EQ(compile(as_bytes(kSmall)), "fine");
    EXPECT_EQ(service_->pid(), pid_);
  }

  std::unique_ptr<CompileService> service_;
  pid_t pid_ = -1;
};

constexpr std::uint64_t kGib = std::uint64_t{1} << 30;

TEST_F(CompileBomb, EightKilobytesThatTakeMinutesMeetTheCpuLimit) {
  const Bytes bomb = nested_loops({.loops = 500, .locals = 500});
  EXPECT_LT(bomb.size(), 10'000u);
  start(limits(std::chrono::seconds(1), 2 * kGib));
  EXPECT_THAT(compile(bomb), AllOf(HasSubstr("E2009"), HasSubstr("1 s of CPU time")));
}

TEST_F(CompileBomb, WhatNeedsTooMuchMemoryMeetsItsLimit) {
#ifdef GODWIT_SANITIZED
  GTEST_SKIP() << "a sanitizer's shadow does not fit an address space limit";
#endif
  start(limits(std::chrono::seconds(60), kGib / 4));
  EXPECT_THAT(compile(branch_tables({.blocks = 400, .tables = 10'000})),
              AllOf(HasSubstr("E2009"), HasSubstr("bytes of memory")));
}

TEST_F(CompileBomb, OtherJobsGoOnBesideIt) {
  start(limits(std::chrono::seconds(1), 2 * kGib));
  const Bytes bomb = nested_loops({.loops = 500, .locals = 500});
  auto busy = std::async(std::launch::async, [&] { return compile(bomb); });
  int compiled = 0;
  while (busy.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    ASSERT_EQ(compile(as_bytes(kSmall)), "fine");
    ++compiled;
  }
  EXPECT_GT(compiled, 0);
  EXPECT_THAT(busy.get(), HasSubstr("E2009"));
}

// Neither crashes the compiler nor holds it: each is compiled or refused with a word of ours.
TEST_F(CompileBomb, EveryShapeHasAnEnd) {
  start(limits(std::chrono::seconds(20), 2 * kGib));
  for (const Bytes& module :
       {many_functions(5'000), many_locals({.functions = 2, .locals = 3'000}), deep_nesting(10'000),
        branch_tables({.blocks = 100, .tables = 500}), nested_loops({.loops = 40, .locals = 40})}) {
    const std::string end = compile(module);
    EXPECT_TRUE(end == "fine" || end.starts_with("E2009") || end.starts_with("E2007") ||
                end.starts_with("E2001"))
        << end;
  }
}

TEST(CompileJobs, AllTogetherFitTheMemory) {
  EXPECT_EQ(affordable_compile_jobs(1), 1u);
  const std::uint64_t each = registry::CompileLimits().memory_bytes;
  const std::uint64_t jobs = affordable_compile_jobs(100'000);
  EXPECT_GE(jobs, 1u);
  EXPECT_TRUE(jobs == 1 || jobs * each <= usable_memory_bytes() / 2) << jobs;
}

}  // namespace
}  // namespace godwit::cli
