#include "registry/folder_walk.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "manifest/function_name.h"
#include "registry/ownership.h"
#include "wasm/module_info.h"

namespace godwit::registry {
namespace {

enum class FileKind : std::uint8_t { kModule, kText, kSettings, kOther };

struct FileName {
  std::string base;
  FileKind kind = FileKind::kOther;
};

FileName split(std::string_view entry) {
  struct Ending {
    std::string_view text;
    FileKind kind;
  };
  constexpr std::array kEndings = {Ending{".wasm", FileKind::kModule},
                                   Ending{".wat", FileKind::kText},
                                   Ending{".toml", FileKind::kSettings}};
  for (const Ending& ending : kEndings) {
    if (!entry.ends_with(ending.text)) continue;
    return {std::string(entry.substr(0, entry.size() - ending.text.size())), ending.kind};
  }
  return {std::string(entry), FileKind::kOther};
}

// Files of other tools that end in .toml and may lie beside functions.
bool is_foreign_settings(std::string_view base) {
  constexpr std::array<std::string_view, 6> kKnown = {"Cargo",          "pyproject", "godwit",
                                                      "rust-toolchain", "wrangler",  "spin"};
  return std::find(kKnown.begin(), kKnown.end(), base) != kKnown.end();
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

FolderListing FolderWalk::walk(Fd root) {
  folder(std::move(root), {});
  refuse_duplicates();
  std::sort(listing_.problems.begin(), listing_.problems.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return std::move(listing_);
}

void FolderWalk::problem(const std::string& path, const std::string& name, Error error) {
  // File names come from outside as much as names out of a module.
  const std::string shown = wasm::printable_name(path, 256);
  error.detail = error.detail.empty() ? shown : fmt::format("{} {}", shown, error.detail);
  listing_.problems.push_back({path, name, std::move(error)});
}

// Sorted, so that a listing does not depend on the file system's order.
std::vector<std::string> FolderWalk::entries(Fd fd, const Place& place) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> stream(::fdopendir(fd.get()));
  if (!stream) {
    problem(place.path, "", {ErrorCode::kFileUnreadable, errno_text(), {}});
    return names;
  }
  fd.release();  // the stream's now
  while (const dirent* const item = ::readdir(stream.get())) {
    if (item->d_name[0] == '.') continue;
    if (++looked_at_ > options_.entries_max) {
      // Once: every further folder stops at its first entry.
      if (looked_at_ == options_.entries_max + 1) {
        problem(
            place.path, "",
            {ErrorCode::kFileUnreadable,
             fmt::format("has more than {} files; the rest is not served", options_.entries_max),
             {}});
      }
      looked_at_ = options_.entries_max + 1;
      break;
    }
    names.emplace_back(item->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void FolderWalk::folder(Fd fd, const Place& place) {
  listing_.folders.push_back(
      place.path.substr(0, place.path.size() - (place.path.empty() ? 0 : 1)));
  Fd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) {
    return problem(place.path, "", {ErrorCode::kFileUnreadable, errno_text(), {}});
  }
  Contents contents;
  for (const std::string& name : entries(std::move(copy), place)) {
    entry(fd.get(), place, name, contents);
  }
  finish(place, contents);
  for (const std::string& name : contents.folders) subfolder(fd.get(), place, name);
}

void FolderWalk::entry(int folder_fd, const Place& place, const std::string& entry,
                       Contents& contents) {
  struct stat status{};
  if (::fstatat(folder_fd, entry.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;  // gone
  const FileName name = split(entry);
  if (S_ISLNK(status.st_mode)) {
    struct stat target{};
    const bool leads_somewhere = ::fstatat(folder_fd, entry.c_str(), &target, 0) == 0;
    const bool folder_link = leads_somewhere && S_ISDIR(target.st_mode);
    if (name.kind == FileKind::kOther && !folder_link) return;
    if (options_.unsafe_files == UnsafeFiles::kRefuse) {
      const bool serves = name.kind == FileKind::kModule || name.kind == FileKind::kText;
      const bool named = serves && place.valid_name && manifest::is_function_segment(name.base);
      if (name.kind == FileKind::kSettings) {
        contents.settings[name.base] = {place.path + entry, {}, true, false};
      }
      return problem(place.path + entry, named ? place.name + name.base : "",
                     {ErrorCode::kUnsafeFile, "is a symbolic link", {}});
    }
    if (!leads_somewhere) {
      return problem(place.path + entry, "", {ErrorCode::kFileUnreadable, "leads nowhere", {}});
    }
    status = target;
  }
  if (S_ISDIR(status.st_mode)) {
    contents.folders.push_back(entry);
  } else if (name.kind != FileKind::kOther) {
    file(place, entry, status, contents);
  }
}

void FolderWalk::file(const Place& place, const std::string& entry, const struct stat& status,
                      Contents& contents) {
  const FileName name = split(entry);
  const std::string path = place.path + entry;
  const std::string writer =
      options_.unsafe_files == UnsafeFiles::kRefuse ? foreign_writer(status) : std::string();
  if (name.kind == FileKind::kSettings) {
    const bool refused = !writer.empty() || !S_ISREG(status.st_mode);
    contents.settings[name.base] = {path, stamp_of(status), refused, false};
    return;
  }
  if (!place.valid_name || !manifest::is_function_segment(name.base)) {
    return problem(path, "",
                   {ErrorCode::kBadFunctionName,
                    place.valid_name ? "" : "lies in a folder whose name is no function name",
                    {}});
  }
  FolderFunction function{.name = place.name + name.base,
                          .path = path,
                          .is_text = name.kind == FileKind::kText,
                          .stamp = stamp_of(status)};
  if (name.base == "index") {
    function.name = place.name.substr(0, place.name.size() - (place.name.empty() ? 0 : 1));
  }
  if (!S_ISREG(status.st_mode)) {
    return problem(path, function.name, {ErrorCode::kFileUnreadable, "is not a regular file", {}});
  }
  if (!writer.empty()) return problem(path, function.name, {ErrorCode::kUnsafeFile, writer, {}});
  contents.functions.push_back(std::move(function));
}

// Joins functions with their settings. A function whose settings can't be trusted is refused: it
// must not run without the limits that it was given.
void FolderWalk::finish(const Place& place, Contents& contents) {
  const bool has_functions = !contents.functions.empty();
  for (FolderFunction& function : contents.functions) {
    const std::string base = split(function.path.substr(place.path.size())).base;
    const auto found = contents.settings.find(base);
    // godwit.toml is the operator's file, even beside a godwit.wasm.
    if (found != contents.settings.end() && base != "godwit") {
      Settings& settings = found->second;
      settings.used = true;
      if (settings.refused) {
        problem(settings.path, function.name,
                {ErrorCode::kUnsafeFile,
                 "holds settings, but is no regular file that only its owner can write",
                 {}});
        continue;
      }
      function.settings_path = settings.path;
      function.settings_stamp = settings.stamp;
    }
    listing_.functions.push_back(std::move(function));
  }
  if (!has_functions) return;  // a folder of sources
  for (const auto& [base, settings] : contents.settings) {
    if (settings.used || is_foreign_settings(base)) continue;
    problem(settings.path, "",
            {ErrorCode::kConfigBadValue,
             fmt::format("holds settings, but there is no {0}.wasm or {0}.wat",
                         wasm::printable_name(base)),
             "Remove it, or build the function."});
  }
}

void FolderWalk::subfolder(int folder_fd, const Place& place, const std::string& entry) {
  const std::string path = place.path + entry;
  const bool refuse = options_.unsafe_files == UnsafeFiles::kRefuse;
  if (place.depth >= options_.depth_max) {
    return problem(
        path, "",
        {ErrorCode::kFileUnreadable,
         fmt::format("lies deeper than {} folders; it is not served", options_.depth_max),
         {}});
  }
  Fd fd(::openat(folder_fd, entry.c_str(),
                 O_RDONLY | O_DIRECTORY | O_CLOEXEC | (refuse ? O_NOFOLLOW : 0)));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
    if (errno == ENOENT) return;  // gone since it was listed
    return problem(path, "", {ErrorCode::kFileUnreadable, errno_text(), {}});
  }
  if (const std::string writer = foreign_writer(status); refuse && !writer.empty()) {
    return problem(path, "", {ErrorCode::kUnsafeFile, writer, {}});
  }
  folder(std::move(fd), {.path = path + "/",
                         .name = place.name + entry + "/",
                         .depth = place.depth + 1,
                         .valid_name = place.valid_name && manifest::is_function_segment(entry)});
}

// a.wasm and a.wat, but also a.wasm and a/index.wasm: neither is served.
void FolderWalk::refuse_duplicates() {
  std::vector<FolderFunction>& all = listing_.functions;
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(std::string_view(a.name), std::string_view(a.path)) <
           std::pair(std::string_view(b.name), std::string_view(b.path));
  });
  std::vector<FolderFunction> unique;
  for (auto first = all.begin(); first != all.end();) {
    const auto last = std::find_if(first, all.end(),
                                   [&](const auto& other) { return other.name != first->name; });
    if (last - first == 1) {
      unique.push_back(std::move(*first));
    } else {
      for (auto each = first; each != last; ++each) {
        const FolderFunction& other = each == first ? *(first + 1) : *first;
        problem(each->path, each->name,
                {ErrorCode::kDuplicateFunction, fmt::format("and {}", other.path), {}});
      }
    }
    first = last;
  }
  all = std::move(unique);
}

}  // namespace godwit::registry
