#include "cli/operator_file.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/path.h"
#include "cli/output.h"

namespace godwit::cli {
namespace {

constexpr std::string_view kFileName = "godwit.toml";

struct Split {
  std::string folder;
  std::string name;
};
Split split(const std::string& path) { return {folder_of(path), std::string(name_of(path))}; }

// Does a path stay below the folder that it starts from, by its words alone?
bool stays_below(std::string_view path) {
  if (path.starts_with('/')) return false;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return true;
}

}  // namespace

Result<OperatorFile> OperatorFile::locate(OperatorFileOptions options) {
  struct stat status{};
  if (::stat(options.path.c_str(), &status) != 0) {
    return fail(ErrorCode::kFileUnreadable,
                fmt::format("{}: {}", printable(options.path), errno_text()));
  }
  OperatorFile file;
  file.options_ = std::move(options);
  const std::string& path = file.options_.path;
  file.is_folder_ = S_ISDIR(status.st_mode);
  if (file.is_folder_) {
    file.folder_ = path;
    file.name_ = kFileName;
    return file;
  }
  if (!path.ends_with(".toml")) {
    return fail(ErrorCode::kFileUnreadable,
                fmt::format("{}: neither a folder nor a *.toml file", printable(path)),
                "Name a folder of functions, or a godwit.toml.");
  }
  Split parts = split(path);
  file.folder_ = std::move(parts.folder);
  file.name_ = std::move(parts.name);
  return file;
}

Result<std::shared_ptr<const manifest::Manifest>> OperatorFile::read() const {
  struct stat status{};
  // The link itself counts: a godwit.toml that leads nowhere is not "no godwit.toml".
  if (is_folder_ && ::lstat(path().c_str(), &status) != 0 && errno == ENOENT) return nullptr;
  const auto folder = registry::Folder::open(folder_, {.unsafe_files = options_.unsafe_files});
  if (!folder) return fail(folder.error());
  auto text = folder->read(name_, manifest::kMaxSettingsBytes);
  if (!text) {
    if (text.error().code != ErrorCode::kModuleTooLarge) return fail(std::move(text.error()));
    return fail(ErrorCode::kConfigBadValue, text.error().detail);
  }
  auto manifest =
      manifest::parse_manifest(as_text(*text), {.filename = name_, .limits = options_.limits});
  if (!manifest) return fail(std::move(manifest.error()));
  return std::make_shared<const manifest::Manifest>(std::move(*manifest));
}

std::string OperatorFile::resolve(const std::string& path) const {
  return path.starts_with('/') ? path : folder_ + "/" + path;
}

std::string OperatorFile::functions_folder(const manifest::Manifest* manifest) const {
  if (manifest != nullptr && manifest->server.folder) return resolve(*manifest->server.folder);
  return is_folder_ ? folder_ : "";
}

// What lies below our folder is reached segment by segment, without links; what lies elsewhere by
// the operator's word up to its folder.
OperatorFile::Source OperatorFile::source_of(const std::string& source) const {
  if (stays_below(source)) return {folder_, source};
  Split parts = split(resolve(source));
  return {std::move(parts.folder), std::move(parts.name)};
}

Result<Bytes> OperatorFile::read_source(const std::string& source, std::uint64_t bytes_max) const {
  const Source place = source_of(source);
  const auto folder = registry::Folder::open(place.folder, {.unsafe_files = options_.unsafe_files});
  if (!folder) return fail(folder.error());
  return folder->read(place.path, bytes_max);
}

registry::FileStamp OperatorFile::stamp_source(const std::string& source) const {
  const Source place = source_of(source);
  const auto folder = registry::Folder::open(place.folder, {.unsafe_files = options_.unsafe_files});
  if (!folder) return {};
  return folder->stamp(place.path).value_or(registry::FileStamp());
}

}  // namespace godwit::cli
