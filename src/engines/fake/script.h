// Script: the "program" of the fake engine, a line per step. Strict: whatever is not exactly a
// known step is kModuleMalformed with its line. Internal to src/engines/fake.
//
//   memory 1                  # pages of 64 KiB at the start (first step, default 1)
//   write 1 "hello\n"         # all of it, waiting when the stream is full; unquoted: rest of line
//   fill 1 100000 x           # so many times that character
//   echo                      # stdin to stdout until the end of the input
//   env NAME                  # the variable's value to stdout (nothing when it is not set)
//   arg 1                     # that argument to stdout
//   sleep_ms 20               # poll_oneoff on the monotonic clock
//   yield 3                   # gives its time slice back so often
//   wait                      # waits for ever for nothing
//   spin                      # uses its whole slice for ever
//   grow 2   must_grow 2      # pages; result: those before, 0xffffffff when refused (or a trap)
//   data 0x100 "bytes"   store32 0x100 7   expect32 0x100 7   (8, 32, 64)
//   call fd_close 1           # any host function ("module.name" for other modules); the operand
//                             # `result` is the result of the last call or growth
//   expect 0                  # that result; otherwise the guest traps
//   import env.log (i32) -> ()  # what type it expects of a function, to be compared at load
//   entry other               # what follows is this export, what came before is _start
//   repeat 10 … end           # nested at most kMaxNesting deep
//   exit 3                    # through proc_exit
//   trap unreachable "frame"  # or memory table null signature overflow divide conversion stack
//                             # exception other
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/outcome.h"

namespace godwit::engines::fake {

enum class StepKind : std::uint8_t {
  kWrite,
  kFill,
  kEcho,
  kEnv,
  kArg,
  kSleep,
  kYield,
  kWait,
  kSpin,
  kGrow,
  kMustGrow,
  kData,
  kStore,
  kExpectMemory,
  kCall,
  kExpect,
  kRepeat,
  kEnd,
  kExit,
  kTrap,
  kReturn,
};

struct Operand {
  std::uint64_t number = 0;
  bool is_result = false;  // the last result instead
};

struct Step {
  StepKind kind;
  std::size_t line = 0;
  std::uint64_t number = 0;  // descriptor, address, count, …: the step's first number
  std::uint64_t value = 0;   // its second
  std::uint32_t width = 0;   // of stores and memory expectations: 1, 4 or 8 bytes
  std::string text;
  std::vector<Operand> arguments;  // of kCall
  std::size_t function = 0;        // of kCall: index into functions
  std::size_t other = 0;           // kRepeat: its end; kEnd: its repeat
  engine::Trap trap = engine::Trap::kNone;
};

struct ImportName {
  std::string module;
  std::string name;

  bool operator==(const ImportName&) const = default;
};

// A type that an import step asks for, "(i32) -> ()".
struct ImportType {
  std::size_t function = 0;  // index into functions
  std::string type;
};

struct Entry {
  std::string name;
  std::size_t step = 0;  // where it begins; a kReturn step or the script's end ends it
};

struct Script {
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxNesting = 8;
  static constexpr std::uint64_t kMaxPages = 65536;

  std::uint64_t pages = 1;
  std::vector<Step> steps;
  std::vector<ImportName> functions;  // every host function that is called, each once
  std::vector<ImportType> types;
  std::vector<Entry> entries;
};

// Errors: kModuleMalformed.
Result<Script> parse_script(std::string_view text);

}  // namespace godwit::engines::fake
