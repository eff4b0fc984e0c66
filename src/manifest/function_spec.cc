#include "manifest/function_spec.h"

#include <algorithm>

#include <fmt/format.h>

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxEnvironmentNameBytes = 256;
constexpr std::size_t kShownBytes = 40;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

std::size_t size_of(const EnvironmentVariable& variable) {
  return variable.name.size() + variable.value.size() + 2;  // '=' and NUL
}

}  // namespace

bool is_environment_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxEnvironmentNameBytes || !is_letter(name.front())) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Result<void> set_environment(FunctionSpec& spec, std::string_view name, std::string_view value) {
  if (!is_environment_name(name)) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("\"{}\" is not a name of an environment variable; write letters, "
                            "digits and underscores, a letter first",
                            name.substr(0, kShownBytes)));
  }
  if (value.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("the value of {} holds a NUL character", name));
  }
  const auto same = std::find_if(spec.environment.begin(), spec.environment.end(),
                                 [&](const auto& variable) { return variable.name == name; });
  std::size_t total = name.size() + value.size() + 2;
  for (auto it = spec.environment.begin(); it != spec.environment.end(); ++it) {
    if (it != same) total += size_of(*it);
  }
  if (total > kMaxEnvironmentBytes) {
    return fail(
        ErrorCode::kConfigBadValue,
        fmt::format("with {} the environment is larger than {} bytes", name, kMaxEnvironmentBytes));
  }
  if (same != spec.environment.end()) {
    same->value = value;
  } else {
    spec.environment.push_back({std::string(name), std::string(value)});
  }
  return {};
}

Result<void> add_argument(FunctionSpec& spec, std::string_view argument) {
  if (argument.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kConfigBadValue, "an argument holds a NUL character");
  }
  std::size_t total = argument.size() + 1;
  for (const std::string& present : spec.arguments) total += present.size() + 1;
  if (total > kMaxArgumentsBytes) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("the arguments are larger than {} bytes", kMaxArgumentsBytes));
  }
  spec.arguments.emplace_back(argument);
  return {};
}

}  // namespace godwit::manifest
