#include "server/connection_set.h"

#include "server/connection.h"

namespace godwit::server {
namespace {

using boost::asio::ip::tcp;
using Width = http::BodyPipe::Width;

// How often a worker that is short of memory looks whether there is some again.
constexpr std::chrono::milliseconds kScarceInterval{10};
// Idle connections that are closed for one that comes while memory is scarce.
constexpr std::size_t kClosedForMemory = 8;

}  // namespace

ConnectionSet::ConnectionSet(gateway::Gateway& gateway, runtime::TimerQueue& timers,
                             const ConnectionLimits& limits, ConnectionQuota& quota)
    : gateway_(gateway),
      timers_(timers),
      limits_(limits),
      quota_(quota),
      memory_(quota),
      losses_(timers),
      turnaway_(gateway, timers, dates_) {}

ConnectionSet::~ConnectionSet() = default;

void ConnectionSet::add(boost::asio::io_context& io, Fd socket, const tcp::endpoint& peer) {
  using Answer = ConnectionQuota::Answer;
  ++counts_.accepted;
  if (!has_memory()) {
    count_refused(observe::ConnectionRefusal::kMemory);
    return turnaway_.refuse(std::move(socket), ErrorCode::kConnectionMemory);
  }
  Answer answer = quota_.enter(peer.address());
  if (answer == Answer::kFull && close_idle(1) > 0) answer = quota_.enter(peer.address());
  if (answer == Answer::kClientFull) {
    count_refused(observe::ConnectionRefusal::kClient);
    return turnaway_.refuse(std::move(socket), ErrorCode::kTooManyOfClient);
  }
  if (answer == Answer::kFull) {
    count_refused(observe::ConnectionRefusal::kConnections);
    if (when_full_) when_full_();
    return turnaway_.refuse(std::move(socket), ErrorCode::kTooManyConnections);
  }
  tcp::socket accepted(io);
  boost::system::error_code error;
  const int descriptor = socket.release();
  accepted.assign(peer.protocol(), descriptor, error);
  if (error) {  // the reactor has no memory for it
    Fd(descriptor).reset();
    return quota_.leave(peer.address());
  }
  std::make_shared<Connection>(std::move(accepted), peer, *this)->open();
}

void ConnectionSet::turn_away(Fd socket) {
  ++counts_.accepted;
  count_refused(observe::ConnectionRefusal::kDescriptors);
  turnaway_.refuse(std::move(socket), ErrorCode::kTooManyConnections);
}

void ConnectionSet::count_refused(observe::ConnectionRefusal why) {
  switch (why) {
    case observe::ConnectionRefusal::kConnections: ++counts_.refused_connections; break;
    case observe::ConnectionRefusal::kClient: ++counts_.refused_client; break;
    case observe::ConnectionRefusal::kDescriptors: ++counts_.refused_descriptors; break;
    case observe::ConnectionRefusal::kMemory: ++counts_.refused_memory; break;
  }
  if (auto* const metrics = gateway_.options().metrics) metrics->connection_refused(why);
}

std::size_t ConnectionSet::close_idle(std::size_t at_most) {
  // Some may not be idle any more, only not read yet: they are passed over, but not for ever.
  std::size_t looks = at_most + 16;
  std::size_t closed = 0;
  for (auto each = idle_.begin(); each != idle_.end() && closed < at_most && looks > 0; --looks) {
    auto& connection = static_cast<Connection&>(*each++);
    if (connection.close_if_idle()) ++closed;
  }
  counts_.closed_for_room += closed;
  return closed;
}

void ConnectionSet::drain() {
  draining_ = true;
  for (auto each = all_.begin(); each != all_.end();) {
    static_cast<Connection&>(*each++).drain();
  }
}

void ConnectionSet::close_all() {
  turnaway_.close_all();
  for (auto each = all_.begin(); each != all_.end();) {
    static_cast<Connection&>(*each++).close_now();
  }
}

void ConnectionCounts::add(const ConnectionCounts& other) {
  open += other.open;
  accepted += other.accepted;
  bytes_held += other.bytes_held;
  refused_connections += other.refused_connections;
  refused_client += other.refused_client;
  refused_descriptors += other.refused_descriptors;
  refused_memory += other.refused_memory;
  closed_for_room += other.closed_for_room;
  timeouts_head += other.timeouts_head;
  timeouts_idle += other.timeouts_idle;
  timeouts_body += other.timeouts_body;
  timeouts_response += other.timeouts_response;
  lost += other.lost;
}

ConnectionCounts ConnectionSet::counts() const {
  ConnectionCounts counts = counts_;
  counts.open = all_.size();
  counts.bytes_held = memory_.held_bytes();
  return counts;
}

// --- Memory -------------------------------------------------------------------------------------

bool ConnectionSet::has_memory() {
  if (!memory_.exhausted()) return true;
  close_idle(kClosedForMemory);
  return !memory_.exhausted();
}

void ConnectionSet::charge(std::size_t before, std::size_t now) {
  memory_.change(before, now);
  if (now <= before || width_ == Width::kNarrow || !memory_.exhausted()) return;
  set_widths(Width::kNarrow);
  timers_.arm(*this, monotonic_now() + kScarceInterval);
}

void ConnectionSet::set_widths(Width width) {
  width_ = width;
  for (SetLink& each : all_) static_cast<Connection&>(each).set_width(width);
}

void ConnectionSet::on_timer() noexcept {
  if (memory_.recovered()) return set_widths(Width::kFull);
  timers_.arm(*this, monotonic_now() + kScarceInterval);
}

}  // namespace godwit::server
