// The system calls of each kind of process of ours: what it was seen to need, and nothing else.
//
//   auto filter = server_filter();                       // what `serve` does from here on
//   auto done = filter->install(FilterThreads::kCaller); // before it has threads
//   …
//   settled_server_filter()->install(FilterThreads::kAll);   // it listens: no new sockets any more
//
// Pure functions. The lists, and what stands in none of them, are explained in profiles.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "confinement/syscall_filter.h"

namespace godwit::confinement {

// `godwit serve` and `godwit run`: files below what Landlock leaves, listening sockets, threads,
// code mappings (never writable and executable at once). No process, no exec, no signal to others.
Result<SyscallFilter> server_filter();
// On top of it, once everything listens: no socket is made, bound or connected any more; or, where
// functions send requests (kInternet), none but TCP and UDP, which are not bound.
enum class NewSockets : std::uint8_t { kNone, kInternet };
Result<SyscallFilter> settled_server_filter(NewSockets sockets = NewSockets::kNone);
// The compile service: takes jobs, forks children, ends them.
Result<SyscallFilter> compile_service_filter();
// The child of one job: memory, its descriptors, nothing else. No code mappings at all.
Result<SyscallFilter> compile_child_filter();

// Every name in the lists, for the test that none is misspelt.
std::vector<std::string_view> names_in_profiles();

}  // namespace godwit::confinement
