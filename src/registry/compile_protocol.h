// What the server, the compile service and a job's child say to each other. Private to
// src/registry. All three are the same program, so structs cross as they are.
//
// A job is one message with four descriptors: input (sealed memory file), output (memory file: an
// OutputHeader, then either detail and hint of an error, or the module and the artifact), log (the
// child's stderr, a memory file of fixed size) and reply (write end of a pipe: one JobReply).
#pragma once

#include <cstddef>
#include <cstdint>

namespace godwit::registry {

inline constexpr std::uint32_t kJobMagic = 0x31626F6A;  // "job1"
inline constexpr std::size_t kJobFds = 4;
inline constexpr std::size_t kLogBytes = 16384;
inline constexpr std::size_t kMaxErrorTextBytes = 4096;
// Of a child that could not get memory from operator new.
inline constexpr int kExitOutOfMemory = 112;
// Of a child that could not set itself up or write its output.
inline constexpr int kExitSetup = 113;

struct JobMessage {
  std::uint32_t magic = kJobMagic;
  std::uint32_t reserved = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t cpu_seconds = 0;
  std::uint64_t wall_ms = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t output_bytes = 0;
};

enum class JobEnd : std::uint32_t {
  kExited = 1,  // value: exit code
  kSignal,      // value: signal number
  kWallClock,
  kNotStarted,  // value: errno of fork
};

struct JobReply {
  JobEnd end = JobEnd::kExited;
  std::int32_t value = 0;
};

enum class OutputStatus : std::uint32_t {
  kNone = 0,  // the child did not get so far
  kOk = 1,
  kError = 2,
};

struct OutputHeader {
  OutputStatus status = OutputStatus::kNone;
  std::uint32_t error_code = 0;
  std::uint64_t first_bytes = 0;   // detail, or the binary module
  std::uint64_t second_bytes = 0;  // hint, or the artifact
};

}  // namespace godwit::registry
