#include "cli/run_request.h"

#include <array>

#include <fmt/format.h>

#include "base/bytes.h"
#include "capability/random.h"
#include "cli/output.h"
#include "gateway/query_environment.h"
#include "http/ascii.h"
#include "registry/folder.h"

namespace godwit::cli {
namespace {

constexpr std::uint16_t kDefaultPort = 8080;

// Why a parameter of this name does not become a variable; empty when it does.
std::string why_skipped(const manifest::FunctionSpec& spec, std::string_view name) {
  if (gateway::may_set_from_query(spec, name)) return {};
  if (!manifest::is_environment_name(name)) return "it is no name of an environment variable";
  if (gateway::is_reserved_name(name)) {
    return "the name is reserved: a client must not set it (--env can)";
  }
  if (gateway::is_configured(spec, name)) {
    return "it is configured, and a query never replaces that";
  }
  return "query-environment does not allow it";
}

}  // namespace

std::string query_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = http::is_alpha(c) || http::is_digit(c) ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

RunRequest::RunRequest() : client_{.text = "127.0.0.1", .local_port = kDefaultPort} {
  std::array<std::byte, 16> random{};
  capability::SystemRandom().fill(random);
  request_id_ = to_hex(random);
}

Result<std::unique_ptr<RunRequest>> RunRequest::from_parameters(
    const std::vector<std::string>& parameters, const manifest::FunctionSpec& spec) {
  std::unique_ptr<RunRequest> made(new RunRequest);
  std::string query;
  for (const std::string& parameter : parameters) {
    const std::size_t equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(usage_error(fmt::format("\"{}\" is no parameter", printable(parameter)),
                              "Write parameters as NAME=VALUE, and arguments after --."));
    }
    const std::string_view name = std::string_view(parameter).substr(0, equals);
    const std::string_view value = std::string_view(parameter).substr(equals + 1);
    if (std::string why = why_skipped(spec, name); !why.empty()) {
      made->warnings_.push_back(fmt::format("{} is not set: {}", name, why));
    }
    if (!query.empty()) query += '&';
    query += query_escaped(name) + '=' + query_escaped(value);
  }
  made->path_ = "/" + spec.name;
  made->script_name_ = made->path_;
  made->target_ = made->path_ + (query.empty() ? "" : "?" + query);
  http::Request& request = made->request_;
  request.method = "GET";
  request.target = made->target_;
  request.path = request.target.substr(0, made->path_.size());
  if (!query.empty()) request.query = request.target.substr(made->path_.size() + 1);
  request.host = "localhost";
  return made;
}

Result<std::unique_ptr<RunRequest>> RunRequest::from_file(const std::string& path,
                                                          const manifest::FunctionSpec& spec) {
  const std::uint64_t body_bytes_max = spec.limits.request_body_bytes;
  const auto text = registry::read_file(path, body_bytes_max + kMaxRequestHeadBytes);
  if (!text) {
    const bool large = text.error().code == ErrorCode::kModuleTooLarge;
    return fail(large ? Error{ErrorCode::kRequestBodyTooLarge, path, {}} : text.error());
  }
  std::unique_ptr<RunRequest> made(new RunRequest);
  auto file = RequestFile::parse(as_text(*text), body_bytes_max);
  if (!file) {
    file.error().detail = fmt::format("{}: {}", path, file.error().detail);
    return fail(std::move(file.error()));
  }
  made->file_ = std::move(*file);
  if (auto mapped = made->map_path(spec); !mapped) return fail(std::move(mapped.error()));
  return made;
}

// The function's own routes, as in a served folder. Any other path is taken as if the function were
// served at the root: the file was written for some server's routes.
Result<void> RunRequest::map_path(const manifest::FunctionSpec& spec) {
  auto patterns = gateway::parse_routes(spec);
  if (!patterns) return fail(std::move(patterns.error()));
  if (auto parsed = own_.parse(request().path); !parsed) return fail(std::move(parsed.error()));
  gateway::Route route;
  route.name = spec.name;
  route.patterns = std::move(*patterns);
  routes_.emplace(std::vector<gateway::Route>{std::move(route)});
  const auto match =
      routes_->match({.host = request().host, .method = request().method, .path = own_});
  if (own_.has_encoded_slash() && (!match || match->by_name)) {
    return fail(ErrorCode::kBadPath, "an encoded slash (%2F)");
  }
  if (match && match->action == gateway::RouteMatch::Action::kServe) {
    script_name_ = match->script_name;
    path_info_ = match->path_info;
    gateway::RouteTable::read_parameters(*match, own_, path_parameters_);
  } else {
    path_info_ = own_.text();
  }
  return {};
}

void RunRequest::set_content_length(std::uint64_t bytes) {
  request_.method = "POST";
  request_.content_length = bytes;
}

gateway::CommandRequest RunRequest::command(const manifest::FunctionSpec& spec) const {
  return {.spec = spec,
          .request = request(),
          .client = client_,
          .script_name = script_name_,
          .path_info = path_info_,
          .request_id = request_id_,
          .path_parameters = path_parameters_};
}

}  // namespace godwit::cli
