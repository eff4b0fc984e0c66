// The child of one compile job: limits itself, then compiles. Private to src/registry.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "confinement/syscall_filter.h"
#include "registry/compile_protocol.h"
#include "registry/compile_service.h"

namespace godwit::registry {

struct JobFds {
  Fd input, output, log, reply;
};

struct JobRunner {
  CompileFunction compile = nullptr;
  const confinement::SyscallFilter* filter = nullptr;  // null: not confined
};

// Called in a freshly forked process; ends it.
[[noreturn]] void run_job(const JobMessage& job, const JobFds& fds, pid_t service,
                          const JobRunner& runner);

}  // namespace godwit::registry
