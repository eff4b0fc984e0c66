#include "outbound/client.h"

#include <csignal>
#include <mutex>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/check.h"
#include "outbound/call.h"
#include "outbound/policy.h"
#include "outbound/pool.h"
#include "outbound/request_rules.h"

namespace godwit::outbound {
namespace {

using capability::OutboundCall;
using capability::OutboundFailure;
using capability::OutboundGrant;
using capability::OutboundRequest;

tl::unexpected<OutboundFailure> refuse(OutboundFailure failure) {
  return tl::unexpected<OutboundFailure>(failure);
}

// One invocation's.
class Http final : public capability::OutboundHttp {
 public:
  Http(Client& client, std::shared_ptr<const OutboundGrant> grant)
      : client_(client), grant_(std::move(grant)), counts_(std::make_shared<CallCounts>()) {}

  tl::expected<std::unique_ptr<OutboundCall>, OutboundFailure> start(
      OutboundRequest request) override {
    auto checked = check_request(request, grant_->limits);
    if (!checked) return refuse(checked.error());
    if (!allows_host(*grant_, checked->scheme, checked->target)) {
      client_.refused(*grant_, checked->scheme, checked->target, nullptr);
      return refuse(OutboundFailure::kDenied);
    }
    if (counts_->started >= grant_->limits.requests) return refuse(OutboundFailure::kDenied);
    Pool& pool = client_.pool(grant_);
    if (counts_->under_way >= grant_->limits.at_once || !client_.enter(pool)) {
      return refuse(OutboundFailure::kConnectionLimitReached);
    }
    ++counts_->started;
    ++counts_->under_way;
    auto call = std::make_unique<Call>(client_, pool, std::move(*checked), counts_);
    call->begin();
    return call;
  }

 private:
  Client& client_;
  const std::shared_ptr<const OutboundGrant> grant_;
  const std::shared_ptr<CallCounts> counts_;
};

}  // namespace

// The way back from the resolver's threads, shut when the client goes.
struct Client::Mailbox {
  std::mutex mutex;
  Loop* loop = nullptr;
};

void global_setup() {
  CHECK(::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  // TLS writes by write(2): a peer that has gone is an error there, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c)
}

Client::Client(Loop& loop, const ClientOptions& options)
    : loop_(loop),
      options_(options),
      mailbox_(std::make_shared<Mailbox>()),
      sweep_(loop.timer(*this)) {
  mailbox_->loop = &loop;
}

Client::~Client() {
  CHECK(calls_ == 0, calls_);
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->loop = nullptr;
}

std::unique_ptr<capability::OutboundHttp> Client::open(std::shared_ptr<const OutboundGrant> grant) {
  return std::make_unique<Http>(*this, std::move(grant));
}

Pool& Client::pool(const std::shared_ptr<const OutboundGrant>& grant) {
  std::unique_ptr<Pool>& pool = pools_[grant.get()];
  if (pool == nullptr) {
    pool = std::make_unique<Pool>(loop_, grant, options_);
    if (pools_.size() == 1) sweep_->arm(monotonic_now() + kSweepEvery);
  }
  return *pool;
}

bool Client::enter(Pool& pool) {
  if (pool.places() >= options_.calls_max - calls_) return false;
  ++calls_;
  pool.set_places(pool.places() + 1);
  return true;
}

void Client::leave(Pool& pool) {
  --calls_;
  pool.set_places(pool.places() - 1);
}

// Pools that nobody has used since the last look go, and their connections.
void Client::on_timer() noexcept {
  std::erase_if(pools_, [](const auto& each) { return each.second->idle_since_last_look(); });
  if (!pools_.empty()) sweep_->arm(monotonic_now() + kSweepEvery);
}

void Client::refused(const OutboundGrant& grant, std::string_view scheme,
                     const manifest::Authority& target, const IpAddress* address) {
  if (!options_.refused) return;
  if (!told_.contains(grant.function) && told_.size() >= kMaxTellers) told_.clear();
  std::set<std::string>& told = told_[grant.function];
  if (told.size() >= kMaxTold) return;
  const manifest::Authority named =
      address == nullptr ? target : manifest::Authority{address->text(), *address, target.port};
  if (!told.insert(fmt::format("{}://{}", scheme, named.text(scheme))).second) return;
  const std::string line = manifest::allow_line(grant.hosts, scheme, named);
  const std::string url = fmt::format("{}://{}", scheme, target.text(scheme));
  const std::string reason = address == nullptr
                                 ? "it is not in allowed-outbound-hosts"
                                 : fmt::format("its address {} is {}, and not allowed by name",
                                               address->text(), reach_text(address->reach()));
  options_.refused({.function = grant.function, .target = url, .reason = reason, .line = line});
}

std::optional<Resolver::Lookup> Client::look_up(const OutboundGrant& grant, const std::string& host,
                                                std::function<void(Resolution)> done) {
  return options_.resolver->start(
      &grant, host, [mailbox = mailbox_, done = std::move(done)](Resolution resolution) mutable {
        const std::lock_guard lock(mailbox->mutex);
        if (mailbox->loop == nullptr) return;
        mailbox->loop->post(
            [done = std::move(done), resolution = std::move(resolution)] { done(resolution); });
      });
}

}  // namespace godwit::outbound
