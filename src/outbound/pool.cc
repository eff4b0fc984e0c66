#include "outbound/pool.h"

#include <algorithm>

#include <openssl/x509_vfy.h>

#include "base/check.h"
#include "outbound/call.h"

namespace godwit::outbound {
namespace {

constexpr long kKeptConnections = 8;
constexpr std::size_t kMaxNames = 100;

// Null for handles of libcurl's own.
Call* call_of(CURL* easy) {
  char* call = nullptr;
  ::curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
  return reinterpret_cast<Call*>(call);
}

}  // namespace

Pool::Pool(Loop& loop, std::shared_ptr<const capability::OutboundGrant> grant,
           const ClientOptions& options)
    : loop_(loop),
      grant_(std::move(grant)),
      roots_(options.roots),
      names_kept_(options.names_kept),
      failures_kept_(std::min(options.failures_kept, options.names_kept)),
      timer_(loop.timer(*this)),
      soon_timer_(loop.timer(soon_)),
      multi_(::curl_multi_init()) {
  CHECK(multi_ != nullptr);
  ::curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Pool::socket_callback);
  ::curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  ::curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Pool::timer_callback);
  ::curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  ::curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kKeptConnections);
  // A connection each: on a shared one a body that is not read would hold up the others.
  ::curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
}

Pool::~Pool() {
  CHECK(calls_ == 0, calls_);
  ::curl_multi_cleanup(multi_);  // tells of each socket that it closes
  if (store_ != nullptr) ::X509_STORE_free(store_);
}

bool Pool::idle_since_last_look() { return calls_ == 0 && !std::exchange(used_, false); }

x509_store_st* Pool::trust_store() {
  if (store_ == nullptr && roots_ != nullptr) store_ = roots_->make_store();
  if (store_ != nullptr) ::X509_STORE_up_ref(store_);
  return store_;
}

const Resolution* Pool::known(const std::string& host) {
  const auto found = names_.find(host);
  if (found == names_.end() || found->second.until <= monotonic_now()) return nullptr;
  return &found->second.resolution;
}

void Pool::remember(const std::string& host, const Resolution& resolution) {
  const Nanoseconds kept = resolution.addresses.empty() ? failures_kept_ : names_kept_;
  if (kept <= Nanoseconds{0}) return;
  const TimePoint now = monotonic_now();
  if (names_.size() >= kMaxNames) {
    std::erase_if(names_, [&](const auto& each) { return each.second.until <= now; });
  }
  if (names_.size() >= kMaxNames) names_.clear();
  names_[host] = {resolution, now + kept};
}

void Pool::mark(Call& call) {
  if (std::find(marked_.begin(), marked_.end(), &call) != marked_.end()) return;
  marked_.push_back(&call);
  if (marked_.size() == 1) soon_timer_->arm(monotonic_now());
}

void Pool::forget(Call& call) {
  std::replace(marked_.begin(), marked_.end(), &call, static_cast<Call*>(nullptr));
}

void Pool::attend() {
  // A call that is attended to may mark itself again, for the next time.
  std::vector<Call*> marked;
  marked.swap(marked_);
  for (Call* const call : marked) {
    if (call != nullptr) call->attend();
  }
}

bool Pool::add(CURL* easy) {
  used_ = true;
  return ::curl_multi_add_handle(multi_, easy) == CURLM_OK;
}

void Pool::remove(CURL* easy) { ::curl_multi_remove_handle(multi_, easy); }

void Pool::kick() {
  int running = 0;
  ::curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  read_ends();
}

void Pool::on_socket(int fd, bool readable, bool writable) noexcept {
  const int events = (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0);
  int running = 0;
  ::curl_multi_socket_action(multi_, fd, events, &running);
  read_ends();
}

void Pool::on_timer() noexcept { kick(); }

void Pool::read_ends() {
  int left = 0;
  while (const CURLMsg* const message = ::curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // gone with the handle
    call_of(message->easy_handle)->on_end(code);
  }
}

int Pool::socket_callback(CURL* easy, curl_socket_t fd, int what, void* pool, void*) noexcept {
  auto* const self = static_cast<Pool*>(pool);
  if (what == CURL_POLL_REMOVE) {
    self->watches_.erase(fd);
    return 0;
  }
  std::unique_ptr<SocketWatch>& watch = self->watches_[fd];
  if (watch == nullptr) watch = self->loop_.watch(fd, *self);
  if (watch == nullptr) {
    // An error here would end all calls of the pool; it is this one's alone.
    self->watches_.erase(fd);
    if (Call* const call = call_of(easy)) call->on_socket_unwatched();
    return 0;
  }
  watch->want((what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
  return 0;
}

int Pool::timer_callback(CURLM*, long milliseconds, void* pool) noexcept {
  auto* const self = static_cast<Pool*>(pool);
  if (milliseconds < 0) {
    self->timer_->cancel();
  } else {
    self->timer_->arm(monotonic_now() + std::chrono::milliseconds(milliseconds));
  }
  return 0;
}

}  // namespace godwit::outbound
