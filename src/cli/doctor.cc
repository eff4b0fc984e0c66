// `godwit doctor`: checks the machine and says what to fix.
#include <algorithm>

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/doctor_checks.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/platform.h"
#include "cli/run_session.h"
#include "cli/verbs.h"
#include "wasi/string_list.h"

namespace godwit::cli {
namespace {

// Writes "ok": through the compile service, the loader, the engine, WASI and the event loop.
constexpr std::string_view kProgram = R"((module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\02\00\00\00ok")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))))";

struct EngineRun {
  std::string text;  // what was measured
};

Result<EngineRun> try_engine(const std::string& state_dir) {
  const auto platform = Platform::create({.state_dir = state_dir, .instances = 4});
  if (!platform) return fail(platform.error());
  const manifest::FunctionSpec spec{.name = "doctor"};
  const auto loaded = (*platform)->loader().load(spec, as_bytes(kProgram));
  if (!loaded) return fail(loaded.error());
  (*platform)->engine().prepare_thread();
  const wasi::StringList nothing;
  SessionOptions session{
      .function = std::make_shared<const runtime::Function>(runtime::Function{
          .spec = spec,
          .module = loaded->module,
          .gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{})}),
      .arguments = &nothing,
      .environment = &nothing,
      .output = OutputTo::kResult};
  const auto result = run_session(std::move(session));
  if (!result) return fail(result.error());
  if (result->error) return fail(*result->error);
  if (result->output != "ok") {
    return fail(ErrorCode::kInternal, "the test program's output did not arrive");
  }
  return EngineRun{fmt::format("{}: a function was loaded in {:.1f} ms and ran in {:.0f} µs",
                               (*platform)->engine().name(),
                               static_cast<double>(loaded->total_time.count()) / 1e6,
                               static_cast<double>(result->wall.count()) / 1e3)};
}

Check check_engine(const std::string& state_dir) {
  const auto run = try_engine(state_dir);
  if (run) return {"engine", CheckStatus::kOk, run->text, {}};
  const bool system = run.error().code == ErrorCode::kSystemCall;  // its hint is to run this verb
  return {"engine", CheckStatus::kFailed, run.error().text(),
          system ? "See what the lines above say of address space, overcommit and memory files."
                 : std::string(run.error().next_step())};
}

void print_checks(const std::vector<Check>& checks) {
  for (const Check& check : checks) {
    print(fmt::format("{:<4}  {:<14} {}\n", check_status_text(check.status), check.name,
                      printable(check.detail)));
    if (!check.fix.empty()) print(fmt::format("      fix: {}\n", printable(check.fix)));
  }
}

Json checks_json(const std::vector<Check>& checks, bool healthy) {
  Json list = Json::array();
  for (const Check& check : checks) {
    list.push_back({{"name", check.name},
                    {"status", check_status_text(check.status)},
                    {"detail", check.detail},
                    {"fix", check.fix.empty() ? Json() : Json(check.fix)}});
  }
  return {{"healthy", healthy}, {"checks", list}};
}

}  // namespace

int doctor_verb(Words words) {
  std::string state_dir;
  bool json = false;
  Arguments arguments({.verb = "doctor",
                       .usage = "[--state-dir DIR] [--json]",
                       .summary = "Checks this machine and tells what to fix. Exit code 1 when\n"
                                  "something keeps Godwit from working.",
                       .example = "godwit doctor"});
  arguments.option({"--state-dir", "DIR", "the state folder that serve will use"}, state_dir);
  arguments.flag("--json", json, "print JSON");
  if (const auto exit = arguments.parse(words)) return *exit;
  std::vector<Check> checks = machine_checks();
  checks.push_back(check_state(state_dir));
  checks.push_back(check_engine(state_dir));
  const bool healthy = std::none_of(checks.begin(), checks.end(), [](const Check& check) {
    return check.status == CheckStatus::kFailed;
  });
  if (json) {
    print_json(checks_json(checks, healthy));
  } else {
    print_checks(checks);
  }
  return healthy ? kExitSuccess : kExitFailed;
}

}  // namespace godwit::cli
