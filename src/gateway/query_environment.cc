#include "gateway/query_environment.h"

#include <algorithm>
#include <array>

#include "http/ascii.h"

namespace godwit::gateway {
namespace {

// "NAME" exactly, "PREFIX*", or "*SUFFIX" in any case.
constexpr std::array kReserved = std::to_array<std::string_view>({
    // RFC 3875 section 4.1, and what servers add to it.
    "AUTH_*",
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "DOCUMENT_ROOT",
    "DOCUMENT_URI",
    "GATEWAY_INTERFACE",
    "HTTPS",
    "HTTP_*",
    "PATH_INFO",
    "PATH_PARAM_*",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REDIRECT_*",
    "REMOTE_*",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SCRIPT_FILENAME",
    "SCRIPT_NAME",
    "SCRIPT_URI",
    "SCRIPT_URL",
    "SERVER_*",
    // Ours.
    "GODWIT_*",
    // httpoxy: clients that take their proxy from the environment, in any case.
    "*_PROXY",
    // Loaders, shells and C libraries.
    "BASH_*",
    "DYLD_*",
    "ENV",
    "GCONV_PATH",
    "GLIBC_*",
    "HOME",
    "IFS",
    "LD_*",
    "LOCPATH",
    "MALLOC_*",
    "NLSPATH",
    "PATH",
    "PWD",
    "SHELL",
    "TMPDIR",
    // Interpreters and language runtimes.
    "CLASSPATH",
    "DENO_*",
    "GEM_*",
    "GO*",
    "JAVA_*",
    "JDK_*",
    "LUA_*",
    "MONO_*",
    "NODE_*",
    "PERL*",
    "PHP*",
    "PHPRC",
    "PYTHON*",
    "QUICKJS_*",
    "RUBY*",
    "RUST_*",
    "WASI_*",
    "WASMTIME_*",
});

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.front() == '*') {
    pattern.remove_prefix(1);
    return name.size() >= pattern.size() &&
           http::equals_ignoring_case(name.substr(name.size() - pattern.size()), pattern);
  }
  if (pattern.back() == '*') return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

}  // namespace

std::span<const std::string_view> reserved_names() { return kReserved; }

bool is_reserved_name(std::string_view name) {
  return std::any_of(kReserved.begin(), kReserved.end(),
                     [&](std::string_view pattern) { return matches(pattern, name); });
}

bool is_configured(const manifest::FunctionSpec& spec, std::string_view name) {
  return std::any_of(spec.environment.begin(), spec.environment.end(),
                     [&](const auto& variable) { return variable.name == name; }) ||
         std::any_of(spec.secrets.begin(), spec.secrets.end(),
                     [&](const manifest::PlacedText& secret) { return secret.text == name; });
}

bool may_set_from_query(const manifest::FunctionSpec& spec, std::string_view name) {
  using Policy = manifest::QueryEnvironment::Policy;
  const manifest::QueryEnvironment& allowed = spec.query_environment;
  if (allowed.policy == Policy::kNone || !manifest::is_environment_name(name)) return false;
  if (allowed.policy == Policy::kListed &&
      std::find(allowed.names.begin(), allowed.names.end(), name) == allowed.names.end()) {
    return false;
  }
  return !is_reserved_name(name) && !is_configured(spec, name);
}

}  // namespace godwit::gateway
