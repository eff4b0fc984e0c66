// A settings file and a --limit option, over any bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "manifest/function_name.h"
#include "manifest/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace godwit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = manifest::parse_function_settings(text, "fuzz.toml", {});
  if (spec) {
    std::size_t environment = 0;
    for (const auto& variable : spec->environment) {
      CHECK(manifest::is_environment_name(variable.name));
      environment += variable.name.size() + variable.value.size() + 2;
    }
    CHECK(environment <= manifest::kMaxEnvironmentBytes);
    CHECK(spec->limits.memory_bytes >= 65536 && spec->limits.concurrency >= 1);
  } else {
    CHECK(spec.error().detail.starts_with("fuzz.toml:"), spec.error().detail);
  }
  manifest::Limits limits;
  const auto set = manifest::set_limit_assignment(limits, text);
  CHECK(set || !set.error().detail.empty());
  CHECK(!manifest::is_function_name(text) || text.find("..") != 0);
  return 0;
}
