#include "engines/fake/script.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace godwit::engines::fake {
namespace {

constexpr std::string_view kPreview1 = "wasi_snapshot_preview1";

// How the rest of a step's line is read.
enum class Shape : std::uint8_t { kNone, kNumber, kTwoNumbers, kText, kNumberText, kSpecial };

struct Verb {
  std::string_view name;
  StepKind kind;
  Shape shape;
  std::uint32_t width = 0;
  std::array<std::string_view, 3> functions = {};  // of preview 1, that it calls
};

constexpr Verb kVerbs[] = {
    {"write", StepKind::kWrite, Shape::kNumberText, 0, {"fd_write"}},
    {"fill", StepKind::kFill, Shape::kSpecial, 0, {"fd_write"}},
    {"echo", StepKind::kEcho, Shape::kNone, 0, {"fd_read", "fd_write"}},
    {"env", StepKind::kEnv, Shape::kText, 0, {"environ_sizes_get", "environ_get", "fd_write"}},
    {"arg", StepKind::kArg, Shape::kNumber, 0, {"args_sizes_get", "args_get", "fd_write"}},
    {"sleep_ms", StepKind::kSleep, Shape::kNumber, 0, {"poll_oneoff"}},
    {"yield", StepKind::kYield, Shape::kNumber},
    {"wait", StepKind::kWait, Shape::kNone},
    {"spin", StepKind::kSpin, Shape::kNone},
    {"grow", StepKind::kGrow, Shape::kNumber},
    {"must_grow", StepKind::kMustGrow, Shape::kNumber},
    {"data", StepKind::kData, Shape::kNumberText},
    {"store8", StepKind::kStore, Shape::kTwoNumbers, 1},
    {"store32", StepKind::kStore, Shape::kTwoNumbers, 4},
    {"store64", StepKind::kStore, Shape::kTwoNumbers, 8},
    {"expect8", StepKind::kExpectMemory, Shape::kTwoNumbers, 1},
    {"expect32", StepKind::kExpectMemory, Shape::kTwoNumbers, 4},
    {"expect64", StepKind::kExpectMemory, Shape::kTwoNumbers, 8},
    {"call", StepKind::kCall, Shape::kSpecial},
    {"expect", StepKind::kExpect, Shape::kNumber},
    {"repeat", StepKind::kRepeat, Shape::kNumber},
    {"end", StepKind::kEnd, Shape::kNone},
    {"exit", StepKind::kExit, Shape::kNumber, 0, {"proc_exit"}},
    {"trap", StepKind::kTrap, Shape::kSpecial},
};

constexpr std::pair<std::string_view, engine::Trap> kTraps[] = {
    {"unreachable", engine::Trap::kUnreachable},
    {"memory", engine::Trap::kMemoryOutOfBounds},
    {"table", engine::Trap::kTableOutOfBounds},
    {"null", engine::Trap::kIndirectCallToNull},
    {"signature", engine::Trap::kBadSignature},
    {"overflow", engine::Trap::kIntegerOverflow},
    {"divide", engine::Trap::kIntegerDivisionByZero},
    {"conversion", engine::Trap::kBadConversionToInteger},
    {"stack", engine::Trap::kStackOverflow},
    {"exception", engine::Trap::kUncaughtException},
    {"other", engine::Trap::kOther},
};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// "module.name", or a name of preview 1.
ImportName import_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return {std::string(kPreview1), std::string(name)};
  return {std::string(name.substr(0, dot)), std::string(name.substr(dot + 1))};
}

// The first word of `rest`, which loses it.
std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
  rest = trimmed(rest.substr(word.size()));
  return word;
}

// Decimal or 0x…; a minus sign makes it a two's complement.
std::optional<std::uint64_t> to_number(std::string_view word) {
  const bool negative = word.starts_with('-');
  if (negative) word.remove_prefix(1);
  const bool hexadecimal = word.starts_with("0x");
  if (hexadecimal) word.remove_prefix(2);
  std::uint64_t value = 0;
  const char* const end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, value, hexadecimal ? 16 : 10);
  if (error != std::errc() || stopped != end) return {};
  if (!negative) return value;
  if (value > std::uint64_t{1} << 63) return {};
  return std::uint64_t{0} - value;
}

// What stands after a backslash at text[i], which moves to its last character.
std::optional<char> unescape(std::string_view text, std::size_t& i) {
  switch (text[i]) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '0': return '\0';
    case '\\': return '\\';
    case '"': return '"';
    case 'x': {
      const auto value =
          i + 2 < text.size() ? to_number("0x" + std::string(text.substr(i + 1, 2))) : std::nullopt;
      if (!value) return {};
      i += 2;
      return static_cast<char>(*value);
    }
    default: return {};
  }
}

// "quoted, with \n escapes" or anything else as it stands.
std::optional<std::string> to_text(std::string_view rest) {
  if (!rest.starts_with('"')) return std::string(rest);
  if (rest.size() < 2 || rest.back() != '"') return {};
  const std::string_view inside = rest.substr(1, rest.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '"') return {};
    if (inside[i] != '\\') {
      text.push_back(inside[i]);
      continue;
    }
    if (++i == inside.size()) return {};
    const auto character = unescape(inside, i);
    if (!character) return {};
    text.push_back(*character);
  }
  return text;
}

class Parser final {
 public:
  Result<Script> parse(std::string_view text) {
    if (text.size() > Script::kMaxBytes) {
      return fail(ErrorCode::kModuleMalformed, "the script is too long");
    }
    while (!text.empty()) {
      ++line_;
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      if (!parse_line(trimmed(line))) {
        return fail(ErrorCode::kModuleMalformed, fmt::format("line {}: {}", line_, problem_));
      }
    }
    if (!open_repeats_.empty()) {
      return fail(ErrorCode::kModuleMalformed, "a repeat has no end");
    }
    if (script_.entries.empty()) script_.entries.push_back({"_start", 0});
    return std::move(script_);
  }

 private:
  bool bad(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool parse_line(std::string_view rest) {
    if (rest.empty() || rest.starts_with('#')) return true;
    const std::string_view name = take_word(rest);
    if (name == "memory") return parse_memory(rest);
    if (name == "entry") return parse_entry(rest);
    if (name == "import") return parse_import(rest);
    const auto* const verb =
        std::find_if(std::begin(kVerbs), std::end(kVerbs),
                     [&](const Verb& candidate) { return candidate.name == name; });
    if (verb == std::end(kVerbs)) return bad(fmt::format("unknown step \"{}\"", name));
    Step step{.kind = verb->kind, .line = line_, .width = verb->width};
    for (const std::string_view function : verb->functions) {
      if (!function.empty()) add_function({std::string(kPreview1), std::string(function)});
    }
    if (!parse_operands(verb->shape, rest, step) || !link(step)) return false;
    script_.steps.push_back(std::move(step));
    return true;
  }

  bool parse_memory(std::string_view rest) {
    const auto pages = to_number(rest);
    if (!pages || *pages == 0 || *pages > Script::kMaxPages) {
      return bad("memory needs a number of pages from 1 to 65536");
    }
    if (!script_.steps.empty() || memory_seen_) return bad("memory must be said once and first");
    memory_seen_ = true;
    script_.pages = *pages;
    return true;
  }

  bool parse_entry(std::string_view rest) {
    const std::string_view name = take_word(rest);
    if (name.empty() || !rest.empty()) return bad("entry needs one name");
    if (!open_repeats_.empty()) return bad("a repeat has no end");
    std::vector<Entry>& entries = script_.entries;
    if (!script_.steps.empty()) {
      if (entries.empty()) entries.push_back({"_start", 0});
      script_.steps.push_back({.kind = StepKind::kReturn, .line = line_});
    }
    for (const Entry& entry : entries) {
      if (entry.name == name) return bad("this entry is there already");
    }
    entries.push_back({std::string(name), script_.steps.size()});
    return true;
  }

  bool parse_import(std::string_view rest) {
    const std::string_view name = take_word(rest);
    if (name.empty() || rest.empty()) return bad("import needs a name and a type");
    script_.types.push_back({add_function(import_name(name)), std::string(rest)});
    return true;
  }

  bool parse_operands(Shape shape, std::string_view rest, Step& step) {
    switch (shape) {
      case Shape::kNone: break;
      case Shape::kNumber:
        if (!take_number(rest, step.number)) return false;
        break;
      case Shape::kTwoNumbers:
        if (!take_number(rest, step.number) || !take_number(rest, step.value)) return false;
        break;
      case Shape::kNumberText:
        if (!take_number(rest, step.number)) return false;
        return take_text(rest, step.text);
      case Shape::kText: return take_text(rest, step.text);
      case Shape::kSpecial: return parse_special(rest, step);
    }
    return rest.empty() || bad("something is left at the end of the line");
  }

  bool parse_special(std::string_view rest, Step& step) {
    if (step.kind == StepKind::kCall) return parse_call(rest, step);
    if (step.kind == StepKind::kTrap) return parse_trap(rest, step);
    if (!take_number(rest, step.number) || !take_number(rest, step.value)) return false;
    step.text = std::string(rest);
    return step.text.size() == 1 || bad("fill needs a descriptor, a count and one character");
  }

  bool parse_call(std::string_view rest, Step& step) {
    const std::string_view name = take_word(rest);
    if (name.empty()) return bad("call needs the name of a host function");
    step.function = add_function(import_name(name));
    while (!rest.empty()) {
      Operand& operand = step.arguments.emplace_back();
      operand.is_result = rest == "result" || rest.starts_with("result ");
      if (operand.is_result) {
        take_word(rest);
      } else if (!take_number(rest, operand.number)) {
        return false;
      }
    }
    return true;
  }

  bool parse_trap(std::string_view rest, Step& step) {
    const std::string_view name = take_word(rest);
    const auto* const trap =
        std::find_if(std::begin(kTraps), std::end(kTraps),
                     [&](const auto& candidate) { return candidate.first == name; });
    if (trap == std::end(kTraps)) return bad(fmt::format("unknown trap \"{}\"", name));
    step.trap = trap->second;
    return take_text(rest, step.text);
  }

  bool take_number(std::string_view& rest, std::uint64_t& number) {
    const std::string_view word = take_word(rest);
    const auto value = to_number(word);
    if (!value) return bad(fmt::format("\"{}\" is not a number", word));
    number = *value;
    return true;
  }

  bool take_text(std::string_view rest, std::string& text) {
    auto value = to_text(rest);
    if (!value) return bad("the text is not quoted correctly");
    text = std::move(*value);
    return true;
  }

  // Connects a repeat and its end.
  bool link(Step& step) {
    const std::size_t index = script_.steps.size();
    if (step.kind == StepKind::kRepeat) {
      if (open_repeats_.size() == Script::kMaxNesting) return bad("too many repeats in repeats");
      open_repeats_.push_back(index);
    } else if (step.kind == StepKind::kEnd) {
      if (open_repeats_.empty()) return bad("end without repeat");
      step.other = open_repeats_.back();
      script_.steps[step.other].other = index;
      open_repeats_.pop_back();
    }
    return true;
  }

  std::size_t add_function(ImportName name) {
    const auto found = std::find(script_.functions.begin(), script_.functions.end(), name);
    const auto index = static_cast<std::size_t>(found - script_.functions.begin());
    if (found == script_.functions.end()) script_.functions.push_back(std::move(name));
    return index;
  }

  Script script_;
  std::vector<std::size_t> open_repeats_;
  std::size_t line_ = 0;
  bool memory_seen_ = false;
  std::string problem_;
};

}  // namespace

Result<Script> parse_script(std::string_view text) { return Parser().parse(text); }

}  // namespace godwit::engines::fake
