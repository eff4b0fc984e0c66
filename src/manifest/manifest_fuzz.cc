// A settings file, a godwit.toml with what it grants, and a --limit option, over any bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "manifest/function_name.h"
#include "manifest/grant_rules.h"
#include "manifest/manifest.h"
#include "manifest/settings.h"

namespace {

using namespace godwit;

void check_spec(const manifest::FunctionSpec& spec) {
  std::size_t environment = 0;
  for (const auto& variable : spec.environment) {
    CHECK(manifest::is_environment_name(variable.name));
    environment += variable.name.size() + variable.value.size() + 2;
  }
  CHECK(environment <= manifest::kMaxEnvironmentBytes);
  CHECK(spec.limits.memory_bytes >= 65536 && spec.limits.concurrency >= 1);
  for (const auto& mount : spec.files) {
    CHECK(mount.path.starts_with('/') && mount.path.size() <= 255, mount.path);
    for (const std::string_view outward : {"/../", "/./", "//"}) {
      CHECK(mount.path == "/" || (mount.path + "/").find(outward) == std::string::npos, mount.path);
    }
    CHECK(mount.path.find('\0') == std::string::npos);
  }
  for (const auto& secret : spec.secrets) CHECK(manifest::is_environment_name(secret.text));
  for (const auto& host : spec.outbound_hosts) {
    CHECK(host.authority.port != 0 && !host.authority.host.empty() && !host.place.empty());
  }
}

void check_manifest(const manifest::Manifest& file) {
  using manifest::Origin;
  for (const auto& spec : file.functions) {
    CHECK(manifest::is_function_name(spec.name) && !spec.source.empty());
    check_spec(spec);
    const auto own = manifest::check_grants(&file, spec, Origin::kOperator);
    const auto asked = manifest::check_grants(&file, spec, Origin::kAsked);
    // Who is not the operator never gets more.
    CHECK(own || !asked);
    // Without a godwit.toml there is neither volume nor secret.
    CHECK(spec.secrets.empty() || !manifest::check_grants(nullptr, spec, Origin::kOperator));
    for (const manifest::SettingInfo& limit : manifest::limit_settings()) {
      const auto bounded = manifest::bounded_limits(file, spec.name, spec.limits);
      CHECK(manifest::limit_amount(bounded, limit.key) <=
            manifest::limit_amount(spec.limits, limit.key));
    }
  }
  for (const auto& volume : file.volumes) CHECK(!volume.path.empty() && !volume.place.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = manifest::parse_function_settings(text, "fuzz.toml", {});
  if (spec) {
    check_spec(*spec);
  } else {
    CHECK(spec.error().detail.starts_with("fuzz.toml:"), spec.error().detail);
  }
  const auto file = manifest::parse_manifest(text, {.filename = "fuzz.toml"});
  if (file) {
    check_manifest(*file);
  } else {
    CHECK(file.error().detail.starts_with("fuzz.toml:"), file.error().detail);
  }
  manifest::Limits limits;
  const auto set = manifest::set_limit_assignment(limits, text);
  CHECK(set || !set.error().detail.empty());
  CHECK(!manifest::is_function_name(text) || text.find("..") != 0);
  return 0;
}
