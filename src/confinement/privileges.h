// What a process gives up for good, as calls that say whether it worked.
//
//   auto done = forbid_new_privileges();       // before seccomp and Landlock, which ask for it
//   if (!done) return fail(std::move(done.error()));
//   forbid_core_dumps();
//
// For the calling process; before it has threads, so that all of them have it.
#pragma once

#include "base/error.h"

namespace godwit::confinement {

// No exec gains rights any more, whatever the file's set-user-id bit or capabilities. Errors:
// kConfinementMissing.
Result<void> forbid_new_privileges();

// No core file: it would hold what guests and secrets left in memory. Also not through a handler
// that the kernel pipes to (it ignores RLIMIT_CORE), and no process of the same user may attach.
// Errors: kConfinementMissing.
Result<void> forbid_core_dumps();

// Compiling is the least urgent work of the machine: nice 10 and SCHED_BATCH, also as a session
// (autogroup), and the first victim when memory runs out. What the kernel refuses is left out.
void lower_own_priority();

}  // namespace godwit::confinement
