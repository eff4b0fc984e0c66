// Each profile from inside: a child applies it and tries what an attacker would.
#include "confinement/profiles.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "confinement/privileges.h"
#include "confinement/test_child.h"

namespace godwit::confinement {
namespace {

constexpr int kNotDone = 99;
constexpr long kMptcp = 262;          // IPPROTO_MPTCP, which older headers have not
constexpr int kNoSocket = 1'000'000;  // no descriptor of ours
using Act = std::function<long()>;
using MakeFilter = Result<SyscallFilter> (*)();

// What `act` gives under the filter: 0, its errno, or the signal that ended the process.
ChildEnd under(MakeFilter make, const Act& act) {
  const auto filter = make();
  CHECK(filter.has_value());
  return in_child([&] {
    if (!forbid_new_privileges() || !filter->install(FilterThreads::kCaller)) return kNotDone;
    return act() < 0 ? errno : 0;
  });
}

struct Attempt {
  const char* name;
  Act act;
};

std::array<std::byte, 64> victim_memory{};

long read_parent() {
  iovec to{victim_memory.data(), 8};
  iovec from{victim_memory.data(), 8};
  return ::syscall(SYS_process_vm_readv, ::getppid(), &to, 1, &from, 1, 0);
}

long execute() {
  char* const none[] = {nullptr};
  return ::syscall(SYS_execve, "/bin/true", none, none);
}

// Nobody who is ours makes these: the process ends.
const std::array kDeadly = {
    Attempt{"execve", execute},
    Attempt{"execveat",
            [] { return ::syscall(SYS_execveat, -1, "/bin/true", nullptr, nullptr, 0); }},
    Attempt{"process_vm_readv", read_parent},
    Attempt{"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
    Attempt{"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0); }},
    Attempt{"io_uring_setup", [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
    Attempt{"perf_event_open",
            [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
    Attempt{"keyctl", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
    Attempt{"mount", [] { return ::syscall(SYS_mount, "a", "/", "tmpfs", 0, nullptr); }},
    Attempt{"unshare", [] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }},
    Attempt{"setns", [] { return ::syscall(SYS_setns, -1, 0); }},
    Attempt{"chroot", [] { return ::syscall(SYS_chroot, "/"); }},
    Attempt{"setuid", [] { return ::syscall(SYS_setuid, 0); }},
    Attempt{"init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }},
    Attempt{"pidfd_getfd", [] { return ::syscall(SYS_pidfd_getfd, -1, 0, 0); }},
    Attempt{"open_by_handle_at", [] { return ::syscall(SYS_open_by_handle_at, -1, nullptr, 0); }},
#ifndef GODWIT_SANITIZED
    Attempt{"ptrace", [] { return ::syscall(SYS_ptrace, PTRACE_ATTACH, ::getppid(), 0, 0); }},
#endif
};

// Libraries try such things and go on without.
const std::array kRefused = {
    Attempt{"kill of the parent", [] { return ::syscall(SYS_kill, ::getppid(), 0); }},
    Attempt{"kill of all", [] { return ::syscall(SYS_kill, -1, 0); }},
    Attempt{"tgkill", [] { return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0); }},
    Attempt{"pidfd_send_signal", [] { return ::syscall(SYS_pidfd_send_signal, 0, 0, 0, 0); }},
    Attempt{"a packet socket", [] { return ::syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0); }},
    Attempt{"a netlink socket", [] { return ::syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }},
    // Protocols that connect past Landlock's rules for TCP.
    Attempt{"MPTCP", [] { return ::syscall(SYS_socket, AF_INET, SOCK_STREAM, kMptcp); }},
    Attempt{"MPTCP over IPv6", [] { return ::syscall(SYS_socket, AF_INET6, SOCK_STREAM, kMptcp); }},
    Attempt{"SCTP", [] { return ::syscall(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP); }},
    Attempt{"DCCP", [] { return ::syscall(SYS_socket, AF_INET6, SOCK_DCCP, IPPROTO_DCCP); }},
    Attempt{"UDP-Lite", [] { return ::syscall(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE); }},
    Attempt{"ICMP", [] { return ::syscall(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP); }},
    // What a filter that compares 64 bits would take for another protocol.
    Attempt{"MPTCP, the upper half",
            [] { return ::syscall(SYS_socket, AF_INET, SOCK_STREAM, kMptcp | (1L << 32)); }},
    Attempt{"TIOCSTI", [] { return ::syscall(SYS_ioctl, 0, 0x5412, "x"); }},
    // Ways to a signal and to a connection without the calls that are named for them.
    Attempt{"F_SETOWN", [] { return ::syscall(SYS_fcntl, 0, F_SETOWN, ::getppid()); }},
    Attempt{"F_SETSIG", [] { return ::syscall(SYS_fcntl, 0, F_SETSIG, SIGKILL); }},
    Attempt{"FIOASYNC", [] { return ::syscall(SYS_ioctl, 0, FIOASYNC, nullptr); }},
    Attempt{"sendto, fast open",
            [] { return ::syscall(SYS_sendto, kNoSocket, "x", 1, MSG_FASTOPEN, nullptr, 0); }},
    Attempt{"sendmsg, fast open",
            [] { return ::syscall(SYS_sendmsg, kNoSocket, nullptr, MSG_FASTOPEN); }},
    Attempt{"sendmmsg, fast open",
            [] { return ::syscall(SYS_sendmmsg, kNoSocket, nullptr, 0, MSG_FASTOPEN); }},
    Attempt{"precedence for the parent",
            [] {
              const sched_param lowest{};
              return ::syscall(SYS_sched_setscheduler, ::getppid(), SCHED_BATCH, &lowest);
            }},
    Attempt{"more limits",
            [] {
              const rlimit limit{.rlim_cur = 1, .rlim_max = 1};
              return ::syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, nullptr);
            }},
    Attempt{"limits of the parent",
            [] {
              rlimit limit{};
              return ::syscall(SYS_prlimit64, ::getppid(), RLIMIT_CORE, nullptr, &limit);
            }},
    Attempt{"memory to write and execute",
            [] {
              return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                         ? -1
                         : 0;
            }},
    Attempt{"memory made so later",
            [] {
              void* const page =
                  ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return ::mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
            }},
#ifndef GODWIT_SANITIZED
    Attempt{"fork", [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
    Attempt{"prctl", [] { return ::syscall(SYS_prctl, PR_SET_PTRACER, -1, 0, 0, 0); }},
#endif
};

void expect_attacks_fail(MakeFilter make) {
  for (const Attempt& attempt : kDeadly) {
    EXPECT_EQ(under(make, attempt.act).signal, SIGSYS) << attempt.name;
  }
  for (const Attempt& attempt : kRefused) {
    EXPECT_EQ(under(make, attempt.act).code, EPERM) << attempt.name;
  }
  EXPECT_EQ(under(make, [] { return ::syscall(SYS_clone3, nullptr, 0); }).code, ENOSYS);
}

TEST(ServerFilter, AttacksFail) { expect_attacks_fail(&server_filter); }
TEST(CompileChildFilter, AttacksFail) { expect_attacks_fail(&compile_child_filter); }

TEST(ServerFilter, ItsOwnWorkGoesOn) {
  EXPECT_EQ(under(&server_filter,
                  [] {
                    std::thread([] {}).join();
                    return 0;
                  })
                .code,
            0);
  EXPECT_EQ(under(&server_filter, [] { return ::open("/dev/null", O_RDONLY); }).code, 0);
  EXPECT_EQ(under(&server_filter, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }).code, 0);
  EXPECT_EQ(under(&server_filter, [] { return ::prctl(PR_SET_NAME, "worker"); }).code, 0);
  EXPECT_EQ(under(&server_filter,
                  [] {
                    // How much a slow reader has taken.
                    int queued = 0;
                    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
                    return ::ioctl(socket, SIOCOUTQ, &queued);
                  })
                .code,
            0);
  EXPECT_EQ(under(&server_filter,
                  [] {
                    const int copy = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
                    return ::fcntl(copy, F_SETFL, O_NONBLOCK);
                  })
                .code,
            0);
  EXPECT_EQ(under(&server_filter,
                  [] {
                    // As an engine does: code is written, then made executable.
                    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
                  })
                .code,
            0);
#ifndef GODWIT_SANITIZED  // which catch it to tell where
  EXPECT_EQ(under(&server_filter, [] { return ::raise(SIGABRT); }).signal, SIGABRT);
#endif
}

TEST(SettledServerFilter, NoSocketIsMadeOrConnected) {
  const auto settled = [](const Act& act) {
    return under(&server_filter,
                 [&] {
                   const auto filter = settled_server_filter();
                   if (!filter || !filter->install(FilterThreads::kAll)) return long{0};
                   return act();
                 })
        .code;
  };
  EXPECT_EQ(settled([] { return ::socket(AF_INET, SOCK_STREAM, 0); }), EPERM);
  EXPECT_EQ(settled([] {
              std::array<int, 2> ends{};
              return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data());
            }),
            EPERM);
  EXPECT_EQ(settled([] {
              const sockaddr nobody{};
              return ::connect(kNoSocket, &nobody, sizeof(nobody));
            }),
            EPERM);
  EXPECT_EQ(settled([] { return ::listen(kNoSocket, 1); }), EPERM);
  EXPECT_EQ(settled([] { return ::sched_setscheduler(0, SCHED_OTHER, nullptr); }), EPERM);
  EXPECT_EQ(settled([] { return ::accept(kNoSocket, nullptr, nullptr); }), EBADF);
}

TEST(SettledServerFilter, WithOutboundHttpOnlyTcpAndUdp) {
  const auto settled = [](const Act& act) {
    return under([] { return server_filter(); },
                 [&] {
                   const auto filter = settled_server_filter(NewSockets::kInternet);
                   if (!filter || !filter->install(FilterThreads::kCaller)) return -1L;
                   return act();
                 })
        .code;
  };
  for (const int family : {AF_INET, AF_INET6}) {
    EXPECT_EQ(settled([&] { return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0); }), 0);
    EXPECT_EQ(settled([&] { return ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0); }), 0);
    EXPECT_EQ(settled([&] { return ::socket(family, SOCK_STREAM, IPPROTO_TCP); }), 0);
    EXPECT_EQ(settled([&] { return ::socket(family, SOCK_DGRAM, IPPROTO_UDP); }), 0);
    EXPECT_EQ(settled([&] { return ::socket(family, SOCK_STREAM, kMptcp); }), EPERM);
    EXPECT_EQ(settled([&] { return ::socket(family, SOCK_RAW, IPPROTO_ICMP); }), EPERM);
    EXPECT_EQ(settled([&] { return ::socket(family, SOCK_SEQPACKET | SOCK_CLOEXEC, 0); }), EPERM);
  }
  EXPECT_EQ(settled([] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }), EPERM);
  EXPECT_EQ(settled([] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }), EPERM);
  EXPECT_EQ(settled([] { return ::connect(kNoSocket, nullptr, 0); }), EBADF);
  EXPECT_EQ(settled([] { return ::bind(kNoSocket, nullptr, 0); }), EPERM);
  EXPECT_EQ(settled([] { return ::listen(kNoSocket, 1); }), EPERM);
  EXPECT_EQ(settled([] { return ::accept(kNoSocket, nullptr, nullptr); }), EBADF);
}

TEST(CompileChildFilter, NoFileSocketOrCodeMapping) {
  const std::array<Attempt, 9> attempts = {
      Attempt{"open", [] { return ::open("/etc/passwd", O_RDONLY); }},
      Attempt{"stat",
              [] {
                std::array<char, 256> status{};
                return ::syscall(SYS_newfstatat, AT_FDCWD, "/", status.data(), 0);
              }},
      Attempt{"readlink",
              [] {
                std::array<char, 16> text{};
                return ::syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", text.data(), 16);
              }},
      Attempt{"socket", [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      Attempt{"memfd_create", [] { return ::memfd_create("more", 0); }},
      Attempt{"a code mapping",
              [] {
                return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                              0) == MAP_FAILED
                           ? -1
                           : 0;
              }},
      Attempt{"recvmsg", [] { return ::recvmsg(0, nullptr, 0); }},
      Attempt{"setpgid", [] { return ::syscall(SYS_setpgid, 0, 0); }},
      Attempt{"another filter", [] { return ::syscall(SYS_seccomp, 2, 0, nullptr); }},
  };
  for (const Attempt& attempt : attempts) {
    EXPECT_EQ(under(&compile_child_filter, attempt.act).code, EPERM) << attempt.name;
  }
}

TEST(CompileChildFilter, MemoryAndItsDescriptorsAreLeft) {
  EXPECT_EQ(under(&compile_child_filter,
                  [] {
                    const std::string large(1 << 24, 'x');
                    return large.size() == (1 << 24) ? ::lseek(0, 0, SEEK_CUR) * 0 : -1;
                  })
                .code,
            0);
}

TEST(CompileServiceFilter, ForksAndKillsButOpensNothing) {
  EXPECT_EQ(under(&compile_service_filter,
                  [] {
                    const pid_t child = ::fork();
                    if (child == 0) ::_exit(0);
                    if (child < 0 || ::kill(child, SIGKILL) != 0) return -1;
                    return ::waitpid(child, nullptr, 0);
                  })
                .code,
            0);
  EXPECT_EQ(under(&compile_service_filter, [] { return ::open("/etc/passwd", O_RDONLY); }).code,
            EPERM);
  EXPECT_EQ(under(&compile_service_filter, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }).code,
            EPERM);
  EXPECT_EQ(under(&compile_service_filter, [] { return ::kill(::getppid(), SIGTERM); }).code,
            EPERM);
  for (const Attempt& attempt : kDeadly) {
    EXPECT_EQ(under(&compile_service_filter, attempt.act).signal, SIGSYS) << attempt.name;
  }
}

#if defined(__x86_64__)
// A misspelt name would be passed over as one that this architecture has not.
TEST(Profiles, EveryNameIsACall) {
  for (const std::string_view name : names_in_profiles()) {
    EXPECT_TRUE(is_system_call(name)) << name;
  }
}
#endif

}  // namespace
}  // namespace godwit::confinement
