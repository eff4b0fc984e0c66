#include "cli/arguments.h"

#include <algorithm>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "cli/output.h"
#include "manifest/nearest_key.h"

namespace godwit::cli {
namespace {

// "-o,--output" → "--output".
std::string_view long_name(std::string_view name) {
  const std::size_t comma = name.find(',');
  return comma == std::string_view::npos ? name : name.substr(comma + 1);
}

void append_lines(std::string& out, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    out += fmt::format("  {}\n", lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

}  // namespace

class Arguments::Parser : public CLI::App {
 public:
  Parser() { set_help_flag("-h,--help"); }
};

Arguments::Arguments(const VerbText& text) : text_(text), parser_(std::make_unique<Parser>()) {
  option_names_.emplace_back("--help");
}
Arguments::~Arguments() = default;

void Arguments::flag(std::string_view name, bool& value, std::string_view help) {
  parser_->add_flag(std::string(name), value);
  options_.push_back({std::string(name), std::string(help)});
  option_names_.emplace_back(long_name(name));
}

void Arguments::option(const Option& option, std::string& value) {
  parser_->add_option(std::string(option.name), value);
  options_.push_back({fmt::format("{} {}", option.name, option.value), std::string(option.help)});
  option_names_.emplace_back(long_name(option.name));
}

void Arguments::option(const Option& option, std::vector<std::string>& values) {
  // One value each time it is written: what follows belongs to somebody else.
  parser_->add_option(std::string(option.name), values)->allow_extra_args(false);
  options_.push_back({fmt::format("{} {}", option.name, option.value),
                      fmt::format("{} (repeatable)", option.help)});
  option_names_.emplace_back(long_name(option.name));
}

void Arguments::positional(std::string_view name, std::string& value, std::string_view help,
                           Presence presence) {
  parser_->add_option(std::string(name), value)->required(presence == Presence::kRequired);
  positionals_.push_back({std::string(name), std::string(help)});
}

void Arguments::positional(std::string_view name, std::vector<std::string>& values,
                           std::string_view help, Presence presence) {
  parser_->add_option(std::string(name), values)
      ->required(presence == Presence::kRequired)
      ->allow_extra_args(false);
  positionals_.push_back({fmt::format("{}…", name), std::string(help)});
}

std::string Arguments::nearest_option(std::string_view word) const {
  const std::string_view name = word.substr(0, word.find('='));
  std::vector<std::string_view> known(option_names_.begin(), option_names_.end());
  return std::string(manifest::nearest_key(name, known));
}

Result<bool> Arguments::read(std::span<const std::string> words) {
  const std::string try_help = fmt::format("`godwit {} --help` tells how it is used.", text_.verb);
  try {
    // The library takes its words from the back.
    parser_->parse(std::vector<std::string>(words.rbegin(), words.rend()));
    return false;
  } catch (const CLI::CallForHelp&) {
    return true;
  } catch (const CLI::ExtrasError&) {
    const std::vector<std::string> extras = parser_->remaining();
    const std::string word = extras.empty() ? std::string() : extras.front();
    if (!word.starts_with("-")) {
      return fail(usage_error(fmt::format("`{}` takes no argument \"{}\"", text_.verb, word),
                              try_help));
    }
    const std::string nearest = nearest_option(word);
    return fail(usage_error(
        fmt::format("`{}` has no option {}", text_.verb, word.substr(0, word.find('='))),
        nearest.empty() ? try_help : fmt::format("Did you mean {}?", nearest)));
  } catch (const CLI::RequiredError&) {
    return fail(usage_error(
        fmt::format("`{0}` needs more: godwit {0} {1}", text_.verb, text_.usage), try_help));
  } catch (const CLI::Error& error) {
    return fail(usage_error(error.what(), try_help));
  }
}

std::optional<int> Arguments::parse(std::span<const std::string> words) {
  const auto help_wanted = read(words);
  if (!help_wanted) return fail_with(help_wanted.error());
  if (!*help_wanted) return std::nullopt;
  print(help());
  return kExitSuccess;
}

std::string Arguments::help() const {
  std::size_t width = 6;
  for (const std::vector<Row>* rows : {&positionals_, &options_}) {
    for (const Row& row : *rows) width = std::max(width, row.name.size());
  }
  width = std::min<std::size_t>(width, 24) + 2;
  std::string out = fmt::format("usage: godwit {} {}\n\n", text_.verb, text_.usage);
  append_lines(out, text_.summary);
  const auto add = [&](std::string_view title, const std::vector<Row>& rows) {
    out += fmt::format("\n{}:\n", title);
    for (const Row& each : rows) {
      const bool fits = each.name.size() + 2 <= width;
      if (!fits) out += fmt::format("  {}\n", each.name);
      out += row(fits ? std::string_view(each.name) : std::string_view(), each.help, width);
    }
  };
  if (!positionals_.empty()) add("arguments", positionals_);
  std::vector<Row> options = options_;
  options.push_back({"--help", "this text"});
  add("options", options);
  out += "\nexample:\n";
  append_lines(out, text_.example);
  return out;
}

}  // namespace godwit::cli
