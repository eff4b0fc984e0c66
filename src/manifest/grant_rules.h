// Who grants: only the operator does. A function asks in its settings; what it asks for is
// effective only within what the operator's godwit.toml allows.
//
//   auto allowed = check_grants(&manifest, spec, Origin::kAsked);
//   if (!allowed) log(allowed.error().text());
//   // E6006: …: cart.toml:3:1: asks for the volume "pictures" in mode "write"; the operator allows
//   // it with modes = ["read", "write"] in [volume.pictures] (godwit.toml:12:1)
//
// Pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "manifest/function_spec.h"
#include "manifest/manifest.h"

namespace godwit::manifest {

// Whose words a function's settings are.
enum class Origin : std::uint8_t {
  kOperator,  // they stand in the godwit.toml, or in a served folder that has none
  kAsked,     // a NAME.toml of a folder beside a godwit.toml
};

// Nothing, when all that `spec` asks for is granted. `manifest` is null where there is no
// godwit.toml. Errors: kNotGranted, with the line that asks and what the operator would have to
// write.
Result<void> check_grants(const Manifest* manifest, const FunctionSpec& spec, Origin origin);

// The default limits of a function that is not the operator's own: lowered to its bounds, so that
// only what it asks for itself is refused.
Limits bounded_limits(const Manifest& manifest, std::string_view name, Limits limits);

}  // namespace godwit::manifest
