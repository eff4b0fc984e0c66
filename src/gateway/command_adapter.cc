#include "gateway/command_adapter.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include <fmt/format.h>

#include "gateway/query_environment.h"
#include "http/ascii.h"
#include "http/query.h"

namespace godwit::gateway {
namespace {

constexpr std::size_t kMaxEnvironmentBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxVariables = 1024;
// What is kept for the next request: one with a thousand parameters, or with large ones, must not
// make its connection large for good.
constexpr std::size_t kKeptParameters = 32;
constexpr std::size_t kKeptTextBytes = 256;

void drop_if_large(std::string& text) {
  if (text.capacity() > kKeptTextBytes) std::string().swap(text);
}

// Headers that have variables of their own, that would let a client choose the function's proxy
// (httpoxy), or that speak of a transfer that is over when the function reads its body.
bool is_left_out(std::string_view name) {
  constexpr std::string_view kLeftOut[] = {"content-type",      "content-length", "proxy",
                                           "transfer-encoding", "connection",     "expect"};
  return std::any_of(std::begin(kLeftOut), std::end(kLeftOut), [&](std::string_view left_out) {
    return http::equals_ignoring_case(name, left_out);
  });
}

// "Accept-Language" → "HTTP_ACCEPT_LANGUAGE". An underscore in a header name is refused: it would
// make the same variable as the hyphen, so a client could pose as a proxy's header.
bool variable_name(std::string_view header, std::string& name) {
  name = "HTTP_";
  for (const char c : header) {
    if (c == '-') {
      name.push_back('_');
    } else if (http::is_alpha(c)) {
      name.push_back(static_cast<char>(http::to_lower(c) - 32));
    } else if (http::is_digit(c)) {
      name.push_back(c);
    } else {
      return false;
    }
  }
  return !header.empty();
}

// Appends the values of all later fields of the same name (RFC 3875 section 4.1.18).
void join_values(const http::Fields& fields, std::size_t first, std::string& value) {
  const std::string_view name = fields[first].name;
  const std::string_view separator = http::equals_ignoring_case(name, "cookie") ? "; " : ", ";
  value = fields[first].value;
  for (std::size_t i = first + 1; i < fields.size(); ++i) {
    if (!http::equals_ignoring_case(fields[i].name, name)) continue;
    value += separator;
    value += fields[i].value;
  }
}

bool seen_before(const http::Fields& fields, std::size_t index) {
  for (std::size_t i = 0; i < index; ++i) {
    if (http::equals_ignoring_case(fields[i].name, fields[index].name)) return true;
  }
  return false;
}

bool is_secret(const CommandRequest& command, std::string_view name) {
  if (command.grants == nullptr) return false;
  const auto& secrets = command.grants->secrets;
  return std::any_of(secrets.begin(), secrets.end(),
                     [&](const capability::SecretGrant& secret) { return secret.name == name; });
}

// What the operator configured stays: a name stands once in an environment.
bool is_taken(const CommandRequest& command, std::string_view name) {
  return is_configured(command.spec, name) || is_secret(command, name);
}

std::string_view number_text(std::uint64_t value, std::string& scratch) {
  char digits[20];
  const char* end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
  scratch.assign(digits, static_cast<std::size_t>(end - digits));
  return scratch;
}

}  // namespace

CommandAdapter::CommandAdapter()
    : arguments_({.count = kMaxVariables, .bytes = kMaxEnvironmentBytes}),
      environment_({.count = kMaxVariables, .bytes = kMaxEnvironmentBytes}) {}

void CommandAdapter::clear() {
  arguments_.clear();
  environment_.clear();
  for (std::size_t i = 0; i < count_; ++i) {
    drop_if_large(parameters_[i].name);
    drop_if_large(parameters_[i].value);
  }
  count_ = 0;
  if (parameters_.size() > kKeptParameters) {
    parameters_.resize(kKeptParameters);
    parameters_.shrink_to_fit();
  }
  for (std::string* text : {&scratch_, &name_, &value_}) drop_if_large(*text);
}

std::size_t CommandAdapter::held_bytes() const {
  std::size_t bytes = arguments_.capacity_bytes() + environment_.capacity_bytes() +
                      scratch_.capacity() + name_.capacity() + value_.capacity() +
                      parameters_.capacity() * sizeof(Parameter);
  for (const Parameter& each : parameters_) bytes += each.name.capacity() + each.value.capacity();
  return bytes;
}

Result<void> CommandAdapter::decode(const CommandRequest& command) {
  clear();
  if (command.request_variables) {
    if (auto query = read_query(command); !query) return query;
  }
  bool fits = arguments_.add(command.spec.name.empty() ? std::string_view("index")
                                                       : std::string_view(command.spec.name));
  for (const std::string& argument : command.spec.arguments) fits &= arguments_.add(argument);
  for (const auto& [name, value] : command.spec.environment) {
    fits &= environment_.add_variable(name, value);
  }
  if (auto added = add_secrets(command); !added) return added;
  if (command.request_variables &&
      command.spec.request_environment == manifest::RequestEnvironment::kGiven) {
    fits = fits && add_cgi_variables(command) && add_header_variables(command) && add_query();
  }
  if (!fits) {
    return fail(ErrorCode::kHeaderFieldsTooLarge,
                "the request makes a larger environment than a function can be given");
  }
  return {};
}

// Decodes every parameter (a malformed one is refused even if nobody would take it) and keeps
// those that may be set.
Result<void> CommandAdapter::read_query(const CommandRequest& command) {
  count_ = 0;
  http::QueryReader reader(command.request.query);
  while (const auto parameter = reader.next()) {
    auto name = http::decode_query(parameter->name, name_);
    if (!name) return fail(std::move(name.error()));
    auto value = http::decode_query(parameter->value, value_);
    if (!value) return fail(std::move(value.error()));
    if (!may_set_from_query(command.spec, *name) || is_secret(command, *name)) continue;
    if (count_ == parameters_.size()) parameters_.emplace_back();
    parameters_[count_].name = *name;
    parameters_[count_].value = *value;
    ++count_;
  }
  return {};
}

Result<void> CommandAdapter::add_secrets(const CommandRequest& command) {
  if (command.grants == nullptr) return {};
  for (const capability::SecretGrant& secret : command.grants->secrets) {
    const std::string_view value = secret.value->reveal();
    if (value.find('\0') != std::string_view::npos) {
      return fail(ErrorCode::kSecretUnusable, fmt::format("{} holds a NUL byte", secret.name));
    }
    if (!environment_.add_secret_variable(secret.name, value)) {
      return fail(ErrorCode::kHeaderFieldsTooLarge, "the secrets make too large an environment");
    }
  }
  return {};
}

// The last of several wins; the order of those that stay is the query's.
bool CommandAdapter::add_query() {
  constexpr std::size_t kFew = 16;  // comparing all pairs is cheaper than a set
  std::unordered_set<std::string_view> later;
  std::vector<bool> taken(count_ > kFew ? count_ : 0);
  if (count_ > kFew) {
    for (std::size_t i = count_; i-- > 0;) taken[i] = later.insert(parameters_[i].name).second;
  }
  for (std::size_t i = 0; i < count_; ++i) {
    bool last = true;
    if (count_ > kFew) {
      last = taken[i];
    } else {
      for (std::size_t j = i + 1; j < count_ && last; ++j) {
        last = parameters_[j].name != parameters_[i].name;
      }
    }
    if (last && !environment_.add_variable(parameters_[i].name, parameters_[i].value)) return false;
  }
  return true;
}

bool CommandAdapter::add_cgi_variables(const CommandRequest& command) {
  const http::Request& request = command.request;
  bool fits = true;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (is_taken(command, name)) return;
    fits = fits && environment_.add_variable(name, value);
  };
  add("GATEWAY_INTERFACE", "CGI/1.1");
  add("SERVER_SOFTWARE", "godwit");
  add("SERVER_PROTOCOL", http::version_text(request.version));
  const std::string_view host = http::host_name(request.host);
  add("SERVER_NAME", host.empty() ? std::string_view("localhost") : host);
  const std::string_view port = http::host_port(request.host);
  add("SERVER_PORT", port.empty() ? number_text(command.client.local_port, scratch_) : port);
  add("REQUEST_METHOD", request.method);
  add("QUERY_STRING", request.query);
  // Not in RFC 3875 but in every server: the raw target, from which Go's net/http/cgi and others
  // take the path when its escapes matter (PATH_INFO is decoded).
  add("REQUEST_URI", request.target);
  add("SCRIPT_NAME", command.script_name);
  add("PATH_INFO", command.path_info);
  for (const PathParameter& parameter : command.path_parameters) {
    add(parameter.variable, parameter.value);
  }
  add("REMOTE_ADDR", command.client.text);
  add("GODWIT_REQUEST_ID", command.request_id);
  if (const auto type = request.fields.get("content-type")) add("CONTENT_TYPE", *type);
  if (request.content_length && !request.chunked) {
    add("CONTENT_LENGTH", number_text(*request.content_length, scratch_));
  }
  return fits;
}

bool CommandAdapter::add_header_variables(const CommandRequest& command) {
  const http::Fields& fields = command.request.fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (is_left_out(fields[i].name) || !variable_name(fields[i].name, name_)) continue;
    if (seen_before(fields, i) || is_taken(command, name_)) continue;
    join_values(fields, i, value_);
    if (!environment_.add_variable(name_, value_)) return false;
  }
  return true;
}

}  // namespace godwit::gateway
