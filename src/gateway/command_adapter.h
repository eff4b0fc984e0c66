// CommandAdapter: a request as a command sees it: arguments and environment of a WASI program
// (docs/contract.md, "command": query parameters, the CGI/1.1 variables of RFC 3875 section 4.1,
// HTTP_* for each header, PATH_PARAM_* of the route, what is configured, secrets).
//
//   auto decoded = adapter.decode({.spec = spec, .request = request, …});
//   run(adapter.arguments(), adapter.environment());
//
// Reused for the requests of a connection, so that it does not allocate; memory that has held a
// secret is overwritten by clear() and by the next decode(). Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "capability/grants.h"
#include "gateway/route_path.h"
#include "http/request.h"
#include "manifest/function_spec.h"
#include "wasi/string_list.h"

namespace godwit::gateway {

// Who sent a request, and where it arrived.
struct ClientAddress {
  std::string text;  // "127.0.0.1"
  std::uint16_t local_port = 0;
};

struct CommandRequest {
  const manifest::FunctionSpec& spec;
  const http::Request& request;
  const ClientAddress& client;
  std::string_view script_name;  // "/shop/cart"
  std::string_view path_info;    // decoded; "" or "/7"
  std::string_view request_id;
  std::span<const PathParameter> path_parameters = {};
  const capability::Grants* grants = nullptr;  // for the secrets; null: none
  // False for functions that speak HTTP themselves: only what is configured.
  bool request_variables = true;
};

class CommandAdapter final {
 public:
  CommandAdapter();

  // Errors: kBadQuery (NUL or invalid UTF-8 in a parameter), kHeaderFieldsTooLarge when the
  // environment would outgrow its bounds, kSecretUnusable for a secret with a NUL.
  Result<void> decode(const CommandRequest& command);
  // Nothing is left of a request, nor of a secret, nor what a large request has made large.
  void clear();
  // Bytes of storage that are held now.
  std::size_t held_bytes() const;

  const wasi::StringList& arguments() const { return arguments_; }
  const wasi::StringList& environment() const { return environment_; }

 private:
  struct Parameter {
    std::string name;
    std::string value;
  };

  Result<void> read_query(const CommandRequest& command);
  Result<void> add_secrets(const CommandRequest& command);
  bool add_query();
  bool add_cgi_variables(const CommandRequest& command);
  bool add_header_variables(const CommandRequest& command);

  wasi::StringList arguments_;
  wasi::StringList environment_;
  std::vector<Parameter> parameters_;  // those that may be set; the first count_ are in use
  std::size_t count_ = 0;
  std::string scratch_;
  std::string name_;
  std::string value_;
};

}  // namespace godwit::gateway
