#include "registry/compile_service.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "confinement/syscall_filter.h"
#include "registry/test_folder.h"

namespace godwit::registry {
namespace {

using testing::AllOf;
using testing::HasSubstr;

CompileServiceOptions quick_options() {
  return {.command = {"/proc/self/exe", "compile-service"},
          .limits = {.cpu = std::chrono::seconds(1),
                     .wall = std::chrono::seconds(30),
                     .memory_bytes = std::uint64_t{256} << 20,
                     .output_bytes = std::uint64_t{8} << 20,
                     .module_bytes = 1000},
          .max_parallel = 4};
}

// What the kernel's limits and the service do by themselves, for misdeeds that confinement stops.
CompileServiceOptions unconfined_options() {
  CompileServiceOptions options = quick_options();
  options.command.emplace_back("unconfined");
  return options;
}

std::unique_ptr<CompileService> start(const CompileServiceOptions& options = quick_options()) {
  auto service = CompileService::start(options);
  CHECK(service.has_value());
  return std::move(*service);
}

std::string artifact_of(CompileService& service, std::string_view input) {
  const auto output = service.compile(as_bytes(input));
  return output ? std::string(as_text(output->artifact)) : output.error().text();
}

Error error_of(CompileService& service, std::string_view input) {
  const auto output = service.compile(as_bytes(input));
  return output ? Error{ErrorCode::kInternal, "compiled", {}} : output.error();
}

// Waits until no process of that number is left (as somebody's child it may be a zombie for a
// moment).
bool is_gone(pid_t pid) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return errno == ESRCH;
  pollfd waiting{pidfd.get(), POLLIN, 0};
  return ::poll(&waiting, 1, 30'000) == 1;
}

// The children of a process, by their parent's number in /proc.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::ifstream list(fmt::format("/proc/{0}/task/{0}/children", parent));
  for (pid_t child = 0; list >> child;) found.push_back(child);
  return found;
}

TEST(CompileService, CompilesAndReportsErrors) {
  const auto service = start();
  const auto output = service->compile(as_bytes("ok artifact"));
  ASSERT_TRUE(output) << output.error().text();
  EXPECT_EQ(as_text(output->artifact), "artifact");
  EXPECT_TRUE(output->wasm.empty());
  const auto text = service->compile(as_bytes("text binary"));
  ASSERT_TRUE(text);
  EXPECT_EQ(as_text(text->wasm), "binary");
  EXPECT_EQ(as_text(text->artifact), "code");
  const Error error = error_of(*service, "error at byte 7");
  EXPECT_EQ(error.code, ErrorCode::kModuleMalformed);
  EXPECT_EQ(error.detail, "at byte 7");
  EXPECT_EQ(error.hint, "read the specification");
  EXPECT_EQ(artifact_of(*service, "ok "), "");
}

TEST(CompileService, AChildHasNothingOfTheServer) {
  ::setenv("GODWIT_TEST_SECRET", "secret", 1);
  const auto service = start(unconfined_options());
  const std::string seen = artifact_of(*service, "surroundings");
  EXPECT_THAT(seen, HasSubstr("fds 0 1 2 3 4; environment empty;"));
#ifndef GODWIT_SANITIZED  // TSan has a thread of its own
  EXPECT_THAT(seen, HasSubstr("threads 1"));
#endif
}

TEST(CompileService, AChildReachesNothing) {
  if (!confinement::has_seccomp()) GTEST_SKIP() << "this kernel has no seccomp";
  const auto service = start();
  EXPECT_EQ(artifact_of(*service, "attempts"),
            fmt::format("open {0}; socket {0}; fork {0}; kill {0}; signal {0}; memfd {0}", EPERM));
  const Error error = error_of(*service, "execute");
  EXPECT_EQ(error.code, ErrorCode::kCompileFailed);
  EXPECT_THAT(error.detail, HasSubstr("no compiler makes"));
  EXPECT_EQ(artifact_of(*service, "ok still here"), "still here");
}

TEST(CompileService, ItIsTheLeastUrgentWork) {
  const auto service = start();
  EXPECT_EQ(artifact_of(*service, "ok first"), "first");
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(service->pid())), 10);
  for (const pid_t loop : children_of(service->pid())) {
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(loop)), 10);
  }
}

TEST(CompileService, ASleeperMeetsTheWallClock) {
  CompileServiceOptions options = unconfined_options();  // confined, it does not even sleep
  options.limits.wall = std::chrono::milliseconds(50);
  const auto service = start(options);
  const Error error = error_of(*service, "sleep");
  EXPECT_EQ(error.code, ErrorCode::kCompileLimit);
  EXPECT_THAT(error.detail, HasSubstr("longer than 50 ms"));
}

TEST(CompileService, AMemoryHogMeetsTheMemoryLimit) {
#ifdef GODWIT_SANITIZED
  GTEST_SKIP() << "a sanitizer's shadow does not fit an address space limit";
#endif
  const auto service = start();
  const Error error = error_of(*service, "memory");
  EXPECT_EQ(error.code, ErrorCode::kCompileLimit) << error.text();
  EXPECT_THAT(error.detail, HasSubstr("bytes of memory"));
}

TEST(CompileService, RustsWordForNoMemoryIsUnderstood) {
  const auto service = start();
  EXPECT_EQ(error_of(*service, "rust-memory").code, ErrorCode::kCompileLimit);
  EXPECT_EQ(error_of(*service, "memory-error").code, ErrorCode::kCompileLimit);
}

TEST(CompileService, CrashesAreErrors) {
  const auto service = start();
  EXPECT_EQ(error_of(*service, "crash").code, ErrorCode::kCompileFailed);
  const Error panic = error_of(*service, "abort");
  EXPECT_EQ(panic.code, ErrorCode::kCompileFailed);
  EXPECT_THAT(panic.detail, AllOf(HasSubstr("signal 6"), HasSubstr("index out of bounds")));
  EXPECT_THAT(error_of(*service, "exit").detail, HasSubstr("ended with code 7"));
  EXPECT_THAT(error_of(*service, "vanish").detail, HasSubstr("without a result"));
  EXPECT_EQ(artifact_of(*service, "ok still here"), "still here");
}

TEST(CompileService, OutputIsBounded) {
  const auto service = start();
  EXPECT_EQ(error_of(*service, "big").code, ErrorCode::kCompileLimit);
  EXPECT_EQ(error_of(*service, "huge-file").code, ErrorCode::kCompileLimit);
  EXPECT_EQ(error_of(*service, "lie").code, ErrorCode::kCompileLimit);
  const Error error = error_of(*service, "long-error");
  EXPECT_EQ(error.code, ErrorCode::kCompileFailed);
  EXPECT_LE(error.detail.size(), 4096u);
  EXPECT_EQ(artifact_of(*service, "log"), "done");  // a full log is the child's problem
}

TEST(CompileService, AChildMayOnlyReportErrorsOfModules) {
  const auto service = start();
  EXPECT_EQ(error_of(*service, "foreign-error").code, ErrorCode::kCompileFailed);
}

TEST(CompileService, InputIsBounded) {
  const auto service = start();
  EXPECT_EQ(error_of(*service, std::string(1001, 'x')).code, ErrorCode::kModuleTooLarge);
  EXPECT_EQ(artifact_of(*service, ""), "done");
}

TEST(CompileService, JobsRunInParallel) {
  const auto service = start();
  std::vector<std::string> results(20);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      const std::string input = i % 5 == 0 ? "crash" : "ok " + std::to_string(i);
      results[i] = artifact_of(*service, input);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i % 5 == 0) {
      EXPECT_THAT(results[i], HasSubstr("E2008"));
    } else {
      EXPECT_EQ(results[i], std::to_string(i));
    }
  }
}

TEST(CompileService, ADeadServiceIsStartedAgain) {
  const auto service = start();
  EXPECT_EQ(artifact_of(*service, "ok first"), "first");
  const pid_t first = service->pid();
  const std::vector<pid_t> loops = children_of(first);
  if (loops.empty()) GTEST_SKIP() << "this kernel does not list children";
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  ASSERT_TRUE(is_gone(first));
  // The loop goes on without its keeper.
  EXPECT_EQ(artifact_of(*service, "ok alone"), "alone");
  for (const pid_t loop : loops) ASSERT_EQ(::kill(loop, SIGKILL), 0);
  EXPECT_EQ(artifact_of(*service, "ok again"), "again");
  EXPECT_NE(service->pid(), first);
  EXPECT_TRUE(is_gone(first));
}

TEST(CompileService, ItsKeeperReplacesALoopThatDied) {
  const auto service = start();
  EXPECT_EQ(artifact_of(*service, "ok first"), "first");
  const pid_t keeper = service->pid();
  const std::vector<pid_t> before = children_of(keeper);
  if (before.empty()) GTEST_SKIP() << "this kernel does not list children";
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(::kill(before[0], SIGKILL), 0);
  EXPECT_EQ(artifact_of(*service, "ok again"), "again");
  EXPECT_EQ(service->pid(), keeper);
  EXPECT_NE(children_of(keeper), before);
}

TEST(CompileService, AModuleThatKillsTheServiceTwiceIsAnError) {
  const auto service = start(unconfined_options());
  const Error error = error_of(*service, "kill-service");
  EXPECT_EQ(error.code, ErrorCode::kCompileFailed);
  EXPECT_THAT(error.detail, HasSubstr("ended twice"));
  EXPECT_EQ(artifact_of(*service, "ok after all"), "after all");
}

TEST(CompileService, NoProcessIsLeftAfterIt) {
  auto service = start();
  const pid_t service_pid = service->pid();
  const pid_t job_pid = static_cast<pid_t>(std::stol(artifact_of(*service, "pid")));
  EXPECT_TRUE(is_gone(job_pid));
  service.reset();
  EXPECT_TRUE(is_gone(service_pid));
}

// The processes of a session: the service is the leader of one (setsid), its jobs stay in it.
std::vector<pid_t> processes_of_session(pid_t session) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
    const pid_t pid = static_cast<pid_t>(std::atoi(process.path().filename().c_str()));
    if (pid > 0 && ::getsid(pid) == session) found.push_back(pid);
  }
  return found;
}

TEST(CompileService, AGrandchildGoesWithItsJob) {
  const auto service = start(unconfined_options());
  // The job ends at once and leaves a child that would sleep.
  EXPECT_EQ(artifact_of(*service, "grandchild"), "done");
  std::vector<pid_t> loops = children_of(service->pid());
  loops.push_back(service->pid());
  for (const pid_t pid : processes_of_session(service->pid())) {
    if (std::find(loops.begin(), loops.end(), pid) == loops.end()) {
      EXPECT_TRUE(is_gone(pid));
    }
  }
}

TEST(CompileService, ItEndsWhenTheServerIsKilled) {
  // A process in between plays the server that dies without a word.
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t server = ::fork();
  if (server == 0) {
    auto service = CompileService::start(quick_options());
    pid_t pid = service ? (*service)->pid() : -1;
    [[maybe_unused]] const ssize_t ignored = ::write(pipe[1], &pid, sizeof(pid));
    if (service) (void)(*service)->compile(as_bytes("sleep"));
    ::_exit(0);
  }
  pid_t service_pid = -1;
  ASSERT_EQ(::read(pipe[0], &service_pid, sizeof(service_pid)),
            static_cast<ssize_t>(sizeof(service_pid)));
  ASSERT_GT(service_pid, 0);
  ASSERT_EQ(::kill(server, SIGKILL), 0);
  ASSERT_EQ(::waitpid(server, nullptr, 0), server);
  EXPECT_TRUE(is_gone(service_pid));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(CompileService, AProgramThatIsNotThereIsAnError) {
  CompileServiceOptions options = quick_options();
  options.command = {"/nowhere/godwit", "compile-service"};
  const auto service = CompileService::start(options);
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error().code, ErrorCode::kSystemCall);
  EXPECT_THAT(service.error().detail, HasSubstr("No such file"));
}

TEST(CompileService, AProgramThatDoesNotServeIsAnError) {
  CompileServiceOptions options = quick_options();
  options.command = {"/bin/true"};
  const auto service = CompileService::start(options);
  ASSERT_TRUE(service);
  EXPECT_EQ(error_of(**service, "ok").code, ErrorCode::kCompileFailed);
}

}  // namespace
}  // namespace godwit::registry
