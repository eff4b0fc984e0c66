// For tests only: a compiler that does what its input says, good or bad.
#pragma once

#include "registry/compile_service.h"

namespace godwit::registry {

// "ok TEXT" gives the artifact TEXT; "text TEXT" also gives it as the binary; other words misbehave
// (see test_compiler.cc).
Result<CompileOutput> obedient_compiler(ByteSpan input);

}  // namespace godwit::registry
