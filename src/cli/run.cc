// `godwit run FILE`: one invocation without a server, under the same limits and rules.
#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/arguments.h"
#include "cli/confine_server.h"
#include "cli/function_file.h"
#include "cli/machine.h"
#include "cli/output.h"
#include "cli/platform.h"
#include "cli/run_options.h"
#include "cli/run_report.h"
#include "cli/run_request.h"
#include "cli/run_session.h"
#include "cli/verbs.h"
#include "gateway/command_adapter.h"
#include "manifest/settings.h"
#include "registry/grantor.h"

namespace godwit::cli {
namespace {

// Fills `options` from the words; an exit code when there is nothing more to do.
std::optional<int> parse_options(Words words, RunOptions& options) {
  Arguments arguments(
      {.verb = "run",
       .usage = "FILE [K=V…] [OPTIONS] [-- ARGS]",
       .summary =
           "Runs a function once, without a server: K=V are query parameters, standard\n"
           "input is the request's body, standard output the response's. NAME.toml beside\n"
           "NAME.wasm holds its settings. Words after -- are the function's arguments,\n"
           "instead of those in its settings.\n"
           "With neither K=V nor --request there is no request (unless response = \"cgi\"):\n"
           "the environment is what is configured and nothing else, as for an ordinary\n"
           "program. Secrets of its settings are variables of the same names around us.\n"
           "The function sends no requests to other hosts here: each is denied, whatever\n"
           "allowed-outbound-hosts says. `godwit serve` sends them.",
       .example = "godwit run hello.wasm name=Ada --stats\n"
                  "godwit run sort.wasm --dir /data=pictures -- /data/list.txt\n"
                  "godwit run resize.wasm --request upload.http --limit memory=64MiB"});
  arguments.positional("FILE", options.file, "the module, binary or text", Presence::kRequired);
  arguments.positional("K=V", options.parameters, "query parameters");
  arguments.option({"--env", "K=V", "a configured environment variable"}, options.environment);
  arguments.option({"--dir", "GUEST=HOST",
                    "a folder of ours, with all that is in it, to read\n"
                    "and write at the function's path GUEST; also instead\n"
                    "of what its settings ask for there"},
                   options.folders);
  arguments.option({"--stdin", "F", "the file that standard input reads"}, options.stdin_file);
  arguments.option({"--request", "FILE.http",
                    "a whole HTTP request instead of K=V and stdin;\n"
                    "prints the whole response"},
                   options.request_file);
  arguments.option({"--limit", "KEY=VALUE", "a limit, for instance cpu=50ms"}, options.limits);
  arguments.option({"--state-dir", "DIR", "where compiled code is kept"}, options.state_dir);
  arguments.flag("--stats", options.stats, "tell time, memory and page faults on stderr");
  arguments.flag("--json", options.json, "print one JSON document instead of the output");
  const auto end = std::find(words.begin(), words.end(), "--");
  if (end != words.end()) options.arguments.emplace(end + 1, words.end());
  return arguments.parse({words.begin(), end});
}

// The command line wins over the settings file.
Result<void> apply_options(const RunOptions& options, manifest::FunctionSpec& spec) {
  for (const std::string& assignment : options.limits) {
    if (auto set = manifest::set_limit_assignment(spec.limits, assignment); !set) return set;
  }
  for (const std::string& variable : options.environment) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos) {
      return fail(usage_error(fmt::format("--env {}: the value is missing", printable(variable)),
                              "Write --env NAME=VALUE."));
    }
    const std::string_view text = variable;
    auto set = manifest::set_environment(spec, text.substr(0, equals), text.substr(equals + 1));
    if (!set) return set;
    std::erase_if(spec.secrets, [&](const manifest::PlacedText& secret) {
      return secret.text == text.substr(0, equals);
    });
  }
  // No request was described: an ordinary program's run.
  if (options.parameters.empty() && options.request_file.empty() &&
      spec.response != manifest::ResponseMode::kCgi) {
    spec.request_environment = manifest::RequestEnvironment::kLeftOut;
  }
  if (!options.arguments) return {};
  spec.arguments.clear();
  for (const std::string& argument : *options.arguments) {
    if (auto added = manifest::add_argument(spec, argument); !added) return added;
  }
  return {};
}

Result<std::vector<registry::Grantor::HostFolder>> read_folders(const RunOptions& options) {
  std::vector<registry::Grantor::HostFolder> folders;
  for (const std::string& text : options.folders) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return fail(usage_error(fmt::format("--dir {}: it is not GUEST=HOST", printable(text)),
                              "Write for instance --dir /data=pictures."));
    }
    registry::Grantor::HostFolder folder{text.substr(0, equals), text.substr(equals + 1)};
    for (const auto& other : folders) {
      if (other.guest != folder.guest) continue;
      return fail(usage_error(
          fmt::format("--dir {}: the path stands there twice", printable(folder.guest))));
    }
    folders.push_back(std::move(folder));
  }
  return folders;
}

Result<std::unique_ptr<RunRequest>> make_request(const RunOptions& options,
                                                 const manifest::FunctionSpec& spec) {
  if (options.request_file.empty()) return RunRequest::from_parameters(options.parameters, spec);
  if (!options.parameters.empty() || !options.stdin_file.empty()) {
    return fail(usage_error("--request says all of the request: K=V and --stdin have no place",
                            "Write the query and the body into the file."));
  }
  return RunRequest::from_file(options.request_file, spec);
}

// Opens what stdin is to read. A terminal is no input: nobody wants to be waited for.
Result<void> open_input(const RunOptions& options, RunRequest& request, Fd& file,
                        SessionOptions& session) {
  if (!options.request_file.empty()) {
    session.input = request.body();
    return {};
  }
  if (options.stdin_file.empty()) {
    if (::isatty(STDIN_FILENO) == 0) session.input_fd = STDIN_FILENO;
    return {};
  }
  file = Fd(::open(options.stdin_file.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
  struct stat status{};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return fail(ErrorCode::kFileUnreadable,
                fmt::format("{}: {}", printable(options.stdin_file), errno_text()));
  }
  if (S_ISREG(status.st_mode)) {
    request.set_content_length(static_cast<std::uint64_t>(status.st_size));
  }
  session.input_fd = file.get();
  return {};
}

void report(const RunOptions& options, const SessionResult& result,
            const registry::LoadedFunction& loaded) {
  if (!result.input_problem.empty()) print_warning("standard input: " + result.input_problem);
  const RunReport facts{.file = options.file,
                        .result = result,
                        .loaded = loaded,
                        .is_response = !options.request_file.empty()};
  if (options.json) print_json(report_json(facts));
  if (options.stats && !options.json) fmt::print(stderr, "{}", stats_text(facts));
}

Result<int> execute(const RunOptions& options, const FunctionFile& file, RunRequest& request) {
  const auto folders = read_folders(options);
  if (!folders) return fail(folders.error());
  registry::Grantor grantor({.tmpfs_bytes_max = usable_memory_bytes()});
  auto grants = grantor.grants_of_user(file.spec, *folders);
  if (!grants) return fail(std::move(grants.error()));
  SessionOptions session;
  Fd input;
  if (auto opened = open_input(options, request, input, session); !opened) {
    return fail(std::move(opened.error()));
  }
  // A stranger's module may be tried with `run` too: it costs a millisecond to give up the rest.
  std::vector<confinement::Root> roots;
  for (const registry::Grantor::HostFolder& folder : *folders) {
    roots.push_back({folder.host, confinement::RootAccess::kWrite, "--dir"});
  }
  std::optional<ServerConfinement> confined;
  const auto platform = Platform::create(
      {.state_dir = options.state_dir,
       .instances = 1,
       .cache = options.state_dir.empty() ? CacheMode::kOptional : CacheMode::kRequired,
       .confine = confinement_step(ConfinementMode::kBestEffort, std::move(roots), confined)});
  if (!platform) return fail(platform.error());
  if (const auto& problem = (*platform)->cache_problem()) {
    print_warning("compiled code is not kept: " + problem->text());
  }
  if (!file.spec.outbound_hosts.empty()) {
    print_warning(
        "allowed-outbound-hosts: `godwit run` sends no requests to other hosts, each is denied; "
        "`godwit serve` sends them");
  }
  auto loaded = (*platform)->loader().load(file.spec, file.bytes);
  if (!loaded) return fail(std::move(loaded.error()));
  if (auto settled = confined->settle(); !settled) return fail(std::move(settled.error()));
  gateway::CommandAdapter adapter;
  gateway::CommandRequest command = request.command(file.spec);
  command.grants = grants->get();
  command.request_variables = loaded->contract != wasm::Contract::kHttp;
  if (auto decoded = adapter.decode(command); !decoded) {
    return fail(std::move(decoded.error()));
  }
  session.function = std::make_shared<const runtime::Function>(runtime::Function{
      .spec = file.spec,
      .module = loaded->module,
      .contract = loaded->contract,
      .kind = loaded->info->kind,
      .gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{}),
      .grants = std::move(*grants)});
  session.arguments = &adapter.arguments();
  session.environment = &adapter.environment();
  session.output = options.json ? OutputTo::kResult : OutputTo::kDescriptors;
  if (!options.request_file.empty()) session.request = &request.request();
  session.request_id = request.request_id();
  session.http_request = &request.request();
  (*platform)->engine().prepare_thread();
  const auto result = run_session(std::move(session));
  if (!result) return fail(result.error());
  report(options, *result, *loaded);
  return result->error ? fail_with(*result->error) : kExitSuccess;
}

}  // namespace

int run_verb(Words words) {
  RunOptions options;
  if (const auto exit = parse_options(words, options)) return *exit;
  auto file = read_function_file(options.file);
  if (!file) return fail_with(file.error());
  if (auto applied = apply_options(options, file->spec); !applied) {
    print_error(applied.error());
    return kExitUsage;
  }
  auto request = make_request(options, file->spec);
  if (!request) return fail_with(request.error());
  for (const std::string& warning : (*request)->warnings()) print_warning(warning);
  const auto code = execute(options, *file, **request);
  return code ? *code : fail_with(code.error());
}

}  // namespace godwit::cli
