// The request that `godwit run` makes its function see: K=V pairs become a query, so that the
// gateway's own rules decide what reaches the environment; or the request of a file.
//
//   auto request = RunRequest::from_parameters(options.parameters, spec);
//   adapter.decode((*request)->command(spec));
//
// Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/request_file.h"
#include "gateway/command_adapter.h"
#include "gateway/route_path.h"
#include "gateway/route_table.h"
#include "manifest/function_spec.h"

namespace godwit::cli {

class RunRequest final {
 public:
  // GET /NAME?K=V&…. Errors: kUsage for a pair without '='.
  static Result<std::unique_ptr<RunRequest>> from_parameters(
      const std::vector<std::string>& parameters, const manifest::FunctionSpec& spec);
  // Errors: kFileUnreadable, and RequestFile's.
  static Result<std::unique_ptr<RunRequest>> from_file(const std::string& path,
                                                       const manifest::FunctionSpec& spec);
  RunRequest(const RunRequest&) = delete;
  RunRequest& operator=(const RunRequest&) = delete;

  // The body comes with the request and has this many bytes.
  void set_content_length(std::uint64_t bytes);

  // For gateway::CommandAdapter; refers to this and to `spec`.
  gateway::CommandRequest command(const manifest::FunctionSpec& spec) const;
  const http::Request& request() const { return file_ ? file_->request() : request_; }
  // Of a request out of a file.
  std::string_view body() const { return file_ ? std::string_view(file_->body()) : ""; }
  const std::string& request_id() const { return request_id_; }
  // What was said about the parameters, for warnings.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  RunRequest();
  Result<void> map_path(const manifest::FunctionSpec& spec);

  std::unique_ptr<RequestFile> file_;
  http::Request request_;  // without a file
  std::string target_;
  std::string path_;        // of a request without a file
  gateway::RoutePath own_;  // of a file's
  std::string script_name_;
  std::string path_info_;
  std::optional<gateway::RouteTable> routes_;  // of this function alone
  std::vector<gateway::PathParameter> path_parameters_;
  std::string request_id_;
  gateway::ClientAddress client_;
  std::vector<std::string> warnings_;
};

// "a b&c" → "a%20b%26c".
std::string query_escaped(std::string_view text);

}  // namespace godwit::cli
