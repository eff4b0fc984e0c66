// What `godwit serve` and `godwit run` give up before a guest runs: new privileges, core dumps, all
// files but declared roots, and every system call that they don't need (src/confinement).
//
//   auto roots = configured_roots({.file = file, .manifest = manifest.get()});
//   auto confined = ServerConfinement::apply(ConfinementMode::kBestEffort, roots);
//   …                                  // threads, listeners
//   confined->settle();                // no new sockets from here on
//   confined->check(reload_roots(…));  // at a reload: kRestartNeeded for what lies elsewhere
//
// apply() is for a process without threads, after the compile service was started; it holds for
// good. The object is immutable then and safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/operator_file.h"
#include "confinement/file_roots.h"
#include "manifest/manifest.h"
#include "registry/state_dir.h"

namespace godwit::cli {

enum class ConfinementMode : std::uint8_t {
  kRequired,    // a kernel that lacks a part of it: no start
  kBestEffort,  // what there is; a warning tells what is missing
  kOff,
};
// "required", "best-effort" (also for an empty text), "off".
ConfinementMode confinement_mode(std::string_view text);

struct RootsOptions {
  const OperatorFile& file;
  const manifest::Manifest* manifest = nullptr;
  registry::UnsafeFiles unsafe_files = registry::UnsafeFiles::kRefuse;
};
// What the configuration names: the operator's file and functions, volumes, files of secrets. With
// unsafe files allowed, also what links among the functions lead to now.
std::vector<confinement::Root> configured_roots(const RootsOptions& options);
// What a reload would open of it: another served folder is not adopted without a restart anyway,
// and a new link is the matter of its one function.
std::vector<confinement::Root> reload_roots(const OperatorFile& file,
                                            const manifest::Manifest* manifest);
// What the process itself needs while it runs, wherever it runs.
std::vector<confinement::Root> process_roots();

class ServerConfinement final {
 public:
  // Errors: kConfinementMissing (kRequired).
  // `outbound_ports`: where functions may send requests to; none: nothing is connected to.
  static Result<ServerConfinement> apply(ConfinementMode mode,
                                         const std::vector<confinement::Root>& roots,
                                         std::vector<std::uint16_t> outbound_ports = {});
  // Once everything listens, from any thread for all of them. Errors: kConfinementMissing.
  Result<void> settle();
  // Are these within what was left? Errors: kRestartNeeded, naming who asked and the path.
  Result<void> check(const std::vector<confinement::Root>& wanted) const;
  // Were the ports of these declared? Errors: kRestartNeeded, naming the line that asks.
  Result<void> check_outbound(const std::vector<manifest::OutboundHost>& hosts) const;
  // One line of what is active, a warning for each part that is not.
  void log(Logger& logger) const;

 private:
  explicit ServerConfinement(ConfinementMode mode) : mode_(mode) {}
  Result<void> give_up();
  Result<void> note(Result<void> done);

  ConfinementMode mode_;
  confinement::FileRoots roots_;
  std::vector<std::uint16_t> outbound_ports_;
  bool files_ = false;    // Landlock is active
  std::string landlock_;  // what it restricts; nobody can ask any more once it does
  bool calls_ = false;    // seccomp is
  std::vector<std::string> problems_;
};

// As PlatformOptions::confine: gives up all but `roots`, the state folder and process_roots().
std::function<Result<void>(const registry::StateDir* state)> confinement_step(
    ConfinementMode mode, std::vector<confinement::Root> roots,
    std::optional<ServerConfinement>& confined, std::vector<std::uint16_t> outbound_ports = {});

}  // namespace godwit::cli
