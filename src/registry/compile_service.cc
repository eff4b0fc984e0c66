#include "registry/compile_service.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "registry/compile_protocol.h"
#include "registry/memory_file.h"

namespace godwit::registry {
namespace {

constexpr int kEndTimeoutMs = 2000;
// The service watches the wall clock itself; this is for a service that hangs.
constexpr std::chrono::milliseconds kServiceGrace = std::chrono::seconds(10);
constexpr std::size_t kMaxShownLogBytes = 400;

tl::unexpected<Error> system_error(std::string_view what) {
  return fail(ErrorCode::kSystemCall, fmt::format("{}: {}", what, errno_text()));
}

// Between fork and exec in a process with threads: system calls only.
[[noreturn]] void become_service(int socket, int report, char* const* arguments) {
  const auto give_up = [&] {
    const int reason = errno;
    [[maybe_unused]] const ssize_t ignored = ::write(report, &reason, sizeof(reason));
    ::_exit(127);
  };
  // Out of the way of the descriptors that dup2 is about to replace.
  socket = ::fcntl(socket, F_DUPFD_CLOEXEC, 10);
  report = ::fcntl(report, F_DUPFD_CLOEXEC, 10);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (socket < 0 || report < 0 || null < 0) give_up();
  for (const int standard : {0, 1, 2}) {
    if (::dup2(null, standard) < 0) give_up();
  }
  if (::dup2(socket, kCompileServiceFd) < 0) give_up();
  // Everything else closes at exec, and `report` stays usable until then.
  ::close_range(kCompileServiceFd + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::setsid();  // a Ctrl-C at the terminal is the server's to handle
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  char* const environment[] = {nullptr};
  ::execve(arguments[0], arguments, environment);
  give_up();
  ::_exit(127);
}

// A cut and printable piece of what the child wrote to stderr.
std::string log_text(int log) {
  std::array<std::byte, kLogBytes> buffer{};
  const auto complete = read_exactly(log, buffer, 0);
  if (!complete || !*complete) return {};
  std::string_view text = as_text(buffer);
  text = text.substr(0, std::min(text.find('\0'), kMaxShownLogBytes));
  std::string printable;
  for (const char c : text) printable += c >= 0x20 && c <= 0x7E ? c : ' ';
  const std::size_t end = printable.find_last_not_of(' ');
  printable.resize(end == std::string::npos ? 0 : end + 1);
  return printable;
}

tl::unexpected<Error> out_of_memory(const CompileLimits& limits) {
  return fail(ErrorCode::kCompileLimit,
              fmt::format("it took more than {} bytes of memory", limits.memory_bytes));
}

// Rust's and C's words for it, of compilers that abort and of one that returns an error.
bool tells_of_no_memory(std::string_view text) {
  return text.find("memory allocation of") != std::string_view::npos ||
         text.find("out of memory") != std::string_view::npos;
}

tl::unexpected<Error> killed_by(int signal, const CompileLimits& limits, const std::string& log) {
  if (signal == SIGXCPU) {
    return fail(ErrorCode::kCompileLimit,
                fmt::format("it took more than {} s of CPU time", limits.cpu.count()));
  }
  if (signal == SIGSYS) {
    return fail(ErrorCode::kCompileFailed,
                "the compiler was ended: it made a system call that no compiler makes");
  }
  if (signal == SIGXFSZ) return fail(ErrorCode::kCompileLimit, "its output is too large");
  if (tells_of_no_memory(log)) return out_of_memory(limits);
  if (signal == SIGKILL) {
    return fail(ErrorCode::kCompileLimit,
                "the compiler was killed (the system is out of memory, "
                "or its CPU time was over)");
  }
  return fail(ErrorCode::kCompileFailed, fmt::format("the compiler crashed (signal {}){}{}", signal,
                                                     log.empty() ? "" : ": ", log));
}

Result<Bytes> read_part(int fd, std::uint64_t offset, std::uint64_t size) {
  Bytes bytes(size);
  const auto complete = read_exactly(fd, bytes, offset);
  if (!complete) return fail(complete.error());
  if (!*complete) return fail(ErrorCode::kCompileFailed, "the compiler's output is incomplete");
  return bytes;
}

// Errors that a child may report as its own.
bool is_compile_error(ErrorCode code) {
  const auto number = static_cast<std::uint16_t>(code);
  return number >= 2000 && number < 3000;
}

// The output as the child left it: every size is the word of a process that may have been taken
// over by its input.
Result<CompileOutput> read_output(int fd, const CompileLimits& limits) {
  OutputHeader header;
  const auto complete =
      read_exactly(fd, {reinterpret_cast<std::byte*>(&header), sizeof(header)}, 0);
  if (!complete) return fail(complete.error());
  if (!*complete || header.status == OutputStatus::kNone) {
    return fail(ErrorCode::kCompileFailed, "the compiler ended without a result");
  }
  const bool error = header.status == OutputStatus::kError;
  const std::uint64_t each_max = error ? kMaxErrorTextBytes : limits.output_bytes;
  if (header.first_bytes > each_max || header.second_bytes > each_max - header.first_bytes) {
    return fail(ErrorCode::kCompileLimit, "its output is too large");
  }
  auto first = read_part(fd, sizeof(header), header.first_bytes);
  if (!first) return fail(first.error());
  auto second = read_part(fd, sizeof(header) + header.first_bytes, header.second_bytes);
  if (!second) return fail(second.error());
  if (!error) return CompileOutput{std::move(*first), std::move(*second)};
  const auto told = parse_error_code(std::to_string(header.error_code));
  const ErrorCode code = told && is_compile_error(*told) ? *told : ErrorCode::kCompileFailed;
  if (code == ErrorCode::kCompileFailed && tells_of_no_memory(as_text(*first))) {
    return out_of_memory(limits);
  }
  return fail(code, std::string(as_text(*first)), std::string(as_text(*second)));
}

}  // namespace

// The descriptors of one job, on the server's side.
struct CompileService::Job {
  Fd input, output, log, reply_read, reply_write;

  static Result<Job> make(ByteSpan bytes) {
    Job job;
    auto input = sealed_copy("godwit-module", bytes);
    if (!input) return fail(input.error());
    auto output = make_memory_file("godwit-output");
    if (!output) return fail(output.error());
    auto log = make_memory_file("godwit-compile-log");
    if (!log) return fail(log.error());
    // A fixed size: a child that fills its log fails to write, and that is all.
    if (::ftruncate(log->get(), kLogBytes) != 0 ||
        ::fcntl(log->get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0) {
      return system_error("the compiler's log");
    }
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return system_error("pipe");
    job.input = std::move(*input);
    job.output = std::move(*output);
    job.log = std::move(*log);
    job.reply_read = Fd(pipe[0]);
    job.reply_write = Fd(pipe[1]);
    return job;
  }

  Result<CompileOutput> result(const JobReply& reply, const CompileLimits& limits) const {
    switch (reply.end) {
      case JobEnd::kExited:
        if (reply.value == 0) return read_output(output.get(), limits);
        if (reply.value == kExitOutOfMemory) return out_of_memory(limits);
        return fail(ErrorCode::kCompileFailed, fmt::format("the compiler ended with code {}: {}",
                                                           reply.value, log_text(log.get())));
      case JobEnd::kSignal: return killed_by(reply.value, limits, log_text(log.get()));
      case JobEnd::kWallClock:
        return fail(ErrorCode::kCompileLimit,
                    fmt::format("it took longer than {} ms", limits.wall.count()));
      case JobEnd::kNotStarted:
        return fail(ErrorCode::kSystemCall,
                    "starting a compiler process: " + errno_text(reply.value));
    }
    return fail(ErrorCode::kCompileFailed, "the compile service gave an unknown answer");
  }
};

// A place among max_parallel jobs, held while it lives.
class CompileService::Slot {
 public:
  explicit Slot(CompileService& service) : service_(service) {
    std::unique_lock lock(service.mutex_);
    service.free_slot_.wait(lock, [&] { return service.running_ < service.options_.max_parallel; });
    ++service.running_;
  }
  ~Slot() {
    const std::lock_guard lock(service_.mutex_);
    --service_.running_;
    service_.free_slot_.notify_one();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  CompileService& service_;
};

Result<std::unique_ptr<CompileService>> CompileService::start(CompileServiceOptions options) {
  CHECK(!options.command.empty());
  CHECK(options.max_parallel > 0);
  std::unique_ptr<CompileService> service(new CompileService(std::move(options)));
  auto process = spawn(service->options_.command);
  if (!process) return fail(std::move(process.error()));
  service->process_ = std::move(*process);
  return service;
}

CompileService::~CompileService() { end(process_); }

pid_t CompileService::pid() const {
  const std::lock_guard lock(mutex_);
  return process_.pid;
}

Result<CompileService::Process> CompileService::spawn(const std::vector<std::string>& command) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return system_error("socketpair");
  }
  Process process{.socket = Fd(sockets[0])};
  const Fd theirs(sockets[1]);
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return system_error("pipe");
  const Fd report_read(report[0]);
  Fd report_write(report[1]);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  process.pid = ::fork();
  if (process.pid < 0) return system_error("fork");
  if (process.pid == 0) become_service(theirs.get(), report_write.get(), arguments.data());
  report_write.reset();
  // Closes without a word when exec has succeeded.
  int reason = 0;
  const ssize_t count = ::read(report_read.get(), &reason, sizeof(reason));
  if (count == 0) return process;
  ::waitpid(process.pid, nullptr, 0);
  return fail(ErrorCode::kSystemCall,
              fmt::format("starting the compile service ({}): {}", command.front(),
                          count < 0 ? errno_text() : errno_text(reason)));
}

void CompileService::end(Process& process) {
  if (process.pid <= 0) return;
  process.socket.reset();  // it ends its jobs and itself at the end of the stream
  // Not glibc's pidfd_open: its header lacks extern "C" until 2.37.
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  pollfd waiting{pidfd.get(), POLLIN, 0};
  const bool ended = pidfd.valid() && ::poll(&waiting, 1, kEndTimeoutMs) == 1;
  // A confined process may not kill it; it is not waited for then.
  const int flags = ended || ::kill(process.pid, SIGKILL) == 0 ? 0 : WNOHANG;
  while (::waitpid(process.pid, nullptr, flags) < 0 && errno == EINTR) {
  }
  process.pid = -1;
}

Result<CompileOutput> CompileService::compile_within(std::chrono::seconds cpu_max, ByteSpan input) {
  if (input.size() > options_.limits.module_bytes) {
    return fail(ErrorCode::kModuleTooLarge,
                fmt::format("{} bytes, at most {}", input.size(), options_.limits.module_bytes));
  }
  CompileLimits limits = options_.limits;
  if (cpu_max < limits.cpu) {
    // On a busy machine the wall clock runs ahead; by how much is the ratio of the usual limits.
    limits.wall = std::min(limits.wall, limits.wall * cpu_max.count() / limits.cpu.count());
    limits.cpu = cpu_max;
  }
  const Slot slot(*this);
  for (int attempts = 0; attempts < 2; ++attempts) {
    auto output = attempt(input, limits);
    if (!output) return fail(std::move(output.error()));
    if (*output) return std::move(**output);
  }
  return fail(ErrorCode::kCompileFailed,
              "the compile service ended twice while it worked on this module");
}

Result<std::optional<CompileOutput>> CompileService::attempt(ByteSpan input,
                                                             const CompileLimits& limits) {
  auto job = Job::make(input);
  if (!job) return fail(std::move(job.error()));
  std::uint64_t seen = 0;
  {
    const std::lock_guard lock(mutex_);
    seen = process_.generation;
  }
  const auto generation = submit(*job, input.size(), limits);
  if (!generation) {
    if (auto restarted = restart(seen, false); !restarted) return fail(restarted.error());
    return std::optional<CompileOutput>();
  }
  job->reply_write.reset();
  pollfd waiting{job->reply_read.get(), POLLIN, 0};
  const auto patience = limits.wall + kServiceGrace;
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  JobReply reply;
  const bool answered = ready == 1 && ::read(job->reply_read.get(), &reply, sizeof(reply)) ==
                                          static_cast<ssize_t>(sizeof(reply));
  if (!answered) {
    const bool hangs = ready != 1;
    if (auto restarted = restart(*generation, hangs); !restarted) return fail(restarted.error());
    if (!hangs) return std::optional<CompileOutput>();
    return fail(ErrorCode::kCompileLimit, "the compile service did not answer in time");
  }
  auto result = job->result(reply, limits);
  if (!result) return fail(std::move(result.error()));
  return std::optional<CompileOutput>(std::move(*result));
}

std::optional<std::uint64_t> CompileService::submit(const Job& job, std::size_t input_bytes,
                                                    const CompileLimits& limits) {
  JobMessage message{.input_bytes = input_bytes,
                     .cpu_seconds = static_cast<std::uint64_t>(limits.cpu.count()),
                     .wall_ms = static_cast<std::uint64_t>(limits.wall.count()),
                     .memory_bytes = limits.memory_bytes,
                     .output_bytes = limits.output_bytes};
  const std::array<int, kJobFds> fds = {job.input.get(), job.output.get(), job.log.get(),
                                        job.reply_write.get()};
  iovec part{&message, sizeof(message)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(fds))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(fds));
  std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(fds));
  const std::lock_guard lock(mutex_);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(process_.socket.get(), &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent != static_cast<ssize_t>(sizeof(message))) return std::nullopt;
  return process_.generation;
}

Result<void> CompileService::restart(std::uint64_t generation, bool hangs) {
  const std::lock_guard lock(mutex_);
  if (process_.generation != generation) return {};  // another job has done it
  const bool kept = process_.pid > 0 && ::waitpid(process_.pid, nullptr, WNOHANG) == 0;
  if (kept && !hangs) return {};  // its keeper has started the service again
  if (!kept) process_.pid = -1;
  if (process_.pid > 0) ::kill(process_.pid, SIGKILL);
  end(process_);
  auto process = spawn(options_.command);
  process_.generation = generation + 1;
  if (!process) return fail(std::move(process.error()));
  process_.pid = process->pid;
  process_.socket = std::move(process->socket);
  return {};
}

}  // namespace godwit::registry
