#include "cli/arguments.h"

#include <algorithm>

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

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
  Parser() {
    set_help_flag("-h,--help");
    allow_extras();
  }
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
  positionals_.push_back({.name = std::string(name), .value = &value, .presence = presence});
  positional_rows_.push_back({std::string(name), std::string(help)});
}

void Arguments::positional(std::string_view name, std::vector<std::string>& values,
                           std::string_view help, Presence presence) {
  positionals_.push_back({.name = std::string(name), .list = &values, .presence = presence});
  positional_rows_.push_back({fmt::format("{}…", name), std::string(help)});
}

std::string Arguments::try_help() const {
  return fmt::format("`godwit {} --help` tells how it is used.", text_.verb);
}

Error Arguments::unknown_option(std::string_view word) const {
  const std::string_view name = word.substr(0, word.find('='));
  const std::vector<std::string_view> known(option_names_.begin(), option_names_.end());
  const std::string_view nearest = manifest::nearest_key(name, known);
  return usage_error(fmt::format("`{}` has no option {}", text_.verb, name),
                     nearest.empty() ? try_help() : fmt::format("Did you mean {}?", nearest));
}

// Positional words are dealt out here: the library would take "[a,b]" for two of them, and would
// say that one is missing before it says that an option is mistyped.
Result<void> Arguments::take_positionals(std::span<const std::string> words) const {
  for (const std::string& word : words) {
    if (word.starts_with("-") && word != "-") return fail(unknown_option(word));
  }
  for (const Positional& positional : positionals_) {
    if (words.empty() && positional.presence == Presence::kRequired) {
      return fail(usage_error(
          fmt::format("{} is missing: godwit {} {}", positional.name, text_.verb, text_.usage),
          try_help()));
    }
    if (words.empty()) return {};
    if (positional.list != nullptr) {
      positional.list->assign(words.begin(), words.end());
      return {};
    }
    *positional.value = words.front();
    words = words.subspan(1);
  }
  if (words.empty()) return {};
  return fail(usage_error(fmt::format("`{}` takes no argument \"{}\"", text_.verb, words.front()),
                          try_help()));
}

Result<bool> Arguments::read(std::span<const std::string> words) {
  try {
    // The library takes its words from the back.
    parser_->parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    return true;
  } catch (const CLI::Error& error) {
    return fail(usage_error(error.what(), try_help()));
  }
  const std::vector<std::string> left = parser_->remaining();
  if (auto taken = take_positionals(left); !taken) return fail(std::move(taken.error()));
  return false;
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
  for (const std::vector<Row>* rows : {&positional_rows_, &options_}) {
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
  if (!positional_rows_.empty()) add("arguments", positional_rows_);
  std::vector<Row> options = options_;
  options.push_back({"--help", "this text"});
  add("options", options);
  out += "\nexample:\n";
  append_lines(out, text_.example);
  return out;
}

}  // namespace godwit::cli
