#include "confinement/syscall_filter.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "confinement/privileges.h"
#include "confinement/test_child.h"

namespace godwit::confinement {
namespace {

constexpr int kNotDone = 99;
constexpr std::array<std::string_view, 2> kSync = {"sync", "no_such_call_anywhere"};
constexpr std::array<std::string_view, 1> kUmask = {"umask"};
constexpr std::array<std::string_view, 1> kGetpgid = {"getpgid"};

// What the child's calls give under these rules; all that they don't name is allowed.
ChildEnd under(FilterRules rules, const std::function<int()>& act) {
  rules.otherwise = FilterDefault::kAllow;
  const auto filter = SyscallFilter::make(rules);
  CHECK(filter.has_value());
  return in_child([&] {
    if (!forbid_new_privileges() || !filter->install(FilterThreads::kCaller)) return kNotDone;
    return act();
  });
}

TEST(SyscallFilter, AnswersAsTheRulesSay) {
  const auto call = [](long number) {
    return [number] { return ::syscall(number, 0) < 0 ? errno : 0; };
  };
  EXPECT_EQ(under({.denied = kSync}, call(SYS_sync)).code, EPERM);
  EXPECT_EQ(under({.absent = kUmask}, call(SYS_umask)).code, ENOSYS);
  EXPECT_EQ(under({.attacks = kGetpgid}, call(SYS_getpgid)).signal, SIGSYS);
  EXPECT_EQ(under({.denied = kSync}, call(SYS_getpgid)).code, 0);
}

TEST(SyscallFilter, WhatIsNotAllowedIsDenied) {
  constexpr std::array<std::string_view, 3> kNeeded = {"exit_group", "getpid", "rt_sigreturn"};
  const auto filter = SyscallFilter::make({.allowed = kNeeded});
  ASSERT_TRUE(filter) << filter.error().text();
  const auto after = [&](long number) {
    return in_child([&] {
      if (!forbid_new_privileges() || !filter->install(FilterThreads::kCaller)) return kNotDone;
      return ::syscall(number, 0) < 0 ? errno : 0;
    });
  };
  EXPECT_EQ(after(SYS_getpid).code, 0);
  EXPECT_EQ(after(SYS_getpgid).code, EPERM);
  // Calls that are newer than this program do not exist, so that libraries take the older way.
  EXPECT_EQ(after(451).code, ENOSYS);
  EXPECT_EQ(after(9999).code, ENOSYS);
  EXPECT_EQ(after(450).code, EPERM);
}

#if defined(__x86_64__)
TEST(SyscallFilter, TheOtherDoorsAreShut) {
  constexpr std::array<std::string_view, 2> kNeeded = {"exit_group", "getpid"};
  const auto filter = SyscallFilter::make({.allowed = kNeeded});
  ASSERT_TRUE(filter) << filter.error().text();
  const auto after = [&](const std::function<int()>& act) {
    return in_child([&] {
      if (!forbid_new_privileges() || !filter->install(FilterThreads::kCaller)) return kNotDone;
      return act();
    });
  };
  // x32's numbering of getpid.
  const ChildEnd other = after([] { return ::syscall(0x40000000L + SYS_getpid) < 0 ? 1 : 0; });
  EXPECT_NE(other.code, 0);
  // getpid of 32-bit programs; where the kernel has none, its trap is a SIGSEGV.
  const ChildEnd old = after([] {
    long result = 20;
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result == ::getpid() ? 0 : 1;
  });
  EXPECT_TRUE(old.signal == SIGSYS || old.signal == SIGSEGV) << old.code;
}
#endif

TEST(SyscallFilter, ArgumentsAreLookedAt) {
  const std::array<ConditionalCall, 3> allowed = {
      ConditionalCall{"kill", {{0, kLow32, kOwnProcess}}},
      ConditionalCall{"umask", {{0, 7, 2}}},
      ConditionalCall{"umask", {{0, 7, 4}}},
  };
  constexpr std::array<std::string_view, 3> kNeeded = {"exit_group", "getpid", "getppid"};
  const auto filter = SyscallFilter::make({.allowed = kNeeded, .allowed_if = allowed});
  ASSERT_TRUE(filter) << filter.error().text();
  const auto after = [&](const std::function<long()>& act) {
    return in_child([&] {
             if (!forbid_new_privileges() || !filter->install(FilterThreads::kCaller)) {
               return kNotDone;
             }
             return act() < 0 ? errno : 0;
           })
        .code;
  };
  EXPECT_EQ(after([] { return ::syscall(SYS_kill, ::syscall(SYS_getpid), 0); }), 0);
  EXPECT_EQ(after([] { return ::syscall(SYS_kill, ::syscall(SYS_getppid), 0); }), EPERM);
  EXPECT_EQ(after([] { return ::syscall(SYS_umask, 2); }), 0);
  EXPECT_EQ(after([] { return ::syscall(SYS_umask, 0x14); }), 0);
  EXPECT_EQ(after([] { return ::syscall(SYS_umask, 6); }), EPERM);
}

TEST(SyscallFilter, AllThreadsHaveIt) {
  const auto filter = SyscallFilter::make({.denied = kSync, .otherwise = FilterDefault::kAllow});
  ASSERT_TRUE(filter) << filter.error().text();
  const auto seen_by_other_thread = [&](FilterThreads threads) {
    return in_child([&] {
             std::array<int, 2> start{};
             if (::pipe(start.data()) != 0 || !forbid_new_privileges()) return kNotDone;
             int code = kNotDone;
             std::thread other([&] {
               char byte = 0;
               if (::read(start[0], &byte, 1) == 1) code = ::syscall(SYS_sync) < 0 ? errno : 0;
             });
             const bool done = filter->install(threads).has_value();
             if (::write(start[1], "x", 1) != 1) return kNotDone;
             other.join();
             return done ? code : kNotDone;
           })
        .code;
  };
#if !defined(__SANITIZE_THREAD__)  // it has a thread before us, which has no new privileges to lose
  EXPECT_EQ(seen_by_other_thread(FilterThreads::kCaller), 0);
#endif
  EXPECT_EQ(seen_by_other_thread(FilterThreads::kAll), EPERM);
}

TEST(SyscallFilter, WithoutNoNewPrivilegesItIsAnError) {
  const auto filter = SyscallFilter::make({.denied = kSync, .otherwise = FilterDefault::kAllow});
  ASSERT_TRUE(filter);
  const ChildEnd end = in_child([&] {
    // Whoever is not root can't install without it.
    if (::getuid() == 0 && ::setuid(65534) != 0) return kNotDone;
    const auto done = filter->install(FilterThreads::kCaller);
    return done ? 0 : static_cast<int>(done.error().code == ErrorCode::kConfinementMissing);
  });
  EXPECT_EQ(end.code, 1);
}

}  // namespace
}  // namespace godwit::confinement
