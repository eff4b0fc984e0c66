// What `godwit doctor` looks at: one function per subject, each says what it found and, where
// something is wrong, what to do.
//
//   for (const Check& check : machine_checks()) print(check_line(check));
//
// They ask the kernel or try the thing itself; none changes the machine, but check_state() makes
// the state folder as a server would. For the main thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::cli {

enum class CheckStatus { kOk, kWarning, kFailed };
std::string_view check_status_text(CheckStatus status);  // "ok", "warn", "fail"

struct Check {
  std::string name;
  CheckStatus status = CheckStatus::kOk;
  std::string detail;
  std::string fix;  // empty when there is nothing to do
};

// Kernel, memory files, confinement, address space, mappings, descriptors, cores, memory, CPU,
// clock.
std::vector<Check> machine_checks();
// The state folder and the node's key. `path` empty: the default place.
Check check_state(const std::string& path);

// --- Pieces, for the tests
// ------------------------------------------------------------------------

struct KernelVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};
// "6.1.0-18-amd64" → 6.1.
std::optional<KernelVersion> parse_kernel_version(std::string_view release);

// Cores out of a cgroup's cpu.max: "150000 100000" → 1.5; nothing for "max 100000".
std::optional<double> parse_cpu_max(std::string_view text);
// The folder below the mount of cgroup v2, out of /proc/self/cgroup: "0::/a/b" → "/a/b".
std::optional<std::string> parse_cgroup_path(std::string_view text);

}  // namespace godwit::cli
