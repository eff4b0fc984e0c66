// Pool: what one grant keeps on one worker: libcurl's multi handle with its connections, the names
// that were looked up, the calls that want attention. Worker-local.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <curl/curl.h>

#include "capability/outbound_http.h"
#include "outbound/client.h"
#include "outbound/loop.h"

struct x509_store_st;

namespace godwit::outbound {

class Call;

class Pool final : private SocketObserver, private TimerObserver {
 public:
  Pool(Loop& loop, std::shared_ptr<const capability::OutboundGrant> grant,
       const ClientOptions& options);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const capability::OutboundGrant& grant() const { return *grant_; }
  // No call, nor was there one since the last time that this was asked.
  bool idle_since_last_look();
  void enter() { ++calls_; }
  void leave() { --calls_; }
  // Of the worker's calls at once; Client counts.
  std::size_t places() const { return places_; }
  void set_places(std::size_t places) { places_ = places; }

  // The call's attend() is called soon, never from within. Taken back by forget().
  void mark(Call& call);
  void forget(Call& call);

  // Hands the easy handle of a call (its CURLOPT_PRIVATE) over, or takes it back. False: refused.
  bool add(CURL* easy);
  void remove(CURL* easy);
  // libcurl looks at all that is due; calls end within.
  void kick();

  // What a lookup gave a short while ago, also when it failed; null: nothing.
  const Resolution* known(const std::string& host);
  void remember(const std::string& host, const Resolution& resolution);
  // The trust roots for a new TLS context, with a reference for the caller; null: there are none.
  x509_store_st* trust_store();

 private:
  struct Name {
    Resolution resolution;
    TimePoint until;
  };
  // Wakes attend() of those that are marked.
  class Soon final : public TimerObserver {
   public:
    explicit Soon(Pool& pool) : pool_(pool) {}
    void on_timer() noexcept override { pool_.attend(); }

   private:
    Pool& pool_;
  };

  static int socket_callback(CURL* easy, curl_socket_t fd, int what, void* pool, void*) noexcept;
  static int timer_callback(CURLM*, long milliseconds, void* pool) noexcept;
  void on_socket(int fd, bool readable, bool writable) noexcept override;
  void on_timer() noexcept override;
  void attend();
  void read_ends();

  Loop& loop_;
  const std::shared_ptr<const capability::OutboundGrant> grant_;
  const std::shared_ptr<const TrustRoots> roots_;
  const Nanoseconds names_kept_;
  const Nanoseconds failures_kept_;
  x509_store_st* store_ = nullptr;
  std::unordered_map<int, std::unique_ptr<SocketWatch>> watches_;
  std::unique_ptr<LoopTimer> timer_;
  Soon soon_{*this};
  std::unique_ptr<LoopTimer> soon_timer_;
  std::vector<Call*> marked_;
  std::map<std::string, Name> names_;
  std::size_t calls_ = 0;
  std::size_t places_ = 0;
  bool used_ = true;
  CURLM* multi_ = nullptr;
};

}  // namespace godwit::outbound
