#include "engine/outcome.h"

namespace godwit::engine {

const char* trap_text(Trap trap) {
  switch (trap) {
    case Trap::kNone: return "no trap";
    case Trap::kUnreachable: return "unreachable instruction executed";
    case Trap::kMemoryOutOfBounds: return "memory access out of bounds";
    case Trap::kTableOutOfBounds: return "table access out of bounds";
    case Trap::kIndirectCallToNull: return "indirect call to a null function";
    case Trap::kBadSignature: return "indirect call with the wrong signature";
    case Trap::kIntegerOverflow: return "integer overflow";
    case Trap::kIntegerDivisionByZero: return "integer division by zero";
    case Trap::kBadConversionToInteger: return "invalid conversion to integer";
    case Trap::kStackOverflow: return "call stack exhausted";
    case Trap::kUncaughtException: return "uncaught exception";
    case Trap::kHost: return "a host function ended the run";
    case Trap::kOther: return "trap";
  }
  return "trap";
}

}  // namespace godwit::engine
