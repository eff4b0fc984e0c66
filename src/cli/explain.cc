// `godwit explain [CODE]`: cause and cure of an error code, from the catalogue (base/errors.def).
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace godwit::cli {
namespace {

constexpr std::string_view kKnownBlames = "client, function, operator or platform";

Json info_json(const ErrorInfo& info) {
  return {{"code", error_code_text(info.code)},
          {"title", info.title},
          {"who_acts", blame_text(info.blame)},
          {"http_status", info.http_status},
          {"next_step", info.next_step}};
}

std::string info_text(const ErrorInfo& info) {
  return fmt::format("{}: {}\n", error_code_text(info.code), info.title) +
         row("who acts", blame_text(info.blame)) +
         row("HTTP status", fmt::format("{} (when it ends a request)", info.http_status)) +
         row("what to do", info.next_step);
}

void print_all(bool json) {
  if (json) {
    Json list = Json::array();
    for (const ErrorInfo& info : all_errors()) list.push_back(info_json(info));
    return print_json(list);
  }
  for (const ErrorInfo& info : all_errors()) {
    print(fmt::format("{}  {:<9} {}\n", error_code_text(info.code), blame_text(info.blame),
                      info.title));
  }
  print(fmt::format("\nThe second column is who has to act: {}.\n", kKnownBlames));
}

}  // namespace

int explain_verb(Words words) {
  std::string code_text;
  bool json = false;
  Arguments arguments({.verb = "explain",
                       .usage = "[CODE] [--json]",
                       .summary = "Tells cause and cure of an error code; without one, lists all.",
                       .example = "godwit explain E2003"});
  arguments.positional("CODE", code_text, "the code: E2003, e2003 or 2003");
  arguments.flag("--json", json, "print JSON");
  if (const auto exit = arguments.parse(words)) return *exit;
  if (code_text.empty()) {
    print_all(json);
    return kExitSuccess;
  }
  const auto code = parse_error_code(code_text);
  if (!code) return fail_with({ErrorCode::kUnknownCode, printable(code_text), {}});
  if (json) {
    print_json(info_json(error_info(*code)));
  } else {
    print(info_text(error_info(*code)));
  }
  return kExitSuccess;
}

}  // namespace godwit::cli
