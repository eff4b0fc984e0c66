// Arguments: the command line of one verb: what it takes, its --help, and what a mistake is
// answered with. CLI11 does the parsing and stays inside arguments.cc.
//
//   Arguments arguments({.verb = "explain", .usage = "[CODE] [--json]", .summary = "…",
//                        .example = "godwit explain E2003"});
//   arguments.positional("CODE", code, "the error's code");
//   arguments.flag("--json", json, "print JSON");
//   if (const auto exit = arguments.parse(words)) return *exit;   // --help, or wrong usage
//
// The variables must outlive parse(). Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace godwit::cli {

struct VerbText {
  std::string_view verb;
  std::string_view usage;    // what follows the verb: "FILE [OPTIONS]"
  std::string_view summary;  // one or more lines
  std::string_view example;  // one or more command lines
};

enum class Presence { kOptional, kRequired };

class Arguments final {
 public:
  explicit Arguments(const VerbText& text);
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  struct Option {
    std::string_view name;   // "--limit", or "-o,--output"
    std::string_view value;  // what stands for the value in --help: "KEY=VALUE"
    std::string_view help;
  };
  void flag(std::string_view name, bool& value, std::string_view help);
  void option(const Option& option, std::string& value);
  void option(const Option& option, std::vector<std::string>& values);  // repeatable
  void positional(std::string_view name, std::string& value, std::string_view help,
                  Presence presence = Presence::kOptional);
  void positional(std::string_view name, std::vector<std::string>& values, std::string_view help,
                  Presence presence = Presence::kOptional);

  // Nothing when the verb should go on; else the exit code: --help was printed, or the error.
  std::optional<int> parse(std::span<const std::string> words);
  // The same without printing. True: --help was asked for. Errors: kUsage.
  Result<bool> read(std::span<const std::string> words);
  std::string help() const;

 private:
  struct Row {
    std::string name;
    std::string help;
  };
  struct Positional {
    std::string name;
    std::string* value = nullptr;              // or:
    std::vector<std::string>* list = nullptr;  // takes all that is left
    Presence presence = Presence::kOptional;
  };
  class Parser;  // wraps CLI11

  Result<void> take_positionals(std::span<const std::string> words) const;
  Error unknown_option(std::string_view word) const;
  std::string try_help() const;

  VerbText text_;
  std::vector<Positional> positionals_;
  std::vector<Row> positional_rows_;
  std::vector<Row> options_;
  std::vector<std::string> option_names_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace godwit::cli
