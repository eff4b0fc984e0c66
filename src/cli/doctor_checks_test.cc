#include "cli/doctor_checks.h"

#include <algorithm>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace godwit::cli {
namespace {

TEST(DoctorChecks, ParsesKernelVersions) {
  EXPECT_EQ(parse_kernel_version("6.1.0-18-amd64"), (KernelVersion{6, 1}));
  EXPECT_EQ(parse_kernel_version("5.10"), (KernelVersion{5, 10}));
  EXPECT_LT((KernelVersion{5, 9}), (KernelVersion{5, 10}));
  EXPECT_LT((KernelVersion{4, 19}), (KernelVersion{5, 0}));
  EXPECT_EQ(parse_kernel_version("6"), std::nullopt);
  EXPECT_EQ(parse_kernel_version("x.y"), std::nullopt);
  EXPECT_EQ(parse_kernel_version(""), std::nullopt);
}

TEST(DoctorChecks, ParsesCgroupFiles) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("1000 0"), std::nullopt);
  EXPECT_EQ(parse_cpu_max(""), std::nullopt);
  EXPECT_EQ(parse_cgroup_path("0::/a/b\n"), "/a/b");
  EXPECT_EQ(parse_cgroup_path("5:cpu:/old\n0::/new\n"), "/new");
  EXPECT_EQ(parse_cgroup_path("5:cpu:/old\n"), std::nullopt);
  EXPECT_EQ(parse_cgroup_path("0::relative\n"), std::nullopt);
}

TEST(DoctorChecks, WhateverIsWrongHasAFix) {
  const std::vector<Check> checks = machine_checks();
  EXPECT_EQ(checks.size(), 11U);
  for (const Check& check : checks) {
    EXPECT_FALSE(check.detail.empty()) << check.name;
    EXPECT_EQ(check.status != CheckStatus::kOk, !check.fix.empty()) << check.name;
  }
}

Check find(const std::vector<Check>& checks, std::string_view name) {
  const auto found = std::find_if(checks.begin(), checks.end(),
                                  [&](const Check& check) { return check.name == name; });
  return found == checks.end() ? Check{} : *found;
}

// In a child: a hard limit can't be raised again.
[[noreturn]] void look_with_few_descriptors() {
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max = 512;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const Check check = find(machine_checks(), "descriptors");
  ::_exit(check.status == CheckStatus::kFailed && !check.fix.empty() ? 0 : 1);
}

TEST(DoctorChecksDeathTest, SeesADescriptorLimit) {
  EXPECT_EXIT(look_with_few_descriptors(), testing::ExitedWithCode(0), "");
}

TEST(DoctorChecks, StateFolderIsLookedAt) {
  std::string folder = testing::TempDir() + "/godwit_doctor_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_NE(check_state(folder).status, CheckStatus::kFailed);
  EXPECT_THAT(check_state(folder).detail, testing::HasSubstr("key 0600"));
  ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
  EXPECT_EQ(check_state(folder).status, CheckStatus::kWarning);
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  EXPECT_EQ(check_state(folder).status, CheckStatus::kFailed);
  ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
  ASSERT_EQ(::chmod((folder + "/node.key").c_str(), 0644), 0);
  const Check readable = check_state(folder);
  EXPECT_EQ(readable.status, CheckStatus::kFailed);
  EXPECT_FALSE(readable.fix.empty());
}

}  // namespace
}  // namespace godwit::cli
