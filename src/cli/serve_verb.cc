// `godwit serve PATH`: reads the command line; serve.h does the rest.
#include <charconv>

#include <fmt/format.h>

#include "base/log.h"
#include "base/units.h"
#include "cli/arguments.h"
#include "cli/output.h"
#include "cli/serve.h"
#include "cli/verbs.h"
#include "manifest/manifest.h"
#include "manifest/settings.h"
#include "server/listener.h"

namespace godwit::cli {
namespace {

constexpr unsigned kMaxThreads = 1024;

// As they were typed; empty: not said.
struct ServeWords {
  std::string threads;
  std::string memory;
  std::string drain_timeout;
  std::vector<std::string> connections;  // in the order of connection_flags()
};

void declare(Arguments& arguments, ServeOptions& options, ServeWords& words) {
  arguments.positional("PATH", options.path, "a folder of functions, or a godwit.toml");
  arguments.option({"--listen", "HOST:PORT",
                    "where to listen; default 127.0.0.1:8080,\n"
                    "port 0 picks a free one"},
                   options.listen);
  arguments.option({"--metrics", "HOST:PORT",
                    "where /metrics, /healthz and /readyz are served,\n"
                    "to anybody who can connect; default: nowhere"},
                   options.metrics);
  arguments.option({"--state-dir", "DIR",
                    "the node's key and compiled code; default\n"
                    "$XDG_STATE_HOME/godwit"},
                   options.state_dir);
  arguments.option({"--threads", "N", "workers; default: the cores that the cgroup allows"},
                   words.threads);
  arguments.option({"--memory", "SIZE",
                    "memory of all guests together; default 70 % of\n"
                    "what the cgroup or the machine has"},
                   words.memory);
  arguments.option({"--limit", "KEY=VALUE",
                    "the default for functions that set none,\n"
                    "for instance memory=64MiB"},
                   options.limits);
  arguments.option({"--log-format", "FORMAT", "text (default) or json"}, options.log_format);
  arguments.option({"--log-level", "LEVEL", "debug, info (default), warning or error"},
                   options.log_level);
  arguments.option({"--drain-timeout", "TIME",
                    "how long requests may finish at the end;\n"
                    "default 10s"},
                   words.drain_timeout);
  const auto flags = manifest::connection_flags();
  words.connections.resize(flags.size());
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const std::string name = fmt::format("--{}", flags[i].key);
    arguments.option({name, flags[i].value, flags[i].help}, words.connections[i]);
  }
  arguments.flag("--watch", options.watch, "serve changed files at once");
  arguments.flag("--dev", options.dev,
                 "for development: implies --watch, errors tell details to\n"
                 "the client, GET / lists the functions");
  arguments.flag("--allow-unsafe-files", options.allow_unsafe_files,
                 "serve symbolic links, and files that others can write");
  arguments.option({"--confinement", "MODE",
                    "whether the server gives up the files and system calls\n"
                    "that it does not need: required (no start without),\n"
                    "best-effort (default) or off"},
                   options.confinement);
}

Result<void> read_threads(const std::string& text, unsigned& threads) {
  if (text.empty()) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && threads >= 1 && threads <= kMaxThreads) return {};
  return fail(usage_error(
      fmt::format("--threads {}: not a number from 1 to {}", printable(text), kMaxThreads)));
}

Result<void> check_options(ServeOptions& options, const ServeWords& words) {
  if (options.path.empty()) {
    return fail(
        usage_error("`serve` needs a folder of functions or a godwit.toml: godwit serve PATH",
                    "Name a folder with NAME.wasm or NAME.wat files in it."));
  }
  manifest::Limits limits;
  for (const std::string& assignment : options.limits) {
    if (auto set = manifest::set_limit_assignment(limits, assignment); !set) return set;
  }
  for (const std::string& address : options.listen) {
    if (auto parsed = server::parse_listen_address(address); !parsed) {
      return fail(std::move(parsed.error()));
    }
  }
  if (!options.metrics.empty()) {
    auto parsed = server::parse_listen_address(options.metrics, "--metrics");
    if (!parsed) return fail(std::move(parsed.error()));
  }
  if (!options.log_format.empty() && options.log_format != "text" && options.log_format != "json") {
    return fail(usage_error(
        fmt::format("--log-format {}: it is text or json", printable(options.log_format))));
  }
  if (!options.log_level.empty() && !parse_log_level(options.log_level)) {
    return fail(usage_error(fmt::format("--log-level {}: it is debug, info, warning or error",
                                        printable(options.log_level))));
  }
  const std::string& confinement = options.confinement;
  if (!confinement.empty() && confinement != "required" && confinement != "best-effort" &&
      confinement != "off") {
    return fail(usage_error(fmt::format("--confinement {}: it is required, best-effort or off",
                                        printable(confinement))));
  }
  if (!words.drain_timeout.empty()) {
    const auto time = parse_duration(words.drain_timeout);
    if (!time) return fail(time.error());
    options.drain_timeout = *time;
  }
  if (!words.memory.empty()) {
    const auto bytes = manifest::parse_guest_memory(words.memory);
    if (!bytes) return fail(bytes.error());
    options.memory_bytes = *bytes;
  }
  const auto flags = manifest::connection_flags();
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const std::string& text = words.connections[i];
    if (text.empty()) continue;
    auto set = manifest::set_connection_setting(options.connections, flags[i].key, text);
    if (!set) return set;
  }
  return read_threads(words.threads, options.threads);
}

}  // namespace

int serve_verb(Words words) {
  ServeOptions options;
  ServeWords typed;
  Arguments arguments({.verb = "serve",
                       .usage = "PATH [OPTIONS]",
                       .summary =
                           "Serves functions over HTTP. PATH is a folder: NAME.wasm or NAME.wat\n"
                           "is the function at /NAME, NAME.toml holds its settings, godwit.toml\n"
                           "says what they are granted. Or PATH is such a godwit.toml with\n"
                           "functions of its own. A flag wins over the key of the same name in\n"
                           "its [server]. SIGTERM and SIGINT drain, SIGHUP reads all of it again.",
                       .example = "godwit serve functions --listen 127.0.0.1:8080 --dev\n"
                                  "godwit serve site/godwit.toml"});
  declare(arguments, options, typed);
  if (const auto exit = arguments.parse(words)) return *exit;
  if (auto checked = check_options(options, typed); !checked) {
    print_error(checked.error());
    return kExitUsage;
  }
  return run_serve(options);
}

}  // namespace godwit::cli
