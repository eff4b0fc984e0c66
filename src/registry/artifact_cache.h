// ArtifactCache: compiled code on disk, by the digest of the module and the engine's fingerprint.
//
// Loading native code from a file is running it, so nothing is used in place: the file is copied
// into a memfd, sealed against every change, and only then is its HMAC (the node's key) checked,
// over the sealed bytes and over what they are said to be (digest, fingerprint, sizes). What does
// not match is removed and reported, never run.
//
//   auto entry = cache.load(digest, engine.fingerprint());
//   if (entry && *entry) return engine.load(std::move((*entry)->artifact), options);
//   // compile, then:
//   auto stored = cache.store(digest, engine.fingerprint(), {.code = output.artifact, .wasm = {}});
//
// Thread-safe, and safe between processes that share the folder: files appear by rename only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"
#include "engine/engine.h"
#include "registry/state_dir.h"

namespace godwit::registry {

struct ArtifactCacheOptions {
  std::uint64_t total_bytes_max = std::uint64_t{2} << 30;    // least recently used go first
  std::uint64_t entry_bytes_max = std::uint64_t{640} << 20;  // a larger file is not read
};

// What one entry holds.
struct CachedArtifact {
  engine::Artifact artifact;
  Bytes wasm;  // the binary module when the source was text, else empty
};

struct ArtifactParts {
  ByteSpan code;
  ByteSpan wasm;  // empty unless the source was text
};

class ArtifactCache final {
 public:
  // Uses the folder `artifacts` of the state folder. Errors: kStateDirUnusable.
  static Result<ArtifactCache> open(const StateDir& state, const ArtifactCacheOptions& options);

  // The entry; nothing when there is none. Errors: kArtifactInvalid when there was one that does
  // not match (it has been removed; make it again and store it), kSystemCall.
  Result<std::optional<CachedArtifact>> load(const Digest& module,
                                             std::string_view fingerprint) const;
  // Durable when it returns. Replaces an entry of the same key. Then collects what is too much.
  // Errors: kSystemCall, kStateDirUnusable (disk full, read-only): the caller may go on without.
  Result<void> store(const Digest& module, std::string_view fingerprint,
                     const ArtifactParts& parts) const;
  // Removes least recently used entries until the rest fits total_bytes_max, and left-overs of
  // interrupted stores. Returns the bytes that remain.
  Result<std::uint64_t> collect() const;

  // The file's name below the folder, for tests and `doctor`.
  static std::string entry_name(const Digest& module, std::string_view fingerprint);

 private:
  ArtifactCache(Fd folder, const NodeKey& key, const ArtifactCacheOptions& options)
      : folder_(std::move(folder)), key_(key), options_(options) {}

  Fd folder_;
  NodeKey key_;
  ArtifactCacheOptions options_;
};

// The same without a file: copies `code` into a sealed memfd. Errors: kSystemCall.
Result<engine::Artifact> seal_artifact(ByteSpan code);

}  // namespace godwit::registry
