#include "capability/random.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::capability {
namespace {

TEST(SystemRandom, FillsEverySizeCompletely) {
  SystemRandom random;
  for (const std::size_t size : {1u, 8u, 16u, 255u, 256u, 257u, 1023u, 1024u, 1025u, 300'000u}) {
    // A byte that stays 0 in 12 fills of true random bytes: once in 2^96.
    std::vector<std::byte> seen(size);
    for (int i = 0; i < 12; ++i) {
      std::vector<std::byte> buffer(size);
      random.fill(buffer);
      for (std::size_t k = 0; k < size; ++k) seen[k] |= buffer[k];
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), std::byte{0}), 0) << size;
  }
}

TEST(SystemRandom, NeverHandsOutTheSameBytesTwice) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<std::byte, 16> seed{};
    random.fill(seed);
    EXPECT_TRUE(seen.insert(std::string(as_text(seed))).second);
  }
}

TEST(SystemRandom, NothingAskedNothingDone) {
  SystemRandom random;
  random.fill({});
}

}  // namespace
}  // namespace godwit::capability
