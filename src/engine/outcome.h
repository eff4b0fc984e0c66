// Outcome: how an invocation ended. A guest's failure is this value, never an Error and never an
// exception. The engine reports finished, exited, trapped and out of memory; the runtime, which
// watches the clocks, reports the others.
#pragma once

#include <cstdint>
#include <string>

namespace godwit::engine {

enum class OutcomeKind : std::uint8_t {
  kFinished,     // the entry function returned
  kExited,       // proc_exit; exit_code tells (0 is success)
  kTrapped,      // trap, reason in `trap`
  kOutOfMemory,  // trapped, exited non-zero or failed to start after a growth was refused
  kCpuLimit,
  kDeadline,
  kCancelled,  // the client is gone, or the server ends at once
};

enum class Trap : std::uint8_t {
  kNone,
  kUnreachable,
  kMemoryOutOfBounds,
  kTableOutOfBounds,
  kIndirectCallToNull,
  kBadSignature,
  kIntegerOverflow,
  kIntegerDivisionByZero,
  kBadConversionToInteger,
  kStackOverflow,
  kUncaughtException,
  kHost,   // a host function refused to go on
  kOther,  // a trap of a newer proposal; `detail` names it
};
const char* trap_text(Trap trap);

struct Outcome {
  OutcomeKind kind = OutcomeKind::kFinished;
  Trap trap = Trap::kNone;
  std::int32_t exit_code = 0;
  // Bounded (Limits::detail_bytes), for the operator and --dev only: the reason, then the guest's
  // symbolised frames, a line each, innermost first: "  0: crate::function".
  std::string detail;

  bool success() const {
    return kind == OutcomeKind::kFinished || (kind == OutcomeKind::kExited && exit_code == 0);
  }
};

}  // namespace godwit::engine
