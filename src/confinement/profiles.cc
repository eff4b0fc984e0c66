#include "confinement/profiles.h"

#include <algorithm>
#include <csignal>

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

namespace godwit::confinement {
namespace {

// Names with blanks between them: a list that can be read.
using List = std::string_view;

// What any process of ours does: memory, its own descriptors, time, signals to itself, its end.
constexpr List kBasic =
    "brk clock_getres clock_gettime close exit exit_group fstat futex getcpu getegid geteuid "
    "getgid getpid getppid getrandom getrlimit getrusage gettid gettimeofday getuid lseek madvise "
    "membarrier mremap munmap pread64 pwrite64 read readv restart_syscall rseq rt_sigaction "
    "rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield set_robust_list sigaltstack sysinfo "
    "time uname write writev";

// Files by path and by descriptor (Landlock says which), memory files.
constexpr List kFiles =
    "access copy_file_range faccessat faccessat2 fadvise64 fallocate fchmod fdatasync flock "
    "fstatfs fsync ftruncate getcwd getdents64 inotify_add_watch inotify_init1 inotify_rm_watch "
    "linkat memfd_create mkdir mkdirat msync newfstatat openat openat2 preadv preadv2 pwritev "
    "pwritev2 readlink readlinkat rename renameat renameat2 rmdir sendfile statfs statx symlinkat "
    "sync_file_range unlink unlinkat utimensat";

// Waiting, pipes, what threads need, the end of our own children.
constexpr List kWaiting =
    "clock_nanosleep close_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 "
    "epoll_wait eventfd2 nanosleep pidfd_open pipe2 poll ppoll pselect6 rt_sigpending "
    "rt_sigsuspend rt_sigtimedwait sched_get_priority_max sched_get_priority_min sched_getparam "
    "sched_getscheduler set_tid_address signalfd4 "
    "timerfd_create timerfd_gettime "
    "timerfd_settime wait4 waitid";

// Sockets that are there; and a further filter, which only takes away.
constexpr List kTraffic =
    "accept accept4 getpeername getsockname getsockopt recvfrom recvmmsg recvmsg setsockopt "
    "shutdown "
    "seccomp";
constexpr List kOpening = "bind connect listen";

// The compile service: children, their limits and filters. Its filter is theirs too, hence signals
// to oneself without a look at whose they are: the child's own filter looks.
constexpr List kService =
    "clock_nanosleep close_range dup2 nanosleep poll ppoll prlimit64 recvmsg seccomp setpgid "
    "setrlimit signalfd4 tgkill wait4 waitid";

// No code of ours or of a library that we use makes these, whatever happens. The first step of
// every known way out, so worth an end that is seen (SIGSYS, and a line of the kernel's audit):
// another program or another process's memory; the parts of the kernel where most faults were
// found; another view of the machine; another user; the machine itself.
constexpr List kAttacks =
    "execve execveat ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd uselib "
    "bpf io_uring_enter io_uring_register io_uring_setup perf_event_open userfaultfd add_key "
    "keyctl request_key modify_ldt lookup_dcookie nfsservctl vmsplice "
    "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_by_handle_at "
    "open_tree pivot_root setns umount2 unshare "
    "capset setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid "
    "acct adjtimex clock_adjtime clock_settime delete_module finit_module init_module ioperm iopl "
    "kexec_file_load kexec_load mknod mknodat personality quotactl reboot setdomainname "
    "sethostname settimeofday swapoff swapon";

// The flags of clone3 lie in memory, where no filter sees them: libraries fall back to clone.
constexpr List kAbsent = "clone3";

constexpr List kNoMoreSockets = "bind connect listen socket socketpair";
// Where functions send requests: names are asked for over UDP, hosts over TCP.
constexpr List kNoMoreOwnSockets = "bind listen socketpair";
constexpr std::uint64_t kSocketKind = 0xF;  // SOCK_TYPE_MASK; above it stand flags
// The engine's clock has its precedence (epoch_ticker.cc).
constexpr List kNoMorePrecedence = "sched_setscheduler";

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint64_t kWriteAndExecute = PROT_WRITE | PROT_EXEC;

// The value of an argument that is an int: its upper half may be anything.
ArgumentTest is(unsigned index, std::uint64_t value) { return {index, kLow32, value}; }
ArgumentTest has_not(unsigned index, std::uint64_t bits) { return {index, bits, 0}; }

// Signals: to ourselves. Limits: to be read, of ourselves.
void append_own(std::vector<ConditionalCall>& calls) {
  calls.push_back({"tgkill", {is(0, kOwnProcess)}});
  calls.push_back({"kill", {is(0, kOwnProcess)}});
  calls.push_back({"prlimit64", {is(0, 0), {2, kWhole, 0}}});
  calls.push_back({"prlimit64", {is(0, kOwnProcess), {2, kWhole, 0}}});
  calls.push_back({"prctl", {is(0, PR_SET_NAME)}});
  calls.push_back({"prctl", {is(0, PR_GET_NAME)}});
  // Names of mappings (glibc), and what only takes away.
  calls.push_back({"prctl", {is(0, PR_SET_VMA)}});
  calls.push_back({"prctl", {is(0, PR_SET_DUMPABLE), is(1, 0)}});
}

// Descriptors: copies, flags, locks, sizes of pipes, seals. Not whom to signal when there is
// something to read (F_SETOWN, F_SETSIG): that would be any process of our user.
void append_descriptors(std::vector<ConditionalCall>& calls) {
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK,
                            F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GETPIPE_SZ,
                            F_SETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS}) {
    calls.push_back({"fcntl", {is(1, static_cast<std::uint64_t>(command))}});
  }
}

// Not MSG_FASTOPEN, which connects while it sends.
void append_sending(std::vector<ConditionalCall>& calls) {
  calls.push_back({"sendto", {has_not(3, MSG_FASTOPEN)}});
  calls.push_back({"sendmsg", {has_not(2, MSG_FASTOPEN)}});
  calls.push_back({"sendmmsg", {has_not(3, MSG_FASTOPEN)}});
}

// Memory that is never writable and executable at once; W^X in time as well is not to be had: an
// engine writes code, then makes it executable.
void append_memory(std::vector<ConditionalCall>& calls, bool code) {
  for (const std::string_view name : {"mmap", "mprotect"}) {
    calls.push_back({name, {has_not(2, kWriteAndExecute)}});
    calls.push_back({name, {{2, kWriteAndExecute, PROT_WRITE}}});
    if (code) calls.push_back({name, {{2, kWriteAndExecute, PROT_EXEC}}});
  }
}

std::vector<ConditionalCall> server_conditions() {
  std::vector<ConditionalCall> calls;
  append_own(calls);
  append_descriptors(calls);
  append_sending(calls);
  append_memory(calls, true);
  // The engine's clock, for itself (epoch_ticker.cc).
  calls.push_back({"sched_setscheduler", {is(0, 0)}});
  // Threads, no processes.
  calls.push_back({"clone", {{0, CLONE_THREAD | kNewNamespaces, CLONE_THREAD}}});
  // No MPTCP and no SCTP: they connect as well, and Landlock's rules for TCP don't see them.
  for (const std::uint64_t family : {AF_INET, AF_INET6}) {
    for (const std::uint64_t protocol : {IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP}) {
      calls.push_back({"socket", {is(0, family), is(2, protocol)}});
    }
  }
  calls.push_back({"socket", {is(0, AF_UNIX)}});
  calls.push_back({"socketpair", {is(0, AF_UNIX)}});
  // Not TIOCSTI, which types into the terminal that we were started from.
  for (const std::uint64_t request : {FIONBIO, FIONREAD, FIOCLEX, SIOCOUTQ, TCGETS}) {
    calls.push_back({"ioctl", {is(1, request)}});
  }
#ifdef GODWIT_SANITIZED
  // LeakSanitizer looks at the process's end from a process of its own, by the oldest calls.
  calls.push_back({"clone", {has_not(0, kNewNamespaces)}});
  calls.push_back({"ptrace", {}});
  calls.push_back({"prctl", {}});
  for (const std::string_view name : {"getdents", "lstat", "open", "stat"}) {
    calls.push_back({name, {}});
  }
#endif
  return calls;
}

std::vector<ConditionalCall> child_conditions() {
  std::vector<ConditionalCall> calls;
  append_own(calls);
  append_descriptors(calls);
  append_memory(calls, false);
  return calls;
}

std::vector<ConditionalCall> service_conditions() {
  std::vector<ConditionalCall> calls = child_conditions();
  calls.push_back({"clone", {has_not(0, kNewNamespaces)}});
  calls.push_back({"kill", {is(1, SIGKILL)}});
  calls.push_back({"prctl", {is(0, PR_SET_PDEATHSIG)}});
  return calls;
}

std::vector<std::string_view> names_of(std::initializer_list<List> lists) {
  std::vector<std::string_view> names;
  for (List list : lists) {
    while (!list.empty()) {
      const std::size_t end = std::min(list.find(' '), list.size());
      names.push_back(list.substr(0, end));
      list.remove_prefix(std::min(end + 1, list.size()));
    }
  }
  return names;
}

Result<SyscallFilter> make(std::initializer_list<List> allowed,
                           const std::vector<ConditionalCall>& allowed_if) {
  const auto names = names_of(allowed);
  const auto absent = names_of({kAbsent});
  auto attacks = names_of({kAttacks});
#ifdef GODWIT_SANITIZED
  std::erase(attacks, "ptrace");
#endif
  return SyscallFilter::make(
      {.allowed = names, .allowed_if = allowed_if, .attacks = attacks, .absent = absent});
}

}  // namespace

Result<SyscallFilter> server_filter() {
  return make({kBasic, kFiles, kWaiting, kTraffic, kOpening}, server_conditions());
}

Result<SyscallFilter> settled_server_filter(NewSockets sockets) {
  if (sockets == NewSockets::kNone) {
    const auto denied = names_of({kNoMoreSockets, kNoMorePrecedence});
    return SyscallFilter::make({.denied = denied, .otherwise = FilterDefault::kAllow});
  }
  const auto denied = names_of({kNoMoreOwnSockets, kNoMorePrecedence});
  // The first filter has let IPv4, IPv6 and Unix sockets pass, of any kind.
  std::vector<ConditionalCall> denied_if = {{"socket", {is(0, AF_UNIX)}}};
  for (const std::uint64_t kind : {SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET}) {
    denied_if.push_back({"socket", {{1, kSocketKind, kind}}});
  }
  return SyscallFilter::make(
      {.denied = denied, .denied_if = denied_if, .otherwise = FilterDefault::kAllow});
}

Result<SyscallFilter> compile_service_filter() {
  return make({kBasic, kService}, service_conditions());
}

Result<SyscallFilter> compile_child_filter() { return make({kBasic}, child_conditions()); }

std::vector<std::string_view> names_in_profiles() {
  auto names = names_of({kBasic, kFiles, kWaiting, kTraffic, kOpening, kService, kAttacks, kAbsent,
                         kNoMoreSockets, kNoMoreOwnSockets, kNoMorePrecedence});
  for (const auto& calls : {server_conditions(), service_conditions()}) {
    for (const ConditionalCall& call : calls) names.push_back(call.name);
  }
  return names;
}

}  // namespace godwit::confinement
