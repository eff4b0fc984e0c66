// Grantor: makes what the operator's godwit.toml allows into objects that an invocation can be
// handed: opens each volume's folder once, reads secrets, keeps the tmpfs of functions.
//
//   Grantor grantor({.tmpfs_bytes_max = 1 << 30});
//   grantor.adopt(manifest, "/etc/godwit");            // at the start, and at each reload
//   auto grants = grantor.grants(spec);                // after manifest::check_grants(…)
//   function->grants = std::move(*grants);
//
// What has not changed stays the same object across reloads and versions, so that same_grants()
// can tell. Control plane, one thread at a time; opening blocks. What it hands out is thread-safe
// and lives on without it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "capability/grants.h"
#include "capability/handle_budget.h"
#include "capability/host_folder.h"
#include "capability/memory_budget.h"
#include "capability/memory_file_system.h"
#include "manifest/manifest.h"
#include "registry/grantor_secrets.h"

namespace godwit::registry {

struct GrantorOptions {
  std::uint64_t tmpfs_bytes_max = 0;                 // all folders in memory together …
  capability::MemoryBudget* guest_memory = nullptr;  // … which they share with guests' memories
};

class Grantor final {
 public:
  explicit Grantor(const GrantorOptions& options);

  // What can be granted from now on, null: no volume and no secret. Relative paths start at
  // `folder`. Takes what are secrets out of the environment: for the first time before there are
  // other threads. Files of secrets are read again; a volume's folder is opened again when another
  // one stands at its path.
  void adopt(std::shared_ptr<const manifest::Manifest> manifest, std::string folder);

  // Null when the function asks for nothing. REQUIRES: manifest::check_grants() allows it.
  // Errors: kVolumeUnusable, kKernelTooOld, kSecretUnusable.
  Result<std::shared_ptr<const capability::Grants>> grants(const manifest::FunctionSpec& spec);
  // The same without an operator's file (`godwit run`): folders of the host by path of the guest,
  // instead of what the function asks for there or besides; secrets are our own variables.
  struct HostFolder {
    std::string guest;
    std::string host;
  };
  Result<std::shared_ptr<const capability::Grants>> grants_of_user(
      const manifest::FunctionSpec& spec, const std::vector<HostFolder>& folders);

  // Lets go of what nobody holds any more: folders, the tmpfs of functions that are gone.
  void purge();

 private:
  struct Volume {
    std::string path;
    std::uint64_t max_size_bytes = 0;
    std::uint32_t max_files = 0;
    bool writable = false;
    std::uint64_t device = 0;  // of what stood at the path
    std::uint64_t inode = 0;
    std::shared_ptr<capability::HostVolume> opened;
    std::array<std::shared_ptr<capability::FolderSource>, 2> sources;  // by Access
  };
  struct FunctionTmpfs {
    std::shared_ptr<capability::MemoryFileSystem> files;
    std::shared_ptr<capability::FolderSource> source;
  };
  using Source = std::shared_ptr<capability::FolderSource>;

  std::string path_of(const manifest::VolumeSpec& spec) const;
  Result<Source> volume_source(const manifest::VolumeMount& mount);
  Result<Source> host_source(const std::string& path);
  std::shared_ptr<const capability::OutboundGrant> outbound_grant(
      const manifest::FunctionSpec& spec);
  Source tmpfs_source(const std::string& function, const std::string& path,
                      const manifest::TmpfsMount& mount);

  const std::shared_ptr<capability::MemoryBudget> memory_;
  const std::shared_ptr<capability::HandleBudget> handles_;
  std::shared_ptr<const manifest::Manifest> manifest_;
  std::string folder_;
  SecretStore secrets_;
  std::map<std::string, Volume> volumes_;                                        // by name
  std::map<std::pair<std::string, std::string>, FunctionTmpfs> function_tmpfs_;  // function, path
  std::map<std::pair<std::uint64_t, std::uint32_t>, Source> private_tmpfs_;      // bytes, nodes
  // By function and hosts: connections are kept per grant.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const capability::OutboundGrant>>
      outbound_;
};

// The same objects at the same places? Either may be null.
bool same_grants(const capability::Grants* first, const capability::Grants* second);

}  // namespace godwit::registry
