// What this process may use of its machine. Safe from any thread.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace godwit::cli {

// Cores that the affinity mask and the cgroup (v2, cpu.max) allow; at least 1.
unsigned usable_cores();
// Bytes of memory: the machine's, or less where the cgroup (v2, memory.max) says so.
std::uint64_t usable_memory_bytes();
// Descriptors that this process may have (RLIMIT_NOFILE).
std::uint64_t usable_descriptors();
// A connection is a descriptor: takes all that the hard limit allows.
void raise_descriptor_limit();

// CPU time of all threads that this process has used so far.
Nanoseconds process_cpu_now();

}  // namespace godwit::cli
