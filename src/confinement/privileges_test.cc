#include "confinement/privileges.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "confinement/test_child.h"

namespace godwit::confinement {
namespace {

// The code of a child that could not do what it was to test.
constexpr int kNotDone = 99;

TEST(Privileges, NoneAreGainedAnyMore) {
  EXPECT_EQ(in_child([] {
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) return kNotDone;
              if (!forbid_new_privileges()) return kNotDone;
              return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
            }).code,
            1);
}

TEST(Privileges, NoCoreIsWritten) {
  EXPECT_EQ(in_child([] {
              if (!forbid_core_dumps()) return kNotDone;
              rlimit limit{.rlim_cur = 1, .rlim_max = 1};
              ::getrlimit(RLIMIT_CORE, &limit);
              return limit.rlim_cur == 0 && limit.rlim_max == 0 ? 0 : 1;
            }).code,
            0);
#ifndef GODWIT_SANITIZED
  EXPECT_EQ(in_child([] {
              if (!forbid_core_dumps()) return kNotDone;
              return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
            }).code,
            0);
#endif
}

TEST(Privileges, CompilingIsTheLeastUrgentWork) {
  EXPECT_EQ(in_child([] {
              lower_own_priority();
              std::string adjusted;
              std::ifstream("/proc/self/oom_score_adj") >> adjusted;
              const bool low = ::getpriority(PRIO_PROCESS, 0) == 10 &&
                               ::sched_getscheduler(0) == SCHED_BATCH && adjusted == "1000";
              return low ? 0 : 1;
            }).code,
            0);
}

}  // namespace
}  // namespace godwit::confinement
