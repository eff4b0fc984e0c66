// The compile service's own side. A keeper, which does nothing but start the loop again should it
// die; the loop: one thread, one child per job. Both are confined before the first job.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <vector>

#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "confinement/landlock.h"
#include "confinement/privileges.h"
#include "confinement/profiles.h"
#include "registry/compile_child.h"
#include "registry/compile_protocol.h"
#include "registry/compile_service.h"

namespace godwit::registry {
namespace {

struct RunningJob {
  pid_t child = -1;
  Fd reply;
  TimePoint deadline;
  bool over_time = false;
};

struct ReceivedJob {
  JobMessage message;
  JobFds fds;
};

enum class Received : std::uint8_t { kJob, kNothing, kEnd };

class ServiceLoop final {
 public:
  ServiceLoop(int socket, int signals, const JobRunner& runner)
      : socket_(socket), signals_(signals), runner_(runner) {}

  int run();

 private:
  Received receive(ReceivedJob& job) const;
  void start(ReceivedJob job);
  void reap();
  void kill_late();
  int timeout_ms() const;
  static void answer(const Fd& reply, JobReply text);

  int socket_;
  int signals_;
  JobRunner runner_;
  std::vector<RunningJob> jobs_;
};

Received ServiceLoop::receive(ReceivedJob& job) const {
  std::array<int, kJobFds> fds{};
  fds.fill(-1);
  iovec part{&job.message, sizeof(job.message)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(fds))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket_, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) {
    return errno == EINTR || errno == EAGAIN ? Received::kNothing : Received::kEnd;
  }
  if (size == 0) return Received::kEnd;
  const cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
      rights->cmsg_len >= CMSG_LEN(sizeof(int))) {
    std::memcpy(fds.data(), CMSG_DATA(rights),
                std::min<std::size_t>(rights->cmsg_len - CMSG_LEN(0), sizeof(fds)));
  }
  job.fds = {Fd(fds[0]), Fd(fds[1]), Fd(fds[2]), Fd(fds[3])};
  const bool sound = size == static_cast<ssize_t>(sizeof(job.message)) &&
                     job.message.magic == kJobMagic && job.fds.reply.valid();
  return sound ? Received::kJob : Received::kNothing;
}

void ServiceLoop::answer(const Fd& reply, JobReply text) {
  // Smaller than PIPE_BUF: whole or not at all. Nobody reads any more: nothing to do.
  [[maybe_unused]] const ssize_t ignored = ::write(reply.get(), &text, sizeof(text));
}

void ServiceLoop::start(ReceivedJob job) {
  const pid_t service = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) run_job(job.message, job.fds, service, runner_);
  if (child < 0) return answer(job.fds.reply, {JobEnd::kNotStarted, errno});
  ::setpgid(child, child);  // the child does it too: whoever comes first
  jobs_.push_back({.child = child,
                   .reply = std::move(job.fds.reply),
                   .deadline = monotonic_now() + std::chrono::milliseconds(job.message.wall_ms)});
}

void ServiceLoop::reap() {
  signalfd_siginfo ignored{};
  while (::read(signals_, &ignored, sizeof(ignored)) > 0) {
  }
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    siginfo_t info{};
    // WNOWAIT: while the child is a zombie, its group's number can't be another's.
    const int found =
        ::waitid(P_PID, static_cast<id_t>(job->child), &info, WEXITED | WNOHANG | WNOWAIT);
    if (found != 0 || info.si_pid == 0) {
      ++job;
      continue;
    }
    ::kill(-job->child, SIGKILL);
    ::waitpid(job->child, nullptr, 0);
    JobReply reply{JobEnd::kSignal, info.si_status};
    if (info.si_code == CLD_EXITED) reply.end = JobEnd::kExited;
    if (job->over_time) reply.end = JobEnd::kWallClock;
    answer(job->reply, reply);
    job = jobs_.erase(job);
  }
}

void ServiceLoop::kill_late() {
  const TimePoint now = monotonic_now();
  for (RunningJob& job : jobs_) {
    if (job.deadline > now || job.over_time) continue;
    job.over_time = true;
    ::kill(-job.child, SIGKILL);
    ::kill(job.child, SIGKILL);  // should setpgid have failed
  }
}

int ServiceLoop::timeout_ms() const {
  std::optional<TimePoint> next;
  for (const RunningJob& job : jobs_) {
    if (!job.over_time && (!next || job.deadline < *next)) next = job.deadline;
  }
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - monotonic_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

int ServiceLoop::run() {
  while (true) {
    std::array<pollfd, 2> waiting = {pollfd{socket_, POLLIN, 0}, pollfd{signals_, POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), timeout_ms()) < 0 && errno != EINTR) return 1;
    reap();
    kill_late();
    if (waiting[0].revents == 0) continue;
    ReceivedJob job;
    const Received received = receive(job);
    if (received == Received::kEnd) break;
    if (received == Received::kJob) start(std::move(job));
  }
  for (const RunningJob& job : jobs_) {
    ::kill(-job.child, SIGKILL);
    ::kill(job.child, SIGKILL);
    ::waitpid(job.child, nullptr, 0);
  }
  return 0;
}

// The loop's process. It outlives its keeper, should that be killed, and ends with the server.
[[noreturn]] void serve_jobs(int socket, const JobRunner& runner) {
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  if (::sigprocmask(SIG_BLOCK, &child_ended, nullptr) != 0) ::_exit(1);
  const Fd signals(::signalfd(-1, &child_ended, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals.valid()) ::_exit(1);
  ::_exit(ServiceLoop(socket, signals.get(), runner).run());
}

// The server can't exec any more once it is confined, so a loop that was killed (by hand, for
// memory) is replaced from here: the socket, and jobs that wait in it, survive.
int keep_serving(int socket, const JobRunner& runner) {
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 10'000'000};  // should it die again and again
  while (true) {
    const pid_t loop = ::fork();
    if (loop < 0) return 1;
    if (loop == 0) serve_jobs(socket, runner);
    int status = 0;
    pid_t ended = 0;
    do {
      ended = ::waitpid(-1, &status, 0);  // orphans of an earlier loop among them
    } while (ended != loop && (ended > 0 || errno == EINTR));
    if (ended != loop || WIFEXITED(status)) return WEXITSTATUS(status);
    ::nanosleep(&kPause, nullptr);
  }
}

// Gives up what only a taken-over compiler would use. Where the kernel knows nothing of the kind,
// the limits of a job remain; `serve` says so, or refuses to start.
bool give_up_files_and_calls() {
  if (confinement::landlock_abi() > 0 && !confinement::restrict_files({}, {})) return false;
  if (!confinement::has_seccomp()) return true;
  const auto filter = confinement::compile_service_filter();
  return filter && filter->install(confinement::FilterThreads::kCaller);
}

}  // namespace

int compile_service_main(const CompileServiceMain& service) {
  if (!confinement::forbid_new_privileges() || !confinement::forbid_core_dumps()) return 1;
  confinement::lower_own_priority();
  // Each arena reserves 64 MiB of the address space that RLIMIT_AS counts.
  ::mallopt(M_ARENA_MAX, 2);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // so that nobody else inherits what a killed loop leaves
  if (service.prepare != nullptr) service.prepare();
  JobRunner runner{.compile = service.compile};
  std::optional<confinement::SyscallFilter> filter;
  if (service.confined) {
    auto made = confinement::compile_child_filter();
    if (!made) return 1;
    filter.emplace(std::move(*made));
    if (confinement::has_seccomp()) runner.filter = &*filter;
    if (!give_up_files_and_calls()) return 1;
  }
  return keep_serving(service.socket_fd, runner);
}

}  // namespace godwit::registry
