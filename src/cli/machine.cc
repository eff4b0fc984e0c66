#include "cli/machine.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace godwit::cli {
namespace {

// "cpu.max" of the cgroup (v2): quota and period in µs, or "max".
std::optional<unsigned> cgroup_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  const double cores = std::strtod(quota.c_str(), nullptr) / period;
  return std::max(1U, static_cast<unsigned>(cores + 0.5));
}

// "memory.max" of the cgroup (v2): bytes, or "max".
std::optional<std::uint64_t> cgroup_memory_bytes() {
  std::ifstream file("/sys/fs/cgroup/memory.max");
  std::uint64_t bytes = 0;
  if (!(file >> bytes)) return std::nullopt;
  return bytes;
}

}  // namespace

unsigned usable_cores() {
  cpu_set_t set;
  unsigned cores = 1;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    cores = std::max(1U, static_cast<unsigned>(CPU_COUNT(&set)));
  }
  return std::min(cores, cgroup_cores().value_or(cores));
}

std::uint64_t usable_memory_bytes() {
  const auto pages = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_PHYS_PAGES)));
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t machine = pages * page_bytes;
  return std::min(machine, cgroup_memory_bytes().value_or(machine));
}

std::uint64_t usable_descriptors() {
  rlimit limit{};
  constexpr std::uint64_t kUsual = 1024;
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : kUsual;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Nanoseconds process_cpu_now() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

}  // namespace godwit::cli
