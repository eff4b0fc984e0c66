#include "server/connection_quota.h"

#include <algorithm>

#include "base/check.h"

namespace godwit::server {
namespace {

// What the shares have taken and do not use is at most two pieces each: an eighth of the budget.
std::uint64_t piece_bytes(std::uint64_t memory_bytes, unsigned workers) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 20;
  return std::clamp<std::uint64_t>(memory_bytes / (std::uint64_t{16} * workers), 1, kMost);
}

}  // namespace

ConnectionQuota::ConnectionQuota(const ConnectionLimits& limits, unsigned workers)
    : connections_max_(limits.connections),
      per_client_max_(limits.connections_per_client),
      memory_max_bytes_(limits.memory_bytes),
      memory_piece_bytes_(piece_bytes(limits.memory_bytes, std::max(1U, workers))) {}

ConnectionQuota::Answer ConnectionQuota::enter(const boost::asio::ip::address& client) {
  if (per_client_max_ > 0) {
    const std::lock_guard lock(clients_mutex_);
    std::uint32_t& count = clients_[key_of(client)];
    if (count >= per_client_max_) return Answer::kClientFull;
    ++count;
  }
  if (open_.fetch_add(1, std::memory_order_relaxed) < connections_max_) return Answer::kWelcome;
  leave(client);
  return Answer::kFull;
}

void ConnectionQuota::leave(const boost::asio::ip::address& client) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (per_client_max_ == 0) return;
  const std::lock_guard lock(clients_mutex_);
  const auto found = clients_.find(key_of(client));
  CHECK(found != clients_.end());
  if (--found->second == 0) clients_.erase(found);
}

ConnectionQuota::ClientKey ConnectionQuota::key_of(const boost::asio::ip::address& client) {
  ClientKey key{};
  if (client.is_v4()) {
    const auto bytes = client.to_v4().to_bytes();
    key[0] = 4;
    std::copy(bytes.begin(), bytes.end(), key.begin() + 1);
  } else {
    const auto bytes = client.to_v6().to_bytes();
    key[0] = 6;
    std::copy_n(bytes.begin(), key.size() - 1, key.begin() + 1);
  }
  return key;
}

MemoryShare::~MemoryShare() {
  quota_.memory_bytes_.fetch_sub(taken_bytes_, std::memory_order_relaxed);
}

void MemoryShare::change(std::size_t before, std::size_t now) {
  held_bytes_ += now;
  CHECK(held_bytes_ >= before, held_bytes_, before);
  held_bytes_ -= before;
  const std::uint64_t piece = quota_.memory_piece_bytes_;
  if (held_bytes_ <= taken_bytes_ && taken_bytes_ - held_bytes_ <= 2 * piece) return;
  const std::uint64_t wanted = (held_bytes_ / piece + 1) * piece;
  quota_.memory_bytes_.fetch_add(wanted - taken_bytes_, std::memory_order_relaxed);  // wraps
  taken_bytes_ = wanted;
}

}  // namespace godwit::server
