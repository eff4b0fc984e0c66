// ProcessStats: what the kernel says of this process, for the metrics process_*.
//
//   ProcessStats stats;                      // opens what it reads, once
//   stats.read().resident_memory_bytes
//
// /proc is opened when it is made and not again: a process that has given up the right to open
// files, or that has no descriptor left, is still told. One thread at a time.
#pragma once

#include <cstdint>

#include "base/fd.h"

namespace godwit::observe {

// 0 where the kernel did not tell.
struct ProcessFigures {
  double cpu_seconds = 0;  // of all threads, user and system
  std::uint64_t resident_memory_bytes = 0;
  std::uint64_t virtual_memory_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  std::uint64_t threads = 0;
  double start_time_seconds = 0;  // since the UNIX epoch
};

class ProcessStats final {
 public:
  ProcessStats();
  ProcessFigures read() const;

 private:
  std::uint64_t count_fds() const;

  Fd stat_;                    // /proc/self/stat
  Fd folder_;                  // /proc/self/fd
  double booted_seconds_ = 0;  // the epoch's time when the machine started
};

}  // namespace godwit::observe
