// proc_exit, proc_raise, sched_yield.
#include <array>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

// What a signal's default action does (typenames.witx, $signal), in their order. Stopping would be
// for ever: nobody could continue the guest.
struct Signal {
  enum class Action : std::uint8_t { kIgnore, kTerminate, kStop };
  Action action;
  const char* message;  // of kTerminate
};

constexpr auto kIgnore = Signal{Signal::Action::kIgnore, ""};
constexpr auto kStop = Signal{Signal::Action::kStop, ""};
constexpr Signal terminate(const char* message) { return {Signal::Action::kTerminate, message}; }

constexpr std::array kSignals = {
    kIgnore,  // NONE
    terminate("raised SIGHUP"),
    terminate("raised SIGINT"),
    terminate("raised SIGQUIT"),
    terminate("raised SIGILL"),
    terminate("raised SIGTRAP"),
    terminate("raised SIGABRT"),
    terminate("raised SIGBUS"),
    terminate("raised SIGFPE"),
    terminate("raised SIGKILL"),
    terminate("raised SIGUSR1"),
    terminate("raised SIGSEGV"),
    terminate("raised SIGUSR2"),
    kIgnore,  // PIPE
    terminate("raised SIGALRM"),
    terminate("raised SIGTERM"),
    kIgnore,  // CHLD
    kIgnore,  // CONT: it is not stopped
    kStop,    // STOP
    kStop,    // TSTP
    kStop,    // TTIN
    kStop,    // TTOU
    kIgnore,  // URG
    terminate("raised SIGXCPU"),
    terminate("raised SIGXFSZ"),
    terminate("raised SIGVTALRM"),
    terminate("raised SIGPROF"),
    kIgnore,  // WINCH
    terminate("raised SIGPOLL"),
    terminate("raised SIGPWR"),
    terminate("raised SIGSYS"),
};

}  // namespace

// Any code is taken; the outcome has it as a signed number, as exit(-1) meant it.
Exit proc_exit(const Call&, std::uint32_t code) { return {code}; }

Answer proc_raise(const Call&, std::uint32_t signal) {
  if (signal >= kSignals.size()) return Errno::kInval;
  switch (kSignals[signal].action) {
    case Signal::Action::kIgnore: return Errno::kSuccess;
    case Signal::Action::kStop: return Errno::kNotsup;
    case Signal::Action::kTerminate: return Answer::trap(kSignals[signal].message);
  }
  return Errno::kInval;
}

// Others run when the guest's time slice ends, whatever it calls. Suspending it here would let a
// spinning guest trade work for turns of the run queue, and would flush its output early.
Errno sched_yield(const Call&) { return Errno::kSuccess; }

}  // namespace godwit::wasi::functions
