#include "registry/grantor.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>

namespace godwit::registry {
namespace {

using capability::Access;
using capability::Folder;
using capability::FolderSource;
using capability::Grants;
using capability::HostVolume;
using capability::MemoryBudget;
using capability::MemoryFileSystem;
using capability::MemoryLimits;

// A folder that is the same for all invocations.
class SharedSource final : public FolderSource {
 public:
  explicit SharedSource(std::shared_ptr<Folder> root) : root_(std::move(root)) {}
  std::shared_ptr<Folder> root() override { return root_; }

 private:
  const std::shared_ptr<Folder> root_;
};

// A folder in memory of its own for each invocation, made when it is first touched.
class PrivateTmpfs final : public FolderSource {
 public:
  PrivateTmpfs(const MemoryLimits& limits, std::shared_ptr<MemoryBudget> budget)
      : limits_(limits), budget_(std::move(budget)) {}
  std::shared_ptr<Folder> root() override {
    return MemoryFileSystem::create(limits_, budget_)->root();
  }

 private:
  const MemoryLimits limits_;
  const std::shared_ptr<MemoryBudget> budget_;
};

struct Identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

Identity identity_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

}  // namespace

Grantor::Grantor(const GrantorOptions& options)
    : memory_(std::make_shared<MemoryBudget>(options.tmpfs_bytes_max, options.guest_memory)),
      handles_(std::make_shared<capability::HandleBudget>(
          capability::HandleBudget::half_of_process_limit())) {}

std::string Grantor::path_of(const manifest::VolumeSpec& spec) const {
  return spec.path.starts_with('/') ? spec.path : folder_ + "/" + spec.path;
}

void Grantor::adopt(std::shared_ptr<const manifest::Manifest> manifest, std::string folder) {
  manifest_ = std::move(manifest);
  folder_ = std::move(folder);
  secrets_.reload();
  if (manifest_ != nullptr) secrets_.take_environment(*manifest_);
  for (auto it = volumes_.begin(); it != volumes_.end();) {
    const manifest::VolumeSpec* const spec =
        manifest_ == nullptr ? nullptr : manifest::find_volume(*manifest_, it->first);
    const Volume& volume = it->second;
    const Identity now = identity_of(volume.path);
    const bool same =
        spec != nullptr && volume.path == path_of(*spec) && volume.writable == spec->may_write &&
        volume.max_size_bytes == spec->max_size_bytes && volume.max_files == spec->max_files &&
        volume.device == now.device && volume.inode == now.inode;
    it = same ? std::next(it) : volumes_.erase(it);
  }
}

Result<Grantor::Source> Grantor::volume_source(const manifest::VolumeMount& mount) {
  const manifest::VolumeSpec* const spec =
      manifest_ == nullptr ? nullptr : manifest::find_volume(*manifest_, mount.volume);
  const Access access =
      mount.access == manifest::FileAccess::kWrite ? Access::kWrite : Access::kRead;
  // What check_grants() refuses is refused here too: nothing is granted by mistake.
  if (spec == nullptr || (access == Access::kWrite && !spec->may_write)) {
    return fail(ErrorCode::kNotGranted, fmt::format("the volume \"{}\"", mount.volume));
  }
  auto found = volumes_.find(mount.volume);
  if (found == volumes_.end()) {
    Volume volume{.path = path_of(*spec),
                  .max_size_bytes = spec->max_size_bytes,
                  .max_files = spec->max_files,
                  .writable = spec->may_write};
    const Identity identity = identity_of(volume.path);
    volume.device = identity.device;
    volume.inode = identity.inode;
    auto opened = HostVolume::open({.path = volume.path,
                                    .writable = volume.writable,
                                    .bytes_max = volume.max_size_bytes,
                                    .files_max = volume.max_files,
                                    .handles = handles_});
    if (!opened) {
      opened.error().detail =
          fmt::format("the volume \"{}\": {}", mount.volume, opened.error().detail);
      return fail(std::move(opened.error()));
    }
    volume.opened = std::move(*opened);
    found = volumes_.emplace(mount.volume, std::move(volume)).first;
  }
  Source& source = found->second.sources[static_cast<std::size_t>(access)];
  if (source == nullptr) {
    source = std::make_shared<SharedSource>(found->second.opened->root(access));
  }
  return source;
}

Result<Grantor::Source> Grantor::host_source(const std::string& path) {
  auto opened = HostVolume::open({.path = path, .writable = true, .handles = handles_});
  if (!opened) return fail(std::move(opened.error()));
  return std::make_shared<SharedSource>((*opened)->root(Access::kWrite));
}

Grantor::Source Grantor::tmpfs_source(const std::string& function, const std::string& path,
                                      const manifest::TmpfsMount& mount) {
  const MemoryLimits limits{.bytes_max = mount.size_bytes, .nodes_max = mount.files};
  if (mount.scope == manifest::TmpfsScope::kInvocation) {
    Source& source = private_tmpfs_[{mount.size_bytes, mount.files}];
    if (source == nullptr) source = std::make_shared<PrivateTmpfs>(limits, memory_);
    return source;
  }
  FunctionTmpfs& tmpfs = function_tmpfs_[{function, path}];
  if (tmpfs.files == nullptr) {
    tmpfs.files = MemoryFileSystem::create(limits, memory_);
    tmpfs.source = std::make_shared<SharedSource>(tmpfs.files->root());
  }
  tmpfs.files->set_limits(limits);
  return tmpfs.source;
}

std::shared_ptr<const capability::OutboundGrant> Grantor::outbound_grant(
    const manifest::FunctionSpec& spec) {
  if (spec.outbound_hosts.empty()) return nullptr;
  std::string hosts;
  for (const manifest::OutboundHost& host : spec.outbound_hosts) hosts += host.text() + "\n";
  auto& grant = outbound_[{spec.name, hosts}];
  if (grant == nullptr) {
    auto made = std::make_shared<capability::OutboundGrant>();
    made->function = spec.name;
    made->hosts = spec.outbound_hosts;
    grant = std::move(made);
  }
  return grant;
}

Result<std::shared_ptr<const Grants>> Grantor::grants(const manifest::FunctionSpec& spec) {
  if (spec.files.empty() && spec.secrets.empty() && spec.outbound_hosts.empty()) return nullptr;
  auto grants = std::make_shared<Grants>();
  // All that can fail first: what a refused version asks for must not change the sizes of a cache.
  for (const manifest::PlacedText& asked : spec.secrets) {
    const manifest::SecretSpec* const secret =
        manifest_ == nullptr ? nullptr : manifest::find_secret(*manifest_, asked.text);
    if (secret == nullptr) {
      return fail(ErrorCode::kNotGranted, fmt::format("the secret {}", asked.text));
    }
    auto value = secrets_.get(*secret, folder_);
    if (!value) return fail(std::move(value.error()));
    grants->secrets.push_back({asked.text, std::move(*value)});
  }
  for (const manifest::FileMount& mount : spec.files) {
    Source source;
    if (const auto* const asked = std::get_if<manifest::VolumeMount>(&mount.what)) {
      auto made = volume_source(*asked);
      if (!made) return fail(std::move(made.error()));
      source = std::move(*made);
    }
    grants->files.push_back({mount.path, std::move(source)});
  }
  for (std::size_t i = 0; i < spec.files.size(); ++i) {
    if (const auto* const tmpfs = std::get_if<manifest::TmpfsMount>(&spec.files[i].what)) {
      grants->files[i].source = tmpfs_source(spec.name, spec.files[i].path, *tmpfs);
    }
  }
  grants->outbound = outbound_grant(spec);
  return grants;
}

Result<std::shared_ptr<const Grants>> Grantor::grants_of_user(
    const manifest::FunctionSpec& spec, const std::vector<HostFolder>& folders) {
  auto grants = std::make_shared<Grants>();
  const auto is_given = [&](const manifest::FileMount& mount) {
    return std::any_of(folders.begin(), folders.end(),
                       [&](const HostFolder& folder) { return folder.guest == mount.path; });
  };
  for (const manifest::FileMount& mount : spec.files) {
    if (is_given(mount)) continue;
    const auto* const tmpfs = std::get_if<manifest::TmpfsMount>(&mount.what);
    if (tmpfs == nullptr) {
      return fail(ErrorCode::kNotGranted,
                  fmt::format("{}: asks for the volume \"{}\", and here is no operator's file",
                              mount.place, std::get<manifest::VolumeMount>(mount.what).volume),
                  fmt::format("Say which folder it is: --dir {}=FOLDER", mount.path));
    }
    grants->files.push_back({mount.path, tmpfs_source(spec.name, mount.path, *tmpfs)});
  }
  for (const HostFolder& folder : folders) {
    auto source = host_source(folder.host);
    if (!source) return fail(std::move(source.error()));
    grants->files.push_back({folder.guest, std::move(*source)});
  }
  for (const manifest::PlacedText& asked : spec.secrets) {
    auto value = secrets_.variable(asked.text);
    if (!value) {
      value.error().detail = fmt::format("{}: {}", asked.place, value.error().detail);
      value.error().hint = fmt::format("Set it in the environment: {}=… godwit run …", asked.text);
      return fail(std::move(value.error()));
    }
    grants->secrets.push_back({asked.text, std::move(*value)});
  }
  if (grants->files.empty() && grants->secrets.empty()) return nullptr;
  return grants;
}

void Grantor::purge() {
  const auto unused = [](const Source& source) {
    return source == nullptr || source.use_count() == 1;
  };
  std::erase_if(volumes_, [&](const auto& item) {
    return unused(item.second.sources[0]) && unused(item.second.sources[1]);
  });
  std::erase_if(function_tmpfs_, [&](const auto& item) { return unused(item.second.source); });
  std::erase_if(private_tmpfs_, [&](const auto& item) { return unused(item.second); });
  std::erase_if(outbound_, [](const auto& item) { return item.second.use_count() == 1; });
}

bool same_grants(const Grants* first, const Grants* second) {
  if (first == nullptr || second == nullptr) return first == second;
  const auto same_file = [](const capability::FileGrant& a, const capability::FileGrant& b) {
    return a.path == b.path && a.source == b.source;
  };
  const auto same_secret = [](const capability::SecretGrant& a, const capability::SecretGrant& b) {
    return a.name == b.name && a.value == b.value;
  };
  return std::equal(first->files.begin(), first->files.end(), second->files.begin(),
                    second->files.end(), same_file) &&
         std::equal(first->secrets.begin(), first->secrets.end(), second->secrets.begin(),
                    second->secrets.end(), same_secret) &&
         first->outbound == second->outbound;
}

}  // namespace godwit::registry
