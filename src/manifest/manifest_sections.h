// The sections of a godwit.toml besides its functions. Private to src/manifest, for manifest.cc.
#pragma once

#include "manifest/manifest.h"
#include "manifest/toml_reader.h"

namespace godwit::manifest {

Result<void> read_server(const Reader& reader, const toml::table& table, ServerSettings& server);
// One entry; `name` and `place` are set already.
Result<void> read_volume(const Reader& reader, const toml::table& table, VolumeSpec& volume);
Result<void> read_secret(const Reader& reader, const toml::table& table, SecretSpec& secret);
// `pattern` is set already.
Result<void> read_bounds(const Reader& reader, const toml::table& table, Bounds& bounds);

}  // namespace godwit::manifest
