#include "manifest/grant_rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "manifest/function_name.h"
#include "manifest/nearest_key.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxShownNames = 8;

tl::unexpected<Error> refuse(std::string_view place, std::string_view asks,
                             std::string_view allow) {
  return fail(ErrorCode::kNotGranted, fmt::format("{}: asks for {}; {}", place, asks, allow));
}

std::string quoted_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "\"" : ", \"") + text + "\"";
  return "[" + list + "]";
}

// "pictures" as a key of TOML: quoted where it holds a dot.
std::string key_text(std::string_view key) {
  return key.find('.') == std::string_view::npos ? std::string(key) : fmt::format("\"{}\"", key);
}

bool is_granted_to(const Grantees& grantees, std::string_view name, Origin origin) {
  if (!grantees) return origin == Origin::kOperator;
  return std::any_of(grantees->begin(), grantees->end(),
                     [&](const std::string& pattern) { return pattern_rank(pattern, name) != 0; });
}

bool asks_for(const FunctionSpec& spec, const VolumeSpec& volume) {
  return std::any_of(spec.files.begin(), spec.files.end(), [&](const FileMount& mount) {
    const auto* const asked = std::get_if<VolumeMount>(&mount.what);
    return asked != nullptr && asked->volume == volume.name;
  });
}

bool asks_for(const FunctionSpec& spec, const SecretSpec& secret) {
  return std::any_of(spec.secrets.begin(), spec.secrets.end(),
                     [&](const PlacedText& asked) { return asked.text == secret.name; });
}

// `functions = […]` as it would have to be: nobody loses what they have.
template <class Granted>
std::string grantees_text(const Manifest& manifest, const Granted& granted, std::string_view name) {
  std::vector<std::string> names;
  if (granted.functions) {
    names = *granted.functions;
  } else {
    for (const FunctionSpec& spec : manifest.functions) {
      if (asks_for(spec, granted)) names.push_back(spec.name);
    }
  }
  const std::string added(exact_pattern(name));
  if (names.size() >= kMaxShownNames) return fmt::format("\"{}\" added to functions", added);
  names.push_back(added);
  return "functions = " + quoted_list(names);
}

template <class Granted>
std::vector<std::string_view> names_of(const std::vector<Granted>& all) {
  std::vector<std::string_view> names;
  for (const Granted& each : all) names.push_back(each.name);
  return names;
}

// What to say of something that is defined nowhere.
template <class Granted>
std::string define_text(const Manifest* manifest, const std::vector<Granted>* known,
                        std::string_view section, std::string_view name) {
  if (manifest == nullptr) {
    return fmt::format("a godwit.toml has to define it, in a section {}", section);
  }
  const std::string_view nearest = nearest_key(name, names_of(*known));
  return fmt::format(
      "{} does not define it{}: it would have to have a section {}", manifest->filename,
      nearest.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", nearest), section);
}

Result<void> check_volume(const Manifest* manifest, const FunctionSpec& spec, Origin origin,
                          const FileMount& mount) {
  const auto* const asked = std::get_if<VolumeMount>(&mount.what);
  if (asked == nullptr) return {};
  const bool writes = asked->access == FileAccess::kWrite;
  const std::string asks =
      fmt::format("the volume \"{}\" in mode \"{}\"", asked->volume, writes ? "write" : "read");
  const VolumeSpec* const volume =
      manifest == nullptr ? nullptr : find_volume(*manifest, asked->volume);
  if (volume == nullptr) {
    const std::string section =
        fmt::format("[volume.{}] with its path{} and functions = [\"{}\"]", key_text(asked->volume),
                    writes ? ", modes = [\"read\", \"write\"]" : "", exact_pattern(spec.name));
    return refuse(mount.place, asks,
                  define_text(manifest, manifest == nullptr ? nullptr : &manifest->volumes, section,
                              asked->volume));
  }
  std::string allow;
  if (writes ? !volume->may_write : !volume->may_read) {
    allow = writes ? "modes = [\"read\", \"write\"]" : "modes = [\"read\"]";
  }
  if (!is_granted_to(volume->functions, spec.name, origin)) {
    allow += (allow.empty() ? "" : " and ") + grantees_text(*manifest, *volume, spec.name);
  }
  if (allow.empty()) return {};
  return refuse(mount.place, asks,
                fmt::format("the operator allows it with {} in [volume.{}] ({})", allow,
                            key_text(volume->name), volume->place));
}

Result<void> check_secret(const Manifest* manifest, const FunctionSpec& spec, Origin origin,
                          const PlacedText& asked) {
  const std::string asks = fmt::format("the secret {}", asked.text);
  const SecretSpec* const secret =
      manifest == nullptr ? nullptr : find_secret(*manifest, asked.text);
  if (secret == nullptr) {
    const std::string section =
        fmt::format("[secret.{}] with `file` or `environment` and functions = [\"{}\"]", asked.text,
                    exact_pattern(spec.name));
    return refuse(asked.place, asks,
                  define_text(manifest, manifest == nullptr ? nullptr : &manifest->secrets, section,
                              asked.text));
  }
  if (is_granted_to(secret->functions, spec.name, origin)) return {};
  return refuse(
      asked.place, asks,
      fmt::format("the operator allows it with {} in [secret.{}] ({})",
                  grantees_text(*manifest, *secret, spec.name), secret->name, secret->place));
}

// The most specific entry of [bounds] for which `sets` holds; null where there is none.
template <class Sets>
const Bounds* bounds_for(const Manifest& manifest, std::string_view name, const Sets& sets) {
  const Bounds* best = nullptr;
  std::size_t best_rank = 0;
  for (const Bounds& each : manifest.bounds) {
    const std::size_t rank = pattern_rank(each.pattern, name);
    if (rank <= best_rank || !sets(each)) continue;
    best = &each;
    best_rank = rank;
  }
  return best;
}

const PlacedText* find_text(const std::vector<PlacedText>& texts, std::string_view text) {
  const auto found = std::find_if(texts.begin(), texts.end(),
                                  [&](const PlacedText& each) { return each.text == text; });
  return found == texts.end() ? nullptr : &*found;
}

const Bounds* bounds_of_limit(const Manifest& manifest, std::string_view name,
                              std::string_view key) {
  return bounds_for(manifest, name,
                    [&](const Bounds& each) { return find_text(each.set, key) != nullptr; });
}

// As it would be written: format_size() may round.
std::string exact_size(std::uint64_t bytes) {
  struct Unit {
    int bits;
    std::string_view name;
  };
  for (const Unit& unit : {Unit{30, "GiB"}, Unit{20, "MiB"}, Unit{10, "KiB"}}) {
    const std::uint64_t count = bytes >> unit.bits;
    if (count != 0 && count << unit.bits == bytes) return fmt::format("{}{}", count, unit.name);
  }
  return fmt::format("{}B", bytes);
}

std::string exact_limit(const Limits& limits, const SettingInfo& limit) {
  const std::uint64_t amount = limit_amount(limits, limit.key);
  if (limit.type == "count") return std::to_string(amount);
  return fmt::format("\"{}\"",
                     limit.type == "size" ? exact_size(amount) : limit_text(limits, limit.key));
}

Result<void> check_limits(const Manifest& manifest, const FunctionSpec& spec) {
  for (const SettingInfo& limit : limit_settings()) {
    const PlacedText* const asked = find_text(spec.asked_limits, limit.key);
    const Bounds* const bounds = bounds_of_limit(manifest, spec.name, limit.key);
    if (asked == nullptr || bounds == nullptr) continue;
    if (limit_amount(spec.limits, limit.key) <= limit_amount(bounds->limits, limit.key)) continue;
    const std::string wanted = fmt::format("{} = {}", limit.key, exact_limit(spec.limits, limit));
    return refuse(asked->place, fmt::format("the limit {}", wanted),
                  fmt::format("the operator allows it with {} in [bounds] \"{}\" ({})", wanted,
                              bounds->pattern, find_text(bounds->set, limit.key)->place));
  }
  return {};
}

Result<void> check_tmpfs(const Manifest& manifest, const FunctionSpec& spec) {
  const Bounds* const bounds = bounds_for(
      manifest, spec.name, [](const Bounds& each) { return each.tmpfs_bytes.has_value(); });
  if (bounds == nullptr) return {};
  std::uint64_t total = 0;
  const std::string* place = nullptr;  // of the entry that is too much
  for (const FileMount& mount : spec.files) {
    const auto* const tmpfs = std::get_if<TmpfsMount>(&mount.what);
    if (tmpfs == nullptr) continue;
    total += tmpfs->size_bytes;
    if (place == nullptr && total > *bounds->tmpfs_bytes) place = &mount.place;
  }
  if (place == nullptr) return {};
  const std::string size = exact_size(total);
  return refuse(*place, fmt::format("{} of tmpfs altogether", size),
                fmt::format("the operator allows it with tmpfs = \"{}\" in [bounds] \"{}\" ({})",
                            size, bounds->pattern, bounds->tmpfs_place));
}

// Unlike a limit it is nothing that everybody has: no entry, no host.
Result<void> check_outbound(const Manifest* manifest, const FunctionSpec& spec) {
  if (spec.outbound_hosts.empty()) return {};
  const Bounds* const bounds =
      manifest == nullptr ? nullptr : bounds_for(*manifest, spec.name, [](const Bounds& each) {
        return each.outbound_hosts.has_value();
      });
  for (const OutboundHost& asked : spec.outbound_hosts) {
    std::vector<std::string> allowed;
    bool covered = false;
    if (bounds != nullptr) {
      for (const OutboundHost& each : *bounds->outbound_hosts) {
        covered |= each.covers(asked);
        allowed.push_back(each.text());
      }
    }
    if (covered) continue;
    if (allowed.size() >= kMaxShownNames) allowed.clear();
    allowed.push_back(asked.text());
    const std::string pattern(bounds == nullptr ? exact_pattern(spec.name) : bounds->pattern);
    return refuse(
        asked.place, fmt::format("outbound HTTP to {}", asked.text()),
        fmt::format("the operator allows it with allowed-outbound-hosts = {} in [bounds] \"{}\"{}",
                    quoted_list(allowed), pattern,
                    bounds == nullptr ? "" : fmt::format(" ({})", bounds->outbound_place)));
  }
  return {};
}

}  // namespace

Result<void> check_grants(const Manifest* manifest, const FunctionSpec& spec, Origin origin) {
  for (const FileMount& mount : spec.files) {
    if (auto checked = check_volume(manifest, spec, origin, mount); !checked) return checked;
  }
  for (const PlacedText& secret : spec.secrets) {
    if (auto checked = check_secret(manifest, spec, origin, secret); !checked) return checked;
  }
  if (origin == Origin::kOperator) return {};
  if (auto checked = check_outbound(manifest, spec); !checked) return checked;
  if (manifest == nullptr) return {};
  if (auto checked = check_limits(*manifest, spec); !checked) return checked;
  return check_tmpfs(*manifest, spec);
}

Limits bounded_limits(const Manifest& manifest, std::string_view name, Limits limits) {
  for (const SettingInfo& limit : limit_settings()) {
    const Bounds* const bounds = bounds_of_limit(manifest, name, limit.key);
    if (bounds != nullptr) lower_limit(limits, limit.key, bounds->limits);
  }
  return limits;
}

}  // namespace godwit::manifest
