// ConnectionSet: all connections of one worker and what they share: their limits, the memory that
// they hold, who is idle and can be closed for another, who is turned away, what is counted.
//
//   ConnectionSet connections(gateway, timers, limits, quota);
//   connections.add(std::move(socket), peer);          // serves it, or turns it away
//   connections.counts().open;
//
// Memory: every connection says what it holds (charge()). A request that has begun is charged at
// least for what it may still come to hold when memory is scarce, so it can always go on. While
// the process holds more than its budget nothing new begins: idle connections are closed, requests
// and connections refused with 503, and pipes made narrow until there is room again.
//
// Worker-local, but for the ConnectionQuota.
#pragma once

#include <functional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>

#include "base/fd.h"
#include "gateway/gateway.h"
#include "http/body_pipe.h"
#include "http/serializer.h"
#include "observe/metrics.h"
#include "runtime/timer_queue.h"
#include "server/connection_limits.h"
#include "server/connection_quota.h"
#include "server/loss_watch.h"
#include "server/turnaway.h"

namespace godwit::server {

class Connection;

class ConnectionSet final : private runtime::TimerNode {
 public:
  // A Connection is in the first list for its whole life, in the second while it is idle.
  struct SetLink : boost::intrusive::list_base_hook<> {};
  struct IdleLink : boost::intrusive::list_base_hook<> {};

  ConnectionSet(gateway::Gateway& gateway, runtime::TimerQueue& timers,
                const ConnectionLimits& limits, ConnectionQuota& quota);
  ~ConnectionSet() override;

  void add(boost::asio::io_context& io, Fd socket, const boost::asio::ip::tcp::endpoint& peer);
  // There are no descriptors for it: an answer, and its end at once.
  void turn_away(Fd socket);
  // Closes idle connections, those first that have been idle longest; returns how many.
  std::size_t close_idle(std::size_t at_most);
  // Called when the process has as many connections as it may, and none here is idle.
  void when_full(std::function<void()> callback) { when_full_ = std::move(callback); }

  // No new requests: idle connections close now, the others after their response.
  void drain();
  // Everything closes now; running guests are cancelled.
  void close_all();
  bool draining() const { return draining_; }
  std::size_t size() const { return all_.size(); }
  ConnectionCounts counts() const;

 private:
  friend class Connection;

  void count_refused(observe::ConnectionRefusal why);
  // False when nothing new may begin; idle connections were closed in vain.
  bool has_memory();
  void charge(std::size_t before, std::size_t now);
  void set_widths(http::BodyPipe::Width width);
  void on_timer() noexcept override;

  gateway::Gateway& gateway_;
  runtime::TimerQueue& timers_;
  const ConnectionLimits limits_;
  ConnectionQuota& quota_;
  http::DateCache dates_;
  MemoryShare memory_;
  LossWatch losses_;
  Turnaway turnaway_;
  ConnectionCounts counts_;
  std::function<void()> when_full_;
  std::uint32_t last_number_ = 0;  // of a connection; wraps
  bool draining_ = false;
  http::BodyPipe::Width width_ = http::BodyPipe::Width::kFull;
  boost::intrusive::list<SetLink> all_;
  boost::intrusive::list<IdleLink> idle_;  // idle longest first
};

}  // namespace godwit::server
