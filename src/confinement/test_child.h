// For tests only: does something that can't be undone, or that may end the process, in a child.
//
//   const ChildEnd end = in_child([] { return ::fork() < 0 ? errno : 0; });
//   EXPECT_EQ(end.code, EPERM);
#pragma once

#include <functional>

#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

namespace godwit::confinement {

struct ChildEnd {
  int code = -1;   // exit code, 0 to 255; -1: a signal ended it
  int signal = 0;  // 0: none did
};

inline ChildEnd in_child(const std::function<int()>& act) {
  const pid_t child = ::fork();
  CHECK(child >= 0);
  // Not _exit: a sanitizer's own end makes calls that a filter may refuse.
  if (child == 0) ::syscall(SYS_exit_group, act());
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return {.code = -1, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

}  // namespace godwit::confinement
