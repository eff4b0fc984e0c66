// FunctionSource: a function that is to be served, and where its module and settings come from: an
// entry of the operator's godwit.toml, or files of a served folder.
//
//   auto listing = list_sources({.file = file, .manifest = manifest.get(), .folder = &folder});
//   for (const FunctionSource& source : listing->sources) {
//     auto spec = read_spec(place, source);
//     auto bytes = read_module(place, source);
//   }
//
// Values and functions that read files; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "cli/operator_file.h"
#include "manifest/function_spec.h"
#include "manifest/grant_rules.h"
#include "manifest/manifest.h"
#include "registry/folder.h"

namespace godwit::cli {

// Two equal sources: nothing that was configured or built has changed.
struct FunctionSource {
  std::string name;
  std::string path;  // of the module, as it is written or found
  registry::FileStamp stamp;
  manifest::Origin origin = manifest::Origin::kOperator;
  std::optional<manifest::FunctionSpec> configured;  // of the godwit.toml; else:
  std::string settings_path;                         // NAME.toml, or empty
  registry::FileStamp settings_stamp;
  manifest::Limits default_limits;

  bool operator==(const FunctionSource&) const = default;
};

// Where sources are looked for. All but `file` may be null.
struct SourcePlace {
  const OperatorFile& file;
  const manifest::Manifest* manifest = nullptr;
  const registry::Folder* folder = nullptr;
  manifest::Limits default_limits;  // without a godwit.toml
};

struct SourceListing {
  std::vector<FunctionSource>
      sources;  // those of the godwit.toml, then those of the folder by name
  std::vector<registry::FolderProblem> problems;
};

// Errors: the folder can't be read.
Result<SourceListing> list_sources(const SourcePlace& place);

// Everything that is configured. Errors: those of the settings, kFileUnreadable, kUnsafeFile.
Result<manifest::FunctionSpec> read_spec(const SourcePlace& place, const FunctionSource& source);
// Errors: kFileUnreadable, kUnsafeFile, kModuleTooLarge.
Result<Bytes> read_module(const SourcePlace& place, const FunctionSource& source);

}  // namespace godwit::cli
