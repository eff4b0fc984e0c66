// What connections may take, and what became of them: plain values. docs/contract.md, "Limits of
// connections", has the same numbers.
#pragma once

#include <chrono>
#include <cstdint>

namespace godwit::server {

struct ConnectionLimits {
  std::uint32_t connections = 10'000;         // of the whole process
  std::uint32_t connections_per_client = 0;   // of one address (IPv6: /64); 0: not limited
  std::uint32_t requests_per_connection = 0;  // 0: not limited
  // What all connections of the process may hold together: heads, buffers, bodies on their way.
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;

  std::chrono::milliseconds head{10'000};  // from its first byte to the end of the head
  std::chrono::milliseconds idle{60'000};  // between requests
  // How far a client may fall behind the least rate, sending a body or taking a response; so this
  // is also how long it may do nothing at all.
  std::chrono::milliseconds stall{30'000};
  std::uint64_t min_rate_bytes = 240;  // a second; 0: any byte buys the stall time again

  bool operator==(const ConnectionLimits&) const = default;
};

// Of one worker since its start; `open` and `bytes_held` are of now. Read on the worker's thread.
struct ConnectionCounts {
  std::uint64_t open = 0;
  std::uint64_t accepted = 0;  // those that were turned away included
  std::uint64_t bytes_held = 0;

  std::uint64_t refused_connections = 0;  // the process had as many as it may
  std::uint64_t refused_client = 0;       // the client had
  std::uint64_t refused_descriptors = 0;  // none was left
  std::uint64_t refused_memory = 0;       // connections and requests beyond the memory budget
  std::uint64_t closed_for_room = 0;      // idle ones, so that another could come

  std::uint64_t timeouts_head = 0;
  std::uint64_t timeouts_idle = 0;
  std::uint64_t timeouts_body = 0;      // of a request, which stopped or was too slow
  std::uint64_t timeouts_response = 0;  // which was not taken, or too slowly

  std::uint64_t lost = 0;  // clients that were gone before their answer was complete

  void add(const ConnectionCounts& other);  // of another worker
};

}  // namespace godwit::server
