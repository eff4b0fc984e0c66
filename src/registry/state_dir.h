// StateDir: the folder where Godwit keeps what outlives a run: the node's key and compiled
// artifacts. Private to its user (mode 0700); one that others can write is refused, since whoever
// can write it could hand us code.
//
//   auto state = registry::StateDir::open({.path = options.state_dir});  // "" = the default place
//   if (!state) return fail(std::move(state.error()));                   // kStateDirUnusable
//   auto cache = registry::ArtifactCache::open(*state, {});
//
// Immutable after open(); safe from any thread. Several processes may share one state folder.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"

namespace godwit::registry {

// 32 random bytes that never leave this machine: authenticates what this node compiled. The
// compile children never see it.
using NodeKey = std::array<std::byte, 32>;

struct StateDirOptions {
  std::string path;  // empty: default_state_path()
};

// $XDG_STATE_HOME/godwit, else $HOME/.local/state/godwit. Errors: kStateDirUnusable when neither
// variable holds an absolute path.
Result<std::string> default_state_path();

class StateDir final {
 public:
  // Opens the folder; makes it and its missing parents with mode 0700. Makes the node's key at the
  // first use. Errors: kStateDirUnusable.
  static Result<StateDir> open(const StateDirOptions& options);

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }
  const NodeKey& key() const { return key_; }

  // Opens (making it where needed) a private folder below. `name` is one path segment.
  Result<Fd> subfolder(const char* name) const;

 private:
  StateDir(std::string path, Fd fd, const NodeKey& key)
      : path_(std::move(path)), fd_(std::move(fd)), key_(key) {}

  std::string path_;
  Fd fd_;
  NodeKey key_;
};

}  // namespace godwit::registry
