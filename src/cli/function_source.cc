#include "cli/function_source.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "cli/function_file.h"
#include "manifest/settings.h"

namespace godwit::cli {
namespace {

using FileIdentity = std::pair<std::uint64_t, std::uint64_t>;

FileIdentity identity(const registry::FileStamp& stamp) { return {stamp.device, stamp.inode}; }

// What the operator's file defines, so that a folder can't define it a second time.
struct Taken {
  std::set<std::string> names;
  std::set<FileIdentity> files;  // a module that is a function of the file is that one and no other
};

Taken add_manifest(const SourcePlace& place, SourceListing& listing) {
  Taken taken;
  if (place.manifest == nullptr) return taken;
  for (const manifest::FunctionSpec& spec : place.manifest->functions) {
    FunctionSource source{.name = spec.name,
                          .path = spec.source,
                          .stamp = place.file.stamp_source(spec.source),
                          .origin = manifest::Origin::kOperator,
                          .configured = spec};
    taken.names.insert(spec.name);
    if (source.stamp.inode != 0) taken.files.insert(identity(source.stamp));
    listing.sources.push_back(std::move(source));
  }
  return taken;
}

void add_problem(SourceListing& listing, const std::string& path, std::string detail,
                 std::string hint) {
  listing.problems.push_back(
      {path, "", {ErrorCode::kDuplicateFunction, std::move(detail), std::move(hint)}});
}

void add_folder_function(const SourcePlace& place, const registry::FolderFunction& found,
                         const Taken& taken, SourceListing& listing) {
  const bool is_source = taken.files.contains(identity(found.stamp));
  if (is_source || taken.names.contains(found.name)) {
    if (!is_source) {
      add_problem(listing, found.path,
                  fmt::format("{}: [function.\"{}\"] stands in {} too", found.path, found.name,
                              place.manifest->filename),
                  "Keep one of the two.");
    } else if (!found.settings_path.empty()) {
      add_problem(listing, found.settings_path,
                  fmt::format("{} is not read: the settings of this function stand in {}",
                              found.settings_path, place.manifest->filename),
                  "Keep one of the two.");
    }
    return;
  }
  FunctionSource source{.name = found.name,
                        .path = found.path,
                        .stamp = found.stamp,
                        .origin = manifest::Origin::kOperator,
                        .configured = {},
                        .settings_path = found.settings_path,
                        .settings_stamp = found.settings_stamp,
                        .default_limits = place.default_limits};
  if (place.manifest != nullptr) {
    source.origin = manifest::Origin::kAsked;
    source.default_limits =
        manifest::bounded_limits(*place.manifest, found.name, place.manifest->server.limits);
  }
  listing.sources.push_back(std::move(source));
}

}  // namespace

Result<SourceListing> list_sources(const SourcePlace& place) {
  SourceListing listing;
  const Taken taken = add_manifest(place, listing);
  if (place.folder == nullptr) return listing;
  auto found = place.folder->scan();
  if (!found) return fail(std::move(found.error()));
  for (const registry::FolderFunction& function : found->functions) {
    add_folder_function(place, function, taken, listing);
  }
  for (registry::FolderProblem& problem : found->problems) {
    if (taken.names.contains(problem.name)) problem.name.clear();  // that function is elsewhere
    listing.problems.push_back(std::move(problem));
  }
  return listing;
}

Result<manifest::FunctionSpec> read_spec(const SourcePlace& place, const FunctionSource& source) {
  if (source.configured) return *source.configured;
  manifest::FunctionSpec spec{.name = source.name, .source = source.path};
  spec.limits = source.default_limits;
  if (source.settings_path.empty()) return spec;
  auto text = place.folder->read(source.settings_path, manifest::kMaxSettingsBytes);
  if (!text) return fail(std::move(text.error()));
  return manifest::parse_function_settings(as_text(*text), source.settings_path, std::move(spec));
}

Result<Bytes> read_module(const SourcePlace& place, const FunctionSource& source) {
  if (source.configured) return place.file.read_source(source.path, kMaxModuleBytes);
  return place.folder->read(source.path, kMaxModuleBytes);
}

}  // namespace godwit::cli
