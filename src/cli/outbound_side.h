// OutboundSide: what `godwit serve` needs so that functions can send requests: which ports they may
// reach, decided before the process is confined; the root certificates, read before that; the
// threads that look names up; a line of the log for each refusal.
//
//   OutboundSide outbound({.file = file, .manifest = manifest.get(), .folder = &folder}, setup);
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
  enum class Setup : std::uint8_t {
    kWhenAsked,  // where some function may send requests: later ones need a restart
    kAlways,     // the process is not confined, so any reload may ask
  };
  // Looks at what is configured now. What can't be read asks for nothing: it is not served either.
  OutboundSide(const SourcePlace& place, Setup setup);

  // Can requests be sent at all? Else they are only refused, in words.
  bool ready() const { return ready_; }
  const std::vector<std::uint16_t>& ports() const { return ports_; }
  // What the resolver reads besides process_roots().
  std::vector<confinement::Root> roots() const;

  // After the confinement. Warns when there are no root certificates.
  void start(Logger& logger);
  // REQUIRES: start().
  outbound::ClientOptions client_options();
  // Errors: kRestartNeeded, when it asks for hosts and this is not ready().
  Result<void> check(const manifest::FunctionSpec& spec) const;

 private:
  void add(const std::vector<manifest::OutboundHost>& hosts);

  std::vector<std::uint16_t> ports_;  // sorted, unique
  bool ready_ = false;
  std::shared_ptr<const outbound::TrustRoots> roots_;
  std::optional<Error> roots_problem_;
  std::optional<outbound::Resolver> resolver_;
  Logger* logger_ = nullptr;
};

}  // namespace godwit::cli
