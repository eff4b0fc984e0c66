#include "registry/artifact_cache.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "registry/artifact_format.h"
#include "registry/memory_file.h"
#include "registry/ownership.h"

namespace godwit::registry {
namespace {

constexpr std::string_view kSuffix = ".artifact";
constexpr std::string_view kTemporaryPrefix = "tmp-";
constexpr std::time_t kTemporaryAgeSeconds = 3600;
constexpr std::size_t kMaxEntries = 100'000;

tl::unexpected<Error> invalid(std::string_view name, std::string_view why) {
  return fail(ErrorCode::kArtifactInvalid, fmt::format("{}: {}", name, why));
}

// Why the file is not one that store() wrote; empty: it may be.
std::string refuse_file(const struct stat& status, std::uint64_t bytes_max) {
  if (!S_ISREG(status.st_mode)) return "not a regular file";
  if (std::string reason = foreign_writer(status); !reason.empty()) return reason;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size < sizeof(ArtifactTrailer)) return "too short";
  if (size > bytes_max) return "too large";
  return {};
}

// Moves the first `size` bytes of a file into a sealed memory file; nothing when it ends before.
Result<std::optional<Fd>> sealed_part(int file, std::uint64_t size) {
  auto memory = make_memory_file("godwit-code");
  if (!memory) return fail(memory.error());
  off_t offset = 0;
  while (static_cast<std::uint64_t>(offset) < size) {
    const ssize_t count =
        ::sendfile(memory->get(), file, &offset, size - static_cast<std::uint64_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorCode::kSystemCall, "sendfile: " + errno_text());
    if (count == 0) return std::optional<Fd>();
  }
  if (auto sealed = seal(memory->get()); !sealed) return fail(sealed.error());
  return std::optional<Fd>(std::move(*memory));
}

struct Wanted {
  const std::string& name;
  const Digest& module;
  std::string_view fingerprint;
  const NodeKey& key;
};

// Checks what was read against its trailer, and the trailer against what was asked for.
Result<void> verify(const Wanted& wanted, const ArtifactTrailer& trailer, ByteSpan code,
                    ByteSpan wasm) {
  const ArtifactTrailer expected = make_trailer(wanted.module, wanted.fingerprint, code, wasm);
  if (!same_digest(artifact_hmac(wanted.key, code, wasm, trailer), trailer.hmac)) {
    return invalid(wanted.name, "its authentication code does not match");
  }
  if (trailer.magic != expected.magic || trailer.format != expected.format) {
    return invalid(wanted.name, "it was written by another version");
  }
  if (!same_digest(trailer.module, expected.module)) {
    return invalid(wanted.name, "it is of another module");
  }
  if (!same_digest(trailer.fingerprint, expected.fingerprint)) {
    return invalid(wanted.name, "it is of another engine");
  }
  return {};
}

Result<CachedArtifact> read_entry(const Fd& file, const Wanted& wanted, std::uint64_t bytes_max) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(ErrorCode::kSystemCall, errno_text());
  if (const std::string reason = refuse_file(status, bytes_max); !reason.empty()) {
    return invalid(wanted.name, reason);
  }
  const std::uint64_t body = static_cast<std::uint64_t>(status.st_size) - sizeof(ArtifactTrailer);
  ArtifactTrailer trailer;
  const auto trailer_read =
      read_exactly(file.get(), {reinterpret_cast<std::byte*>(&trailer), sizeof(trailer)}, body);
  if (!trailer_read) return fail(trailer_read.error());
  if (!*trailer_read || trailer.code_bytes > body ||
      trailer.wasm_bytes != body - trailer.code_bytes) {
    return invalid(wanted.name, "its sizes do not match");
  }
  CachedArtifact entry;
  entry.wasm.resize(trailer.wasm_bytes);
  const auto wasm_read = read_exactly(file.get(), entry.wasm, trailer.code_bytes);
  if (!wasm_read) return fail(wasm_read.error());
  auto code = sealed_part(file.get(), trailer.code_bytes);
  if (!code) return fail(code.error());
  if (!*wasm_read || !*code) return invalid(wanted.name, "it shrank while it was read");
  const auto mapping = Mapping::open((*code)->get(), trailer.code_bytes);
  if (!mapping) return fail(mapping.error());
  if (auto verified = verify(wanted, trailer, mapping->bytes(), entry.wasm); !verified) {
    return fail(verified.error());
  }
  entry.artifact = {std::move(**code), trailer.code_bytes};
  return entry;
}

std::string temporary_name() {
  std::array<std::byte, 8> random{};
  static std::atomic<std::uint32_t> counter{0};
  // Without randomness the process and the counter still make it unique on this machine.
  if (::getrandom(random.data(), random.size(), GRND_NONBLOCK) < 0) random = {};
  return fmt::format("{}{}-{}-{}", kTemporaryPrefix, ::getpid(), counter++, to_hex(random));
}

Result<void> write_entry(int folder, const std::string& temporary, const std::string& name,
                         std::initializer_list<ByteSpan> parts) {
  const auto system_error = [&](std::string_view what) {
    return fail(ErrorCode::kSystemCall, fmt::format("{} of {}: {}", what, name, errno_text()));
  };
  const Fd file(::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return system_error("creation");
  for (const ByteSpan part : parts) {
    if (auto written = write_all(file.get(), part); !written) return written;
  }
  if (::fsync(file.get()) != 0) return system_error("fsync");
  if (::renameat(folder, temporary.c_str(), folder, name.c_str()) != 0)
    return system_error("rename");
  if (::fsync(folder) != 0) return system_error("fsync of the folder");
  return {};
}

struct Entry {
  std::string name;
  std::uint64_t size_bytes;
  timespec used;
};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// Every entry; removes temporary files that an interrupted store left behind.
Result<std::vector<Entry>> list_entries(int folder) {
  Fd copy(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, CloseFolder> stream(copy.valid() ? ::fdopendir(copy.get()) : nullptr);
  if (!stream) return fail(ErrorCode::kSystemCall, "the folder of artifacts: " + errno_text());
  copy.release();  // the stream's now
  std::vector<Entry> entries;
  while (const dirent* const item = ::readdir(stream.get())) {
    const std::string_view name = item->d_name;
    struct stat status{};
    if (::fstatat(folder, item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (name.starts_with(kTemporaryPrefix)) {
      if (status.st_mtim.tv_sec + kTemporaryAgeSeconds < std::time(nullptr)) {
        ::unlinkat(folder, item->d_name, 0);
      }
    } else if (name.ends_with(kSuffix) && entries.size() < kMaxEntries) {
      entries.push_back(
          {std::string(name), static_cast<std::uint64_t>(status.st_size), status.st_mtim});
    }
  }
  return entries;
}

}  // namespace

Result<ArtifactCache> ArtifactCache::open(const StateDir& state,
                                          const ArtifactCacheOptions& options) {
  auto folder = state.subfolder("artifacts");
  if (!folder) return fail(std::move(folder.error()));
  return ArtifactCache(std::move(*folder), state.key(), options);
}

std::string ArtifactCache::entry_name(const Digest& module, std::string_view fingerprint) {
  const Digest engine = sha256(as_bytes(fingerprint));
  return fmt::format("{}-{}{}", to_hex(module), to_hex(ByteSpan(engine).first(8)), kSuffix);
}

Result<std::optional<CachedArtifact>> ArtifactCache::load(const Digest& module,
                                                          std::string_view fingerprint) const {
  const std::string name = entry_name(module, fingerprint);
  const Fd file(
      ::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT) return std::optional<CachedArtifact>();
    const std::string reason = errno == ELOOP ? "it is a symbolic link" : errno_text();
    ::unlinkat(folder_.get(), name.c_str(), 0);
    return invalid(name, reason);
  }
  auto entry = read_entry(file, {name, module, fingerprint, key_}, options_.entry_bytes_max);
  if (!entry) {
    if (entry.error().code == ErrorCode::kArtifactInvalid) {
      // A folder of that name can't be unlinked; store() will say so.
      ::unlinkat(folder_.get(), name.c_str(), 0);
    }
    return fail(std::move(entry.error()));
  }
  ::futimens(file.get(), nullptr);  // collect() goes by this; not worth an error
  return std::optional<CachedArtifact>(std::move(*entry));
}

Result<void> ArtifactCache::store(const Digest& module, std::string_view fingerprint,
                                  const ArtifactParts& parts) const {
  const std::string name = entry_name(module, fingerprint);
  ArtifactTrailer trailer = make_trailer(module, fingerprint, parts.code, parts.wasm);
  trailer.hmac = artifact_hmac(key_, parts.code, parts.wasm, trailer);
  const std::uint64_t total = sizeof(trailer) + parts.code.size() + parts.wasm.size();
  if (total > options_.entry_bytes_max) {
    return fail(ErrorCode::kSystemCall, fmt::format("{}: {} bytes are too many", name, total));
  }
  const std::string temporary = temporary_name();
  const ByteSpan described(reinterpret_cast<const std::byte*>(&trailer), sizeof(trailer));
  auto written = write_entry(folder_.get(), temporary, name, {parts.code, parts.wasm, described});
  if (!written) {
    ::unlinkat(folder_.get(), temporary.c_str(), 0);
    return written;
  }
  if (auto collected = collect(); !collected) return fail(collected.error());
  return {};
}

Result<std::uint64_t> ArtifactCache::collect() const {
  auto entries = list_entries(folder_.get());
  if (!entries) return fail(entries.error());
  std::sort(entries->begin(), entries->end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  std::uint64_t total = 0;
  for (const Entry& entry : *entries) total += entry.size_bytes;
  for (const Entry& entry : *entries) {
    if (total <= options_.total_bytes_max) break;
    if (::unlinkat(folder_.get(), entry.name.c_str(), 0) == 0) total -= entry.size_bytes;
  }
  return total;
}

Result<engine::Artifact> seal_artifact(ByteSpan code) {
  auto file = sealed_copy("godwit-code", code);
  if (!file) return fail(file.error());
  return engine::Artifact{std::move(*file), code.size()};
}

}  // namespace godwit::registry
