// Random: bytes that nobody can predict, for guests (seeds of hash tables, keys, identifiers).
//
//   SystemRandom random;          // one per worker
//   std::array<std::byte, 16> seed;
//   random.fill(seed);
//
// Worker-local: not thread-safe.
#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.h"

namespace godwit::capability {

class Random {
 public:
  // Fills all of `out` with bytes fit for keys. It cannot fail: without entropy the process ends.
  virtual void fill(MutableByteSpan out) = 0;

 protected:
  ~Random() = default;
};

// getrandom(2). Small requests, which is what guests make, are served from a buffer: one system
// call for many of them. What was handed out is wiped from it at once.
class SystemRandom final : public Random {
 public:
  SystemRandom() = default;
  SystemRandom(const SystemRandom&) = delete;
  SystemRandom& operator=(const SystemRandom&) = delete;
  ~SystemRandom();

  void fill(MutableByteSpan out) override;

  // Requests of this size and more go to the kernel directly.
  static constexpr std::size_t kBufferBytes = 1024;

 private:
  std::array<std::byte, kBufferBytes> buffer_{};
  std::size_t left_ = 0;  // the last left_ bytes of buffer_ are unused
};

}  // namespace godwit::capability
