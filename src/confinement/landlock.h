// Landlock: a process gives up all files but declared roots, TCP, and the signals and abstract
// sockets of other processes; what it starts has no more. As much of it as the kernel knows.
//
//   if (landlock_abi() == 0) warn("no Landlock: " + landlock_text(0));
//   auto done = restrict_files(roots, {.tcp = TcpRule::kNoConnect});     // needs no-new-privileges
//   log(landlock_text(landlock_abi()));      // "files, renaming across folders, truncation, …"
//
// For the calling thread and what it starts: call before there are others. What is open stays
// open. By number, since the system's header is older than the kernel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "confinement/file_roots.h"

namespace godwit::confinement {

// The version of the kernel's Landlock (1: Linux 5.13 … 7: 6.15), 0: none, or it is switched off.
int landlock_abi();
// What a version of that number restricts, in words; empty for 0.
std::string landlock_text(int abi);
// What a later version would add; empty when nothing is missing.
std::string landlock_gaps(int abi);

enum class TcpRule : std::uint8_t {
  kNoConnect,  // but to `connect_ports`; listening stays allowed: who listens does it after this
  kNothing,
};

struct LandlockOptions {
  TcpRule tcp = TcpRule::kNothing;
  std::vector<std::uint16_t> connect_ports;
};

// A ruleset that can be entered, also by children. Errors: kConfinementMissing.
Result<Fd> make_landlock(const FileRoots& roots, const LandlockOptions& options);
// REQUIRES: no-new-privileges. Errors: kConfinementMissing.
Result<void> enter_landlock(int ruleset);
// Both.
Result<void> restrict_files(const FileRoots& roots, const LandlockOptions& options);

}  // namespace godwit::confinement
