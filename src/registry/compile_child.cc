#include "registry/compile_child.h"

#include <algorithm>
#include <csignal>
#include <new>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "registry/memory_file.h"

namespace godwit::registry {
namespace {

constexpr int kInput = 3;
constexpr int kOutput = 4;
constexpr rlim_t kMaxFds = 64;

[[noreturn]] void give_up() { ::_exit(kExitSetup); }

// Leaves exactly: /dev/null as 0, the log as 1 and 2, input and output.
void arrange_fds(const JobFds& fds) {
  const int input = ::fcntl(fds.input.get(), F_DUPFD, 10);
  const int output = ::fcntl(fds.output.get(), F_DUPFD, 10);
  const int log = ::fcntl(fds.log.get(), F_DUPFD, 10);
  if (input < 0 || output < 0 || log < 0) give_up();
  if (::dup2(log, 1) < 0 || ::dup2(log, 2) < 0) give_up();
  if (::dup2(input, kInput) < 0 || ::dup2(output, kOutput) < 0) give_up();
  ::close_range(kOutput + 1, ~0U, 0);
}

void set_limit(__rlimit_resource resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  if (::setrlimit(resource, &limit) != 0) give_up();
}

void limit_self(const JobMessage& job) {
#ifndef GODWIT_SANITIZED
  // A sanitizer's shadow takes terabytes of address space.
  set_limit(RLIMIT_AS, job.memory_bytes, job.memory_bytes);
#endif
  // SIGXCPU at the soft limit says what it was; SIGKILL at the hard one can't be caught.
  set_limit(RLIMIT_CPU, job.cpu_seconds, job.cpu_seconds + 1);
  const rlim_t file = job.output_bytes + sizeof(OutputHeader) + kMaxErrorTextBytes;
  set_limit(RLIMIT_FSIZE, file, file);
  set_limit(RLIMIT_CORE, 0, 0);
  set_limit(RLIMIT_NOFILE, kMaxFds, kMaxFds);
  std::set_new_handler([] { ::_exit(kExitOutOfMemory); });
}

void default_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The header comes last: what ends before has no result.
void write_output(OutputHeader header, ByteSpan first, ByteSpan second) {
  header.first_bytes = first.size();
  header.second_bytes = second.size();
  if (::lseek(kOutput, sizeof(header), SEEK_SET) < 0) give_up();
  for (const ByteSpan part : {first, second}) {
    if (!write_all(kOutput, part)) give_up();
  }
  if (::lseek(kOutput, 0, SEEK_SET) < 0) give_up();
  if (!write_all(kOutput, {reinterpret_cast<const std::byte*>(&header), sizeof(header)})) give_up();
}

void write_error(const Error& error) {
  const std::string_view detail =
      std::string_view(error.detail).substr(0, kMaxErrorTextBytes * 3 / 4);
  const std::string_view hint = std::string_view(error.hint).substr(0, kMaxErrorTextBytes / 4);
  write_output(
      {.status = OutputStatus::kError, .error_code = static_cast<std::uint32_t>(error.code)},
      as_bytes(detail), as_bytes(hint));
}

}  // namespace

void run_job(const JobMessage& job, const JobFds& fds, pid_t service, const JobRunner& runner) {
  // With the service goes the child; a service that was gone before this call is seen by getppid.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != service) give_up();
  ::setpgid(0, 0);
  default_signals();
  arrange_fds(fds);
  limit_self(job);
  const auto input = Mapping::open(kInput, job.input_bytes);
  if (!input) give_up();
  // From here on the input decides what happens.
  if (runner.filter != nullptr && !runner.filter->install(confinement::FilterThreads::kCaller)) {
    give_up();
  }
  const auto output = runner.compile(input->bytes());
  if (!output) {
    write_error(output.error());
  } else if (output->wasm.size() + output->artifact.size() > job.output_bytes) {
    write_error({ErrorCode::kCompileLimit,
                 fmt::format("its output is larger than {} bytes", job.output_bytes),
                 {}});
  } else {
    write_output({.status = OutputStatus::kOk}, output->wasm, output->artifact);
  }
  ::_exit(0);
}

}  // namespace godwit::registry
