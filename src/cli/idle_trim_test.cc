#include "cli/idle_trim.h"

#include <gtest/gtest.h>

namespace godwit::cli {
namespace {

using namespace std::chrono_literals;

// Says what it is told to keep, and counts how often that was taken away.
class Keeper final : public engine::Engine {
 public:
  std::string_view name() const override { return "keeper"; }
  const std::string& fingerprint() const override { return name_; }
  Result<Bytes> compile(ByteSpan) const override { return Bytes(); }
  Result<std::shared_ptr<const engine::Module>> load(engine::Artifact,
                                                     const engine::LoadOptions&) const override {
    return std::shared_ptr<const engine::Module>();
  }
  std::uint64_t idle_bytes() const override { return kept; }
  std::uint64_t trim() const override {
    ++trims;
    return std::exchange(kept, 0);
  }

  mutable std::uint64_t kept = 0;
  mutable int trims = 0;

 private:
  std::string name_ = "keeper";
};

class IdleTrimTest : public testing::Test {
 protected:
  // So many looks, a second apart, with so much CPU time used in each.
  std::uint64_t look(int times, Nanoseconds cpu_each) {
    std::uint64_t bytes = 0;
    for (int i = 0; i < times; ++i) {
      now_ += 1s;
      cpu_ += cpu_each;
      bytes += trim_.look(now_, cpu_);
    }
    return bytes;
  }

  Keeper engine_;
  IdleTrim trim_{engine_};
  TimePoint now_ = monotonic_now();
  Nanoseconds cpu_{0};
};

TEST_F(IdleTrimTest, MuchIsGivenBackWhenItHasBeenQuiet) {
  look(3, 900ms);
  engine_.kept = 100 << 20;
  EXPECT_EQ(look(4, 1ms), 0u);
  EXPECT_EQ(look(2, 1ms), 100u << 20);
  EXPECT_EQ(engine_.trims, 1);
}

TEST_F(IdleTrimTest, LittleIsKept) {
  engine_.kept = IdleTrim::kWorthBytes - 1;
  EXPECT_EQ(look(200, 0ms), 0u);
  EXPECT_EQ(engine_.trims, 0);
}

// A neighbour that is served all the time does not keep the rest of a burst alive.
TEST_F(IdleTrimTest, WithoutQuietItIsGivenBackNowAndThen) {
  engine_.kept = 100 << 20;
  EXPECT_EQ(look(55, 200ms), 0u);
  EXPECT_EQ(look(10, 200ms), 100u << 20);
  engine_.kept = 100 << 20;
  EXPECT_EQ(look(50, 200ms), 0u) << "not every second";
}

TEST_F(IdleTrimTest, AShortPauseIsNotQuiet) {
  for (int i = 0; i < 10; ++i) {
    engine_.kept = 100 << 20;
    look(1, 500ms);
    look(4, 0ms);
  }
  EXPECT_EQ(engine_.trims, 0);
}

}  // namespace
}  // namespace godwit::cli
