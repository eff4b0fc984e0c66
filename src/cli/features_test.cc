#include "cli/features.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "engines/wasmtime/wasmtime_engine.h"

namespace godwit::cli {
namespace {

// Which proposals are on is the engine's to say; these two are promised to users (docs/contract.md:
// what toolchains emit by default works) or impossible here.
TEST(Features, AreFoundByAsking) {
  const auto engine =
      engines::wasmtime::create_engine({.role = engines::wasmtime::Role::kCompiler});
  ASSERT_TRUE(engine);
  const std::vector<Feature> features = probe_features(**engine);
  const auto supported = [&](std::string_view name) {
    const auto found = std::find_if(features.begin(), features.end(),
                                    [&](const Feature& feature) { return feature.name == name; });
    EXPECT_NE(found, features.end()) << name;
    return found != features.end() && found->supported;
  };
  for (const char* name : {"bulk-memory", "reference-types", "multi-value", "simd"}) {
    EXPECT_TRUE(supported(name)) << name;
  }
  EXPECT_FALSE(supported("threads"));
  EXPECT_FALSE(supported("legacy-exceptions"));
}

}  // namespace
}  // namespace godwit::cli
