#include "cli/outbound_side.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/path.h"

namespace godwit::cli {
namespace {

constexpr const char* kResolverFile = "/etc/resolv.conf";

}  // namespace

OutboundSide::OutboundSide(const SourcePlace& place, Setup setup) {
  if (place.manifest != nullptr) {
    for (const manifest::FunctionSpec& spec : place.manifest->functions) add(spec.outbound_hosts);
    for (const manifest::Bounds& bounds : place.manifest->bounds) {
      if (bounds.outbound_hosts) add(*bounds.outbound_hosts);
    }
  } else if (const auto listing = list_sources(place)) {
    for (const FunctionSource& source : listing->sources) {
      if (const auto spec = read_spec(place, source)) add(spec->outbound_hosts);
    }
  }
  std::sort(ports_.begin(), ports_.end());
  ports_.erase(std::unique(ports_.begin(), ports_.end()), ports_.end());
  ready_ = !ports_.empty() || setup == Setup::kAlways;
  if (!ready_) return;
  outbound::global_setup();
  auto roots = outbound::TrustRoots::of_system();
  if (roots) {
    roots_ = std::move(*roots);
  } else {
    roots_problem_ = std::move(roots.error());
  }
}

void OutboundSide::add(const std::vector<manifest::OutboundHost>& hosts) {
  for (const manifest::OutboundHost& host : hosts) ports_.push_back(host.authority.port);
}

// Often a link to a file that is replaced by renaming: the rule is on its folder.
std::vector<confinement::Root> OutboundSide::roots() const {
  const auto target = real_path(kResolverFile);
  if (!ready_ || !target || *target == kResolverFile) return {};
  return {{folder_of(*target), confinement::RootAccess::kReadFile, "the resolver's servers"}};
}

void OutboundSide::start(Logger& logger) {
  logger_ = &logger;
  resolver_.emplace(outbound::ResolverOptions{});
  if (!roots_problem_) return;
  logger.warning("outbound", "no https server is trusted",
                 {{"error", roots_problem_->text()}, {"hint", roots_problem_->next_step()}});
}

Result<void> OutboundSide::check(const manifest::FunctionSpec& spec) const {
  if (ready_ || spec.outbound_hosts.empty()) return {};
  return fail(ErrorCode::kRestartNeeded,
              fmt::format("{}: no function could send requests when the server started",
                          spec.outbound_hosts.front().place));
}

outbound::ClientOptions OutboundSide::client_options() {
  return outbound::ClientOptions{.roots = roots_,
                                 .resolver = &*resolver_,
                                 .refused = [logger = logger_](const outbound::Refusal& refusal) {
                                   logger->warning("outbound", "request refused",
                                                   {{"function", refusal.function},
                                                    {"to", refusal.target},
                                                    {"reason", refusal.reason},
                                                    {"allow", refusal.line}});
                                 }};
}

}  // namespace godwit::cli
