// Which WebAssembly proposals an engine takes, found by asking it: each has a tiny module that is
// valid with it only. A list that was written down would be wrong one day.
//
//   for (const Feature& feature : probe_features(engine)) use(feature.name, feature.supported);
#pragma once

#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace godwit::cli {

struct Feature {
  std::string_view name;  // "simd"
  bool supported = false;
};

std::vector<Feature> probe_features(const engine::Engine& engine);

}  // namespace godwit::cli
