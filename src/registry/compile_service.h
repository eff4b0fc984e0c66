// CompileService: compilers are large and their input is hostile, so they run elsewhere: a service
// process without threads, keys, sockets or environment, which forks one limited child per job:
// address space, CPU time, file size, wall clock, the lowest priority; and confined: no files, no
// network, no processes, no code mappings (confinement/profiles.h). What a child does can't reach
// the server: it dies and the job has failed.
//
//   // First act of main(), before any thread:
//   auto service = registry::CompileService::start({.command = {"/proc/self/exe",
//   "compile-service"}}); auto output = (*service)->compile(bytes);           // from any
//   control-plane thread; blocks
//
//   // And in main(), when the first argument is "compile-service":
//   return registry::compile_service_main({.compile = &compile_with_engine});
//
// compile() is thread-safe. Job protocol (compile_protocol.h): one SOCK_SEQPACKET message per job
// with its descriptors; the reply pipe closes when the service dies, so nobody waits for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"

namespace godwit::registry {

// Of one job, enforced by the kernel on the child.
struct CompileLimits {
  std::chrono::seconds cpu{30};
  // Whatever the child waits for: it has the lowest priority, so its CPU time may take its time.
  std::chrono::milliseconds wall{std::chrono::seconds(300)};
  std::uint64_t memory_bytes = std::uint64_t{2} << 30;    // address space
  std::uint64_t output_bytes = std::uint64_t{512} << 20;  // artifact and binary together
  std::uint64_t module_bytes = std::uint64_t{64} << 20;   // of the input
};

struct CompileOutput {
  Bytes wasm;      // the binary module when the input was text, else empty
  Bytes artifact;  // Engine::compile's
};

// What the loader needs of a compiler; CompileService in production.
class Compiler {
 public:
  virtual ~Compiler() = default;
  // Errors: what the compiler said (kModuleMalformed, kTextMalformed, kUnsupportedFeature,
  // kCompileFailed), kModuleTooLarge, kCompileLimit (CPU, memory, wall clock, output),
  // kCompileFailed (it crashed), kSystemCall. `cpu_max` can only lower what is given in general.
  virtual Result<CompileOutput> compile_within(std::chrono::seconds cpu_max, ByteSpan input) = 0;
  Result<CompileOutput> compile(ByteSpan input) {
    return compile_within(std::chrono::seconds::max(), input);
  }
};

struct CompileServiceOptions {
  // The program and its arguments, which must call compile_service_main().
  std::vector<std::string> command;
  CompileLimits limits;
  std::uint32_t max_parallel = 1;  // further callers of compile() wait
};

inline constexpr int kCompileServiceFd = 3;

class CompileService final : public Compiler {
 public:
  // Starts the process. Errors: kSystemCall.
  static Result<std::unique_ptr<CompileService>> start(CompileServiceOptions options);
  // Ends the process and every job. REQUIRES: no thread is in compile().
  ~CompileService() override;
  CompileService(const CompileService&) = delete;
  CompileService& operator=(const CompileService&) = delete;

  // A service that has died is started again, once per job: by its keeper, which forks, and where
  // that has gone too, by an exec of ours (which a confined process can't do: kSystemCall).
  Result<CompileOutput> compile_within(std::chrono::seconds cpu_max, ByteSpan input) override;

  // Of the service's keeper, for tests and `doctor`.
  pid_t pid() const;

 private:
  struct Process {
    pid_t pid = -1;
    Fd socket;
    std::uint64_t generation = 0;  // counts the starts
  };
  class Slot;
  struct Job;

  explicit CompileService(CompileServiceOptions options) : options_(std::move(options)) {}
  static Result<Process> spawn(const std::vector<std::string>& command);
  static void end(Process& process);
  // One attempt; nothing when the service died under it.
  Result<std::optional<CompileOutput>> attempt(ByteSpan input, const CompileLimits& limits);
  // The generation of the service that has the job; nothing when it has died.
  std::optional<std::uint64_t> submit(const Job& job, std::size_t input_bytes,
                                      const CompileLimits& limits);
  // Starts a new service when that of this generation is still the present one, and its keeper has
  // gone; with `hangs`, the keeper is ended first.
  Result<void> restart(std::uint64_t generation, bool hangs);

  const CompileServiceOptions options_;
  mutable std::mutex mutex_;  // process_, running_
  std::condition_variable free_slot_;
  Process process_;
  std::uint32_t running_ = 0;
};

// Runs in the job's child. May crash, hang or exhaust memory: that is what the child is for.
using CompileFunction = Result<CompileOutput> (*)(ByteSpan input);

struct CompileServiceMain {
  CompileFunction compile = nullptr;
  // Called once, before the first job and before files are given up: what is read or made only
  // once (a library's configuration, tables) is there for all children then. May be null.
  void (*prepare)() = nullptr;
  bool confined = true;
  int socket_fd = kCompileServiceFd;
};

// The service: confines itself, then takes jobs from the socket until it closes. Returns the exit
// code. What the kernel knows of confinement is used; a part that it knows and refuses is an exit
// code. REQUIRES: called in a process without threads.
int compile_service_main(const CompileServiceMain& service);

}  // namespace godwit::registry
