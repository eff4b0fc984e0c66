#include "cli/confine_server.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/path.h"
#include "cli/output.h"
#include "confinement/landlock.h"
#include "confinement/privileges.h"
#include "confinement/profiles.h"

namespace godwit::cli {
namespace {

using confinement::FileRoots;
using confinement::Root;
using confinement::RootAccess;

// Names whose answers do not fit into a datagram.
constexpr std::uint16_t kNamePort = 53;

// What the operator allowed by allowing links: their targets, as they are now.
void append_link_targets(const std::string& path, std::vector<Root>& roots) {
  const auto folder = registry::Folder::open(path, {.unsafe_files = registry::UnsafeFiles::kAllow});
  if (!folder) return;
  const auto listing = folder->scan();
  if (!listing) return;
  const std::string inside = real_path(path).value_or("") + "/";
  const auto append = [&](const std::string& name, RootAccess access) {
    if (name.empty()) return;
    auto target = real_path(path + "/" + name);
    if (!target || target->starts_with(inside)) return;
    roots.push_back({*std::move(target), access, "a link in " + path});
  };
  for (const registry::FolderFunction& function : listing->functions) {
    append(function.path, RootAccess::kReadFile);
    append(function.settings_path, RootAccess::kReadFile);
  }
  for (const std::string& name : listing->folders) append(name, RootAccess::kRead);
}

void append_manifest(const OperatorFile& file, const manifest::Manifest& manifest,
                     std::vector<Root>& roots) {
  for (const manifest::FunctionSpec& function : manifest.functions) {
    // The folder: a module is replaced by renaming another over it. So is a secret.
    roots.push_back({folder_of(file.resolve(function.source)), RootAccess::kRead,
                     fmt::format("the function \"{}\": source", function.name)});
  }
  for (const manifest::VolumeSpec& volume : manifest.volumes) {
    roots.push_back({file.resolve(volume.path),
                     volume.may_write ? RootAccess::kWrite : RootAccess::kRead,
                     fmt::format("{}: the volume \"{}\": path", volume.place, volume.name)});
  }
  for (const manifest::SecretSpec& secret : manifest.secrets) {
    const auto* const source = std::get_if<manifest::SecretFile>(&secret.source);
    if (source == nullptr) continue;
    roots.push_back({folder_of(file.resolve(source->path)), RootAccess::kReadFile,
                     fmt::format("{}: the secret {}: file", secret.place, secret.name)});
  }
}

}  // namespace

ConfinementMode confinement_mode(std::string_view text) {
  if (text == "required") return ConfinementMode::kRequired;
  return text == "off" ? ConfinementMode::kOff : ConfinementMode::kBestEffort;
}

std::vector<Root> reload_roots(const OperatorFile& file, const manifest::Manifest* manifest) {
  std::vector<Root> roots = {{file.folder(), RootAccess::kRead, "PATH"}};
  if (manifest != nullptr) append_manifest(file, *manifest, roots);
  return roots;
}

std::vector<Root> configured_roots(const RootsOptions& options) {
  std::vector<Root> roots = reload_roots(options.file, options.manifest);
  const std::string functions = options.file.functions_folder(options.manifest);
  if (!functions.empty() && functions != options.file.folder()) {
    roots.push_back({functions, RootAccess::kRead, "[server] folder"});
  }
  if (!functions.empty() && options.unsafe_files == registry::UnsafeFiles::kAllow) {
    append_link_targets(functions, roots);
  }
  return roots;
}

std::vector<Root> process_roots() {
  std::vector<Root> roots = {{"/dev/null", RootAccess::kWrite, ""},
                             {"/dev/urandom", RootAccess::kReadFile, ""},
                             {"/proc/self", RootAccess::kRead, ""},
                             {"/proc/meminfo", RootAccess::kReadFile, ""},
                             {"/sys/devices/system/cpu", RootAccess::kRead, ""},
                             {"/sys/fs/cgroup", RootAccess::kRead, ""}};
  // The names of addresses to listen on.
  for (const char* const file : {"/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
                                 "/etc/resolv.conf", "/etc/gai.conf"}) {
    roots.push_back({file, RootAccess::kReadFile, ""});
  }
  return roots;
}

// A part that failed is an error where it is required, else a warning later.
Result<void> ServerConfinement::note(Result<void> done) {
  if (done || mode_ == ConfinementMode::kRequired) return done;
  problems_.push_back(std::move(done.error().detail));
  return {};
}

Result<void> ServerConfinement::give_up() {
  // What libraries read once, they read now: OpenSSL its configuration, libc the time zone.
  [[maybe_unused]] const Digest ignored = sha256({});
  ::tzset();
  if (auto done = note(confinement::forbid_new_privileges()); !done) return done;
  if (auto done = note(confinement::forbid_core_dumps()); !done) return done;
  std::vector<std::uint16_t> ports = outbound_ports_;
  if (!ports.empty()) ports.push_back(kNamePort);
  auto files = confinement::restrict_files(
      roots_, {.tcp = confinement::TcpRule::kNoConnect, .connect_ports = std::move(ports)});
  files_ = files.has_value();
  if (files_) landlock_ = confinement::landlock_text(confinement::landlock_abi());
  if (auto done = note(std::move(files)); !done) return done;
  const auto filter = confinement::server_filter();
  Result<void> calls = filter ? filter->install(confinement::FilterThreads::kCaller)
                              : Result<void>(fail(filter.error()));
  calls_ = calls.has_value();
  return note(std::move(calls));
}

Result<ServerConfinement> ServerConfinement::apply(ConfinementMode mode,
                                                   const std::vector<Root>& roots,
                                                   std::vector<std::uint16_t> outbound_ports) {
  ServerConfinement confinement(mode);
  confinement.outbound_ports_ = std::move(outbound_ports);
  if (mode == ConfinementMode::kOff) return confinement;
  confinement.roots_ = FileRoots::open(roots);
  if (auto done = confinement.give_up(); !done) return fail(std::move(done.error()));
  return confinement;
}

Result<void> ServerConfinement::settle() {
  if (!calls_) return {};
  const auto filter = confinement::settled_server_filter(outbound_ports_.empty()
                                                             ? confinement::NewSockets::kNone
                                                             : confinement::NewSockets::kInternet);
  if (!filter) return note(fail(filter.error()));
  return note(filter->install(confinement::FilterThreads::kAll));
}

Result<void> ServerConfinement::check(const std::vector<Root>& wanted) const {
  if (!files_) return {};
  for (const Root& root : wanted) {
    if (roots_.covers(root.path, root.access)) continue;
    return fail(ErrorCode::kRestartNeeded,
                fmt::format("{}: {} is not what the server declared when it started ({})",
                            root.place, printable(root.path),
                            root.access == RootAccess::kWrite ? "to write" : "to read"));
  }
  return {};
}

Result<void> ServerConfinement::check_outbound(
    const std::vector<manifest::OutboundHost>& hosts) const {
  if (!files_ && !calls_) return {};
  for (const manifest::OutboundHost& host : hosts) {
    const std::uint16_t port = host.authority.port;
    if (std::find(outbound_ports_.begin(), outbound_ports_.end(), port) != outbound_ports_.end()) {
      continue;
    }
    return fail(ErrorCode::kRestartNeeded,
                fmt::format("{}: {}: no function could connect to port {} when the server started",
                            host.place, host.text(), port));
  }
  return {};
}

void ServerConfinement::log(Logger& logger) const {
  if (mode_ == ConfinementMode::kOff) {
    logger.warning("serve", "not confined: confinement is switched off", {});
    return;
  }
  logger.info(
      "serve", "confined",
      {{"system_calls", calls_ ? "filtered" : "all"},
       {"landlock", files_ ? std::string_view(landlock_) : "no"},
       {"outbound_ports",
        outbound_ports_.empty() ? "none" : fmt::format("{}", fmt::join(outbound_ports_, ","))},
       {"roots", std::to_string(roots_.roots().size())}});
  for (const std::string& problem : problems_) {
    logger.warning("serve", "a part of the confinement is missing",
                   {{"part", problem},
                    {"hint",
                     "`godwit doctor` says more; confinement = \"required\" refuses to "
                     "start without it"}});
  }
  for (const FileRoots::OpenRoot& open : roots_.roots()) {
    if (open.root.place.empty()) continue;
    logger.debug("serve", "a root", {{"path", open.root.path}, {"for", open.root.place}});
  }
  for (const Root& root : roots_.missing()) {
    if (root.place.empty()) continue;
    logger.warning("serve", "nothing is there: once it is, it needs a restart",
                   {{"path", root.path}, {"for", root.place}});
  }
}

std::function<Result<void>(const registry::StateDir* state)> confinement_step(
    ConfinementMode mode, std::vector<Root> roots, std::optional<ServerConfinement>& confined,
    std::vector<std::uint16_t> outbound_ports) {
  return [mode, roots = std::move(roots), ports = std::move(outbound_ports),
          &confined](const registry::StateDir* state) mutable -> Result<void> {
    for (Root& root : process_roots()) roots.push_back(std::move(root));
    if (state != nullptr) roots.push_back({state->path(), RootAccess::kWrite, "the state folder"});
    auto applied = ServerConfinement::apply(mode, roots, ports);
    if (!applied) return fail(std::move(applied.error()));
    confined.emplace(std::move(*applied));
    return {};
  };
}

}  // namespace godwit::cli
