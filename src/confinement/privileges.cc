#include "confinement/privileges.h"

#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

namespace godwit::confinement {
namespace {

constexpr int kNice = 10;

void write_small(const char* path, std::string_view text) {
  const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return;
  [[maybe_unused]] const ssize_t ignored = ::write(file.get(), text.data(), text.size());
}

}  // namespace

Result<void> forbid_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return {};
  return fail(ErrorCode::kConfinementMissing, "no-new-privileges: " + errno_text());
}

Result<void> forbid_core_dumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) {
    return fail(ErrorCode::kConfinementMissing, "RLIMIT_CORE: " + errno_text());
  }
#ifndef GODWIT_SANITIZED
  // A sanitizer looks at the process from outside (LeakSanitizer attaches to it).
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail(ErrorCode::kConfinementMissing, "PR_SET_DUMPABLE: " + errno_text());
  }
#endif
  return {};
}

void lower_own_priority() {
  ::setpriority(PRIO_PROCESS, 0, kNice);
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
  // Where the kernel schedules sessions, a nice value counts within its own session only.
  write_small("/proc/self/autogroup", fmt::format("{}", kNice));
  write_small("/proc/self/oom_score_adj", "1000");
}

}  // namespace godwit::confinement
