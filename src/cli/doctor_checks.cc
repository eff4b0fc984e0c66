#include "cli/doctor_checks.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "base/bytes.h"
#include "base/path.h"
#include "base/units.h"
#include "cli/platform.h"
#include "confinement/landlock.h"
#include "confinement/syscall_filter.h"
#include "registry/memory_file.h"
#include "registry/state_dir.h"

namespace godwit::cli {
namespace {

constexpr std::uint32_t kServerSandboxes = 2048;
// What the server's engine reserves: sandboxes and half as many spare memories, 4 GiB each.
constexpr std::uint64_t kServerAddressBytes =
    std::uint64_t{kServerSandboxes} * 3 / 2 * (std::uint64_t{4} << 30);
constexpr std::string_view kCgroupMount = "/sys/fs/cgroup";

std::string read_small(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(4096, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

// A file of this process's cgroup and of each above it; a limit holds on every level.
void for_each_cgroup(std::string_view file, const std::function<void(std::string_view)>& use) {
  std::string path = parse_cgroup_path(read_small("/proc/self/cgroup")).value_or("/");
  while (true) {
    const std::string text =
        read_small(fmt::format("{}{}/{}", kCgroupMount, path == "/" ? "" : path, file));
    if (!text.empty()) use(text);
    if (path == "/" || path.find('/') == std::string::npos) return;
    path = folder_of(path);
  }
}

Check check_kernel() {
  utsname name{};
  ::uname(&name);
  const auto version = parse_kernel_version(name.release);
  Check check{"kernel", CheckStatus::kOk, fmt::format("{} {}", name.sysname, name.release), {}};
  if (!version || *version < KernelVersion{4, 19}) {
    check.status = CheckStatus::kFailed;
    check.fix = "Run Linux 5.10 or newer.";
  } else if (*version < KernelVersion{5, 10}) {
    check.status = CheckStatus::kWarning;
    check.fix = "Linux 5.10 or newer is what Godwit is tested on.";
  }
  return check;
}

// Compiled code is executed from a sealed memory file: make one and map it.
Check check_memory_files() {
  Check check{"memory files", CheckStatus::kOk, "can be sealed and executed", {}};
  const auto file = registry::sealed_copy("godwit-doctor", as_bytes("godwit"));
  if (!file) {
    return {"memory files", CheckStatus::kFailed, file.error().detail,
            "Allow memfd_create and sealing (a seccomp profile may forbid them)."};
  }
  void* const mapped = ::mmap(nullptr, 6, PROT_READ | PROT_EXEC, MAP_PRIVATE, file->get(), 0);
  if (mapped == MAP_FAILED) {
    return {"memory files", CheckStatus::kFailed, "cannot be executed: " + errno_text(),
            "Allow it: sysctl vm.memfd_noexec=0, and no policy against executable mappings."};
  }
  ::munmap(mapped, 6);
  return check;
}

Check check_confinement() {
  const int abi = confinement::landlock_abi();
  const bool filters = confinement::has_seccomp();
  Check check{
      "confinement",
      CheckStatus::kOk,
      fmt::format("seccomp {}, Landlock {}", filters ? "yes" : "no",
                  abi == 0 ? "no" : fmt::format("{} ({})", abi, confinement::landlock_text(abi))),
      {}};
  if (!filters || abi == 0) {
    check.status = CheckStatus::kWarning;
    check.fix =
        "Use a kernel with both (Debian 12's has them; Landlock must stand in lsm= of the kernel's "
        "command line) and a container profile that allows them.";
  }
  return check;
}

Check check_address_space() {
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  if (limit.rlim_cur != RLIM_INFINITY) {
    const std::uint32_t sandboxes = affordable_instances(kServerSandboxes);
    return {"address space", sandboxes < 16 ? CheckStatus::kFailed : CheckStatus::kWarning,
            fmt::format("limited to {}: {} sandboxes at once instead of {}",
                        format_size(limit.rlim_cur), sandboxes, kServerSandboxes),
            "Lift the limit: ulimit -v unlimited, or LimitAS=infinity in the systemd unit."};
  }
  void* const mapped = ::mmap(nullptr, kServerAddressBytes, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    return {
        "address space", CheckStatus::kFailed,
        fmt::format("{} cannot be reserved: {}", format_size(kServerAddressBytes), errno_text()),
        "Set vm.overcommit_memory to 0 or 1 (sysctl), and use a 64-bit kernel with 47 bits of "
        "user addresses."};
  }
  ::munmap(mapped, kServerAddressBytes);
  return {"address space",
          CheckStatus::kOk,
          fmt::format("{} can be reserved (no memory is used)", format_size(kServerAddressBytes)),
          {}};
}

Check check_overcommit() {
  const auto mode = parse_number<int>(read_small("/proc/sys/vm/overcommit_memory"));
  Check check{"overcommit",
              CheckStatus::kOk,
              mode ? fmt::format("vm.overcommit_memory is {}", *mode) : "unknown",
              {}};
  if (mode == 2) {
    check.status = CheckStatus::kWarning;
    check.fix = "Mode 2 counts every sandbox's whole memory: sysctl vm.overcommit_memory=0.";
  }
  return check;
}

Check check_map_count() {
  constexpr long kWanted = 65530;  // the kernel's default
  const auto count = parse_number<long>(read_small("/proc/sys/vm/max_map_count"));
  Check check{"mappings",
              CheckStatus::kOk,
              count ? fmt::format("vm.max_map_count is {}", *count) : "unknown",
              {}};
  if (count && *count < kWanted) {
    check.status = CheckStatus::kWarning;
    check.fix = fmt::format("Sandboxes need several mappings each: sysctl vm.max_map_count={}",
                            kWanted * 4);
  }
  return check;
}

Check check_descriptors() {
  constexpr rlim_t kFew = 1024;
  constexpr rlim_t kEnough = 4096;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  Check check{"descriptors",
              CheckStatus::kOk,
              fmt::format("at most {} (hard limit; serve takes all of it)", limit.rlim_max),
              {}};
  if (limit.rlim_max < kEnough) {
    check.status = limit.rlim_max < kFew ? CheckStatus::kFailed : CheckStatus::kWarning;
    check.fix = "A connection is a descriptor: raise it (ulimit -Hn 65536, LimitNOFILE=65536).";
  }
  return check;
}

Check check_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof(set), &set);
  double allowed = CPU_COUNT(&set);
  const int usable = CPU_COUNT(&set);
  for_each_cgroup("cpu.max", [&](std::string_view text) {
    if (const auto cores = parse_cpu_max(text)) allowed = std::min(allowed, *cores);
  });
  Check check{"cores",
              CheckStatus::kOk,
              allowed < usable
                  ? fmt::format("{}, of which the cgroup allows {:.2f}", usable, allowed)
                  : fmt::format("{}", usable),
              {}};
  if (allowed < 1) {
    check.status = CheckStatus::kWarning;
    check.fix = "Less than one core: every request may wait for the scheduler. Raise the quota.";
  }
  return check;
}

Check check_memory() {
  constexpr std::uint64_t kWanted = std::uint64_t{512} << 20;
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::string unit;
  std::uint64_t kib = 0;
  std::uint64_t available = 0;
  while (file >> name >> kib) {
    std::getline(file, unit);
    if (name == "MemAvailable:") available = kib * 1024;
  }
  std::optional<std::uint64_t> limit;
  for_each_cgroup("memory.max", [&](std::string_view text) {
    const auto bytes = parse_number<std::uint64_t>(text);  // "max" is no number
    if (bytes) limit = std::min(limit.value_or(*bytes), *bytes);
  });
  Check check{"memory",
              CheckStatus::kOk,
              fmt::format("{} available, cgroup limit {}", format_size(available),
                          limit ? format_size(*limit) : "none"),
              {}};
  if (std::min(available, limit.value_or(available)) < kWanted) {
    check.status = CheckStatus::kWarning;
    check.fix = "Little memory: lower the functions' memory limits (--limit memory=16MiB).";
  }
  return check;
}

Check check_cpu() {
  Check check{"CPU", CheckStatus::kOk, "", {}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v2 = __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("popcnt") != 0;
  const bool v3 = v2 && __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi2") != 0;
  check.detail = v3   ? "x86-64-v3 (AVX2, BMI2)"
                 : v2 ? "x86-64-v2 (SSE 4.2)"
                      : "x86-64 without SSE 4.2";
  if (!v2) {
    check.status = CheckStatus::kWarning;
    check.fix = "Functions that use SIMD will be slow.";
  }
#elif defined(__aarch64__)
  check.detail = "64-bit ARM";
#else
  check.status = CheckStatus::kWarning;
  check.detail = "an architecture that Godwit is not tested on";
#endif
  return check;
}

Check check_clock() {
  std::string source =
      read_small("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  while (!source.empty() && source.back() == '\n') source.pop_back();
  if (source.empty()) return {"clock", CheckStatus::kOk, "unknown source", {}};
  const bool slow = source == "hpet" || source == "acpi_pm" || source == "jiffies";
  return {"clock", slow ? CheckStatus::kWarning : CheckStatus::kOk, "source " + source,
          slow ? "Reading this clock costs a microsecond or more; prefer tsc or the hypervisor's."
               : ""};
}

}  // namespace

std::string_view check_status_text(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk: return "ok";
    case CheckStatus::kWarning: return "warn";
    case CheckStatus::kFailed: return "fail";
  }
  return "";
}

std::vector<Check> machine_checks() {
  return {check_kernel(),     check_memory_files(), check_confinement(), check_address_space(),
          check_overcommit(), check_map_count(),    check_descriptors(), check_cores(),
          check_memory(),     check_cpu(),          check_clock()};
}

Check check_state(const std::string& path) {
  constexpr std::uint64_t kWantedBytes = std::uint64_t{256} << 20;
  const auto state = registry::StateDir::open({.path = path});
  if (!state) {
    return {"state folder", CheckStatus::kFailed, state.error().detail,
            std::string(state.error().next_step())};
  }
  struct stat folder{};
  struct stat key{};
  ::fstat(state->fd(), &folder);
  ::fstatat(state->fd(), "node.key", &key, AT_SYMLINK_NOFOLLOW);
  struct statvfs disk{};
  ::fstatvfs(state->fd(), &disk);
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  Check check{"state folder",
              CheckStatus::kOk,
              fmt::format("{} (mode {:04o}, key {:04o}, {} free)", state->path(),
                          folder.st_mode & 07777U, key.st_mode & 07777U, format_size(free_bytes)),
              {}};
  if ((folder.st_mode & 077U) != 0) {
    check.status = CheckStatus::kWarning;
    check.fix = fmt::format("Others can look into it: chmod 0700 {}", state->path());
  } else if (free_bytes < kWantedBytes) {
    check.status = CheckStatus::kWarning;
    check.fix = "Little room for compiled code: free some, or choose another with --state-dir.";
  }
  return check;
}

std::optional<KernelVersion> parse_kernel_version(std::string_view release) {
  const std::size_t dot = release.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = parse_number<int>(release.substr(0, dot));
  const auto minor = parse_number<int>(release.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  return KernelVersion{*major, *minor};
}

std::optional<double> parse_cpu_max(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto quota = parse_number<std::uint64_t>(text.substr(0, space));
  const auto period = parse_number<std::uint64_t>(text.substr(space + 1));
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<std::string> parse_cgroup_path(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with("0::/")) return std::string(line.substr(3));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace godwit::cli
