// Grants: what the operator hands to the invocations of one function beside its streams, clock and
// random bytes. An invocation reaches nothing that is not in here.
//
// Immutable and shared by all workers; FolderSource is thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "capability/file_system.h"
#include "capability/outbound_http.h"

namespace godwit::capability {

// Where the folder at a path of the guest comes from.
class FolderSource {
 public:
  virtual ~FolderSource() = default;
  // The folder's root for one invocation: made anew for it (a private tmpfs) or shared. Asked when
  // the guest first touches the folder; never blocks.
  virtual std::shared_ptr<Folder> root() = 0;
};

struct FileGrant {
  std::string path;  // of the guest: "/data"
  std::shared_ptr<FolderSource> source;
};

struct SecretGrant {
  std::string name;  // of the environment variable
  std::shared_ptr<const Secret> value;
};

struct Grants {
  std::vector<FileGrant> files;      // in the order of their descriptors, from 3 on
  std::vector<SecretGrant> secrets;  // names unique, none of them a configured variable
  std::shared_ptr<const OutboundGrant> outbound;  // null: no outbound HTTP
};

}  // namespace godwit::capability
