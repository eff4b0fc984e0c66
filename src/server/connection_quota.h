// ConnectionQuota: how many connections the whole process has, and of whom; how much memory they
// hold. The one thing that the connections of all workers share.
//
//   ConnectionQuota quota(limits, workers);
//   if (quota.enter(address) == ConnectionQuota::Answer::kWelcome) …   // leave(address) at its end
//   MemoryShare share(quota);                                          // of one worker
//   share.change(before_bytes, now_bytes);
//   if (share.exhausted()) refuse();
//
// ConnectionQuota is thread-safe: written once a connection, never once a request. MemoryShare
// belongs to one worker and takes from the budget in large pieces, for the same reason.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

#include <boost/asio/ip/address.hpp>

#include "server/connection_limits.h"

namespace godwit::server {

class ConnectionQuota final {
 public:
  enum class Answer : std::uint8_t { kWelcome, kFull, kClientFull };

  ConnectionQuota(const ConnectionLimits& limits, unsigned workers);
  ConnectionQuota(const ConnectionQuota&) = delete;
  ConnectionQuota& operator=(const ConnectionQuota&) = delete;

  Answer enter(const boost::asio::ip::address& client);
  // REQUIRES: enter() welcomed it.
  void leave(const boost::asio::ip::address& client);
  std::uint32_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryShare;
  // The family, and an IPv4 address or the first 64 bits of an IPv6 one: what one customer gets.
  using ClientKey = std::array<unsigned char, 9>;
  static ClientKey key_of(const boost::asio::ip::address& client);

  const std::uint32_t connections_max_;
  const std::uint32_t per_client_max_;
  const std::uint64_t memory_max_bytes_;
  const std::uint64_t memory_piece_bytes_;
  std::atomic<std::uint32_t> open_{0};
  std::atomic<std::uint64_t> memory_bytes_{0};  // taken by the shares

  std::mutex clients_mutex_;  // held for one look-up, and only with a limit per client
  std::map<ClientKey, std::uint32_t> clients_;
};

class MemoryShare final {
 public:
  explicit MemoryShare(ConnectionQuota& quota) : quota_(quota) {}
  ~MemoryShare();
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  // Something that held `before` bytes holds `now`.
  void change(std::size_t before, std::size_t now);
  std::uint64_t held_bytes() const { return held_bytes_; }
  // All connections of the process hold more than they may.
  bool exhausted() const { return taken() > quota_.memory_max_bytes_; }
  // There is room again, and not only for a moment.
  bool recovered() const { return taken() <= quota_.memory_max_bytes_ / 8 * 7; }

 private:
  std::uint64_t taken() const { return quota_.memory_bytes_.load(std::memory_order_relaxed); }

  ConnectionQuota& quota_;
  std::uint64_t held_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;  // from the quota: held_bytes_ in pieces, and at most two more
};

}  // namespace godwit::server
