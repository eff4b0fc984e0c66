#include "cli/function_file.h"

#include <sys/stat.h>

#include "base/path.h"
#include "manifest/function_name.h"
#include "manifest/settings.h"
#include "registry/folder.h"

namespace godwit::cli {
namespace {

// Without the ending of a module, whatever else the name is.
std::string without_ending(const std::string& path) {
  for (const std::string_view ending : {".wasm", ".wat"}) {
    if (path.ends_with(ending)) return path.substr(0, path.size() - ending.size());
  }
  return path;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

}  // namespace

std::string function_name_of(const std::string& path) {
  return std::string(name_of(without_ending(path)));
}

Result<FunctionFile> read_function_file(const std::string& path, const manifest::Limits& defaults) {
  auto bytes = registry::read_file(path, kMaxModuleBytes);
  if (!bytes) return fail(std::move(bytes.error()));
  FunctionFile file;
  file.bytes = std::move(*bytes);
  file.spec.name = function_name_of(path);
  file.spec.source = path;
  file.spec.limits = defaults;
  const std::string base = without_ending(path);
  if (base == path) return file;
  file.servable_name = manifest::is_function_segment(file.spec.name);
  const std::string settings = base + ".toml";
  if (!exists(settings)) return file;
  const auto text = registry::read_file(settings, manifest::kMaxSettingsBytes);
  if (!text) return fail(text.error());
  auto spec = manifest::parse_function_settings(as_text(*text), settings, file.spec);
  if (!spec) return fail(std::move(spec.error()));
  file.spec = std::move(*spec);
  file.settings_path = settings;
  return file;
}

}  // namespace godwit::cli
