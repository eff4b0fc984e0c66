#include "cli/verbs.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include <fmt/format.h>

#include "cli/output.h"
#include "manifest/nearest_key.h"

namespace godwit::cli {
namespace {

constexpr std::array kVerbs = {
    Verb{"serve", "serve a folder of functions over HTTP", &serve_verb},
    Verb{"run", "run a function once, without a server", &run_verb},
    Verb{"check", "tell what a module is and whether it would be accepted", &check_verb},
    Verb{"new", "make a function project from a template", &new_verb},
    Verb{"build", "build a function project", &build_verb},
    Verb{"compile", "compile a module ahead of time for this node", &compile_verb},
    Verb{"wat", "turn a binary module into text, and text into binary", &wat_verb},
    Verb{"doctor", "check this machine and tell what to fix", &doctor_verb},
    Verb{"explain", "tell cause and cure of an error code", &explain_verb},
    Verb{"version", "tell the version, the engine and its features", &version_verb},
};

std::string general_help() {
  std::string text =
      "usage: godwit VERB [ARGUMENTS]\n\n"
      "  Runs WebAssembly functions behind HTTP, each request in a fresh sandbox.\n\nverbs:\n";
  for (const Verb& verb : kVerbs) text += row(verb.name, verb.summary, 10);
  text +=
      "\n  `godwit VERB --help` tells what a verb takes, with an example.\n\n"
      "example:\n  godwit serve functions --watch\n";
  return text;
}

const Verb* find_verb(std::string_view name) {
  const auto* const found = std::find_if(kVerbs.begin(), kVerbs.end(),
                                         [&](const Verb& verb) { return verb.name == name; });
  return found == kVerbs.end() ? nullptr : found;
}

int unknown_verb(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Verb& verb : kVerbs) names.push_back(verb.name);
  const std::string_view nearest = manifest::nearest_key(name, names);
  const bool option = name.starts_with("-");
  return fail_with(
      usage_error(fmt::format("there is no {} \"{}\"", option ? "option" : "verb", name),
                  nearest.empty() ? "`godwit --help` lists the verbs."
                                  : fmt::format("Did you mean `godwit {}`?", nearest)));
}

// `godwit help`, `godwit help VERB`.
int help(Words words) {
  if (words.empty()) {
    print(general_help());
    return kExitSuccess;
  }
  const Verb* const verb = find_verb(words.front());
  if (verb == nullptr) return unknown_verb(words.front());
  const std::array<std::string, 1> wanted = {"--help"};
  return verb->run(wanted);
}

int dispatch(Words words) {
  if (words.empty()) {
    fmt::print(stderr, "{}\n", general_help());
    return fail_with(usage_error("a verb is missing", "`godwit --help` lists the verbs."));
  }
  const std::string& name = words.front();
  const Words rest = words.subspan(1);
  if (name == "--help" || name == "-h" || name == "help") return help(rest);
  if (name == "--version") return version_verb(rest);
  const Verb* const verb = find_verb(name);
  return verb != nullptr ? verb->run(rest) : unknown_verb(name);
}

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

int run_command_line(Words words) {
  const int code = dispatch(words);
  const auto written = finish_output();
  if (written || code != kExitSuccess) return code;
  print_error(written.error());
  return kExitFailed;
}

}  // namespace godwit::cli
