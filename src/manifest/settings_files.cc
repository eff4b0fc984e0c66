// `files` of a function: what stands at which of its paths.
#include <array>
#include <optional>

#include <fmt/format.h>

#include "manifest/function_name.h"
#include "manifest/toml_reader.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxMounts = 100;
constexpr std::size_t kMaxGuestPathBytes = 255;
constexpr Range kTmpfsBytes{.minimum = std::uint64_t{4} << 10, .maximum = std::uint64_t{4} << 30};
constexpr Range kTmpfsFiles{.minimum = 1, .maximum = 1'000'000};

// One entry while it is read: which keys were there decides what it is.
struct MountDraft {
  std::optional<std::string> volume;
  std::optional<FileAccess> mode;
  std::optional<std::uint64_t> tmpfs_bytes;
  std::optional<std::uint32_t> files;
  std::optional<TmpfsScope> scope;
};

Result<void> apply_volume(const Reader& reader, const toml::node& node, MountDraft& draft) {
  auto name = text_of(reader, "volume", node);
  if (!name) return fail(std::move(name.error()));
  if (!is_function_segment(*name)) {
    return reader.bad_value(node.source(),
                            fmt::format("\"{}\" is not a name of a volume", shown(*name)));
  }
  draft.volume = std::move(*name);
  return {};
}

Result<void> apply_mode(const Reader& reader, const toml::node& node, MountDraft& draft) {
  const auto mode = text_of(reader, "mode", node);
  if (!mode) return fail(mode.error());
  if (*mode != "read" && *mode != "write") {
    return reader.bad_value(node.source(), "mode is \"read\" or \"write\"");
  }
  draft.mode = *mode == "read" ? FileAccess::kRead : FileAccess::kWrite;
  return {};
}

Result<void> apply_tmpfs(const Reader& reader, const toml::node& node, MountDraft& draft) {
  const auto size = size_of(reader, "tmpfs", node, kTmpfsBytes);
  if (!size) return fail(size.error());
  draft.tmpfs_bytes = *size;
  return {};
}

Result<void> apply_file_count(const Reader& reader, const toml::node& node, MountDraft& draft) {
  const auto count = count_of(reader, "files", node, kTmpfsFiles);
  if (!count) return fail(count.error());
  draft.files = static_cast<std::uint32_t>(*count);
  return {};
}

Result<void> apply_scope(const Reader& reader, const toml::node& node, MountDraft& draft) {
  const auto scope = text_of(reader, "scope", node);
  if (!scope) return fail(scope.error());
  if (*scope != "invocation" && *scope != "function") {
    return reader.bad_value(node.source(), "scope is \"invocation\" or \"function\"");
  }
  draft.scope = *scope == "function" ? TmpfsScope::kFunction : TmpfsScope::kInvocation;
  return {};
}

using MountRow = Row<MountDraft>;

constexpr std::array kRows = {
    MountRow{"volume", "name", "", "",
             "A folder of the host that the operator names in `[volume.NAME]`.", &apply_volume},
    MountRow{"mode", "text", "\"read\"", "", "`\"read\"`, or `\"write\"`: both.", &apply_mode},
    MountRow{"tmpfs", "size", "", "4KiB to 4GiB",
             "A folder in memory that holds at most this much. It costs nothing until it is "
             "touched.",
             &apply_tmpfs},
    MountRow{"files", "count", "1024", "1 to 1000000",
             "How many files, folders and links a tmpfs holds at most.", &apply_file_count},
    MountRow{"scope", "text", "\"invocation\"", "",
             "`\"invocation\"`: a tmpfs of one request alone, gone with it. `\"function\"`: one "
             "that all requests of the function share, as its cache; it outlives new versions and "
             "ends with the server.",
             &apply_scope},
};

// Why a guest can't have a mount at this path; empty when it can. Normal paths only: two spellings
// of one path would be two mounts at one place.
std::string_view why_no_guest_path(std::string_view path) {
  if (path.size() > kMaxGuestPathBytes) return "is longer than 255 bytes";
  if (!path.starts_with('/')) return "does not begin with \"/\"";
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return "holds a control character";
  }
  std::string_view rest = path.substr(1);
  while (path.size() > 1) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment.empty()) return "has an empty part: \"//\", or \"/\" at its end";
    if (segment == "." || segment == "..") return "has a part \".\" or \"..\"";
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return {};
}

bool lies_below(std::string_view path, std::string_view folder) {
  if (folder == "/") return path != "/";
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

Result<FileMount> make_mount(const Reader& reader, const Entry& entry, MountDraft draft) {
  const toml::source_region& region = entry.first->source();
  FileMount mount{.path = std::string(entry.first->str()),
                  .what = VolumeMount{},
                  .place = reader.place(region)};
  if (draft.volume.has_value() == draft.tmpfs_bytes.has_value()) {
    return reader.bad_value(region,
                            "exactly one of `volume` and `tmpfs` stands here: { volume = "
                            "\"pictures\", mode = \"read\" } or { tmpfs = \"16MiB\" }");
  }
  if (draft.volume) {
    if (draft.files || draft.scope) {
      return reader.bad_value(region, "`files` and `scope` are of a tmpfs, not of a volume");
    }
    mount.what = VolumeMount{.volume = std::move(*draft.volume),
                             .access = draft.mode.value_or(FileAccess::kRead)};
    return mount;
  }
  if (draft.mode) {
    return reader.bad_value(region, "`mode` is of a volume; a tmpfs can always be written");
  }
  const TmpfsMount defaults;
  mount.what = TmpfsMount{.size_bytes = *draft.tmpfs_bytes,
                          .files = draft.files.value_or(defaults.files),
                          .scope = draft.scope.value_or(defaults.scope)};
  return mount;
}

}  // namespace

Result<void> read_files(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const auto table = table_of(
      reader, node, "files is a table: { \"/tmp\" = { tmpfs = \"16MiB\" }, \"/dev\" = \"stdio\" }");
  if (!table) return fail(table.error());
  if ((*table)->size() > kMaxMounts) {
    return reader.bad_value(node.source(), fmt::format("more than {} paths", kMaxMounts));
  }
  std::vector<std::string> paths;
  for (const Entry& entry : in_file_order(**table)) {
    const toml::source_region& region = entry.first->source();
    const std::string path(entry.first->str());
    if (const std::string_view why = why_no_guest_path(path); !why.empty()) {
      return reader.bad_value(region, fmt::format("the path \"{}\" {}", shown(path), why));
    }
    for (const std::string& other : paths) {
      if (!lies_below(path, other) && !lies_below(other, path)) continue;
      return reader.bad_value(region,
                              fmt::format("\"{}\" and \"{}\": one lies inside the other; a mount "
                                          "inside another mount is not supported",
                                          shown(path), shown(other)));
    }
    paths.push_back(path);
    if (const toml::value<std::string>* const text = entry.second->as_string(); text != nullptr) {
      if (path != "/dev" || text->get() != "stdio") {
        return reader.bad_value(region,
                                "the only text here is \"/dev\" = \"stdio\"; else it is "
                                "{ volume = … } or { tmpfs = … }");
      }
      spec.devices = DeviceFolder::kStdio;
      continue;
    }
    const auto keys = table_of(reader, *entry.second, "it is { volume = … } or { tmpfs = … }");
    if (!keys) return fail(keys.error());
    MountDraft draft;
    const KeyHelp help{.section = "an entry of [files]"};
    if (auto read = read_table<MountDraft>(reader, **keys, kRows, help, draft); !read) return read;
    auto mount = make_mount(reader, entry, std::move(draft));
    if (!mount) return fail(std::move(mount.error()));
    spec.files.push_back(std::move(*mount));
  }
  return {};
}

std::span<const SettingInfo> mount_settings() {
  static const std::vector<SettingInfo> settings = infos_of<MountDraft>(kRows);
  return settings;
}

}  // namespace godwit::manifest
