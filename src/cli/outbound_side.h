// OutboundSide: what `godwit serve` needs so that functions can send requests: which ports they may
// reach, decided before the process is confined; the root certificates, read before that; the
// threads that look names up; a line of the log for each refusal.
//
//   OutboundSide outbound({.file = file, .manifest = manifest.get(), .folder = &folder});
//   confine(…, outbound.ports());
//   outbound.start(logger);
//   Server::create({.outbound = outbound.client_options(), …});
//
// Made before there are threads; must outlive the server.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/log.h"
#include "cli/function_source.h"
#include "confinement/file_roots.h"
#include "outbound/client.h"

namespace godwit::cli {

class OutboundSide final {
 public:
  // Looks at what is configured now. What can't be read asks for nothing: it is not served either.
  explicit OutboundSide(const SourcePlace& place);

  // No function may send a request: there is nothing to be had from this.
  bool empty() const { return ports_.empty(); }
  const std::vector<std::uint16_t>& ports() const { return ports_; }
  // What the resolver reads besides process_roots().
  std::vector<confinement::Root> roots() const;

  // After the confinement. Warns when there are no root certificates.
  void start(Logger& logger);
  // Nothing when empty(). REQUIRES: start().
  std::optional<outbound::ClientOptions> client_options();

 private:
  void add(const std::vector<manifest::OutboundHost>& hosts);

  std::vector<std::uint16_t> ports_;  // sorted, unique
  std::shared_ptr<const outbound::TrustRoots> roots_;
  std::optional<Error> roots_problem_;
  std::optional<outbound::Resolver> resolver_;
  Logger* logger_ = nullptr;
};

}  // namespace godwit::cli
