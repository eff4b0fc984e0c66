#include "registry/state_dir.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "registry/memory_file.h"
#include "registry/ownership.h"

namespace godwit::registry {
namespace {

constexpr const char* kKeyName = "node.key";

tl::unexpected<Error> unusable(std::string_view path, std::string_view why) {
  return fail(ErrorCode::kStateDirUnusable, fmt::format("{} {}", path, why));
}

// mkdir -p; what is missing gets mode 0700.
Result<void> make_folders(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      // Of parents that exist mkdir may also say EROFS or EACCES; only a missing one is a problem.
      const std::string reason = errno_text();
      struct stat status{};
      if (::stat(part.c_str(), &status) != 0) return unusable(part, reason);
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> check_private(int fd, std::string_view path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return unusable(path, errno_text());
  if (const std::string reason = foreign_writer(status); !reason.empty()) {
    return unusable(path, reason);
  }
  return {};
}

Result<void> fill_random(MutableByteSpan out) {
  while (!out.empty()) {
    const ssize_t count = ::getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(ErrorCode::kSystemCall, "getrandom: " + errno_text());
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

// Writes a new key under a name of its own, then links it to its place, which one of several
// processes that start at once wins. Nobody ever sees a part of a key.
Result<void> make_key(int folder, const std::string& path) {
  NodeKey key{};
  std::array<std::byte, 8> suffix{};
  for (const MutableByteSpan random : {MutableByteSpan(key), MutableByteSpan(suffix)}) {
    if (auto done = fill_random(random); !done) return done;
  }
  const std::string temporary = fmt::format("{}.{}", kKeyName, to_hex(suffix));
  const Fd fd(::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return unusable(path, fmt::format("can't take a new file: {}", errno_text()));
  auto written = write_all(fd.get(), key);
  if (written && ::fsync(fd.get()) != 0) written = fail(ErrorCode::kSystemCall, errno_text());
  if (written && ::linkat(folder, temporary.c_str(), folder, kKeyName, 0) != 0 && errno != EEXIST) {
    written = fail(ErrorCode::kSystemCall, errno_text());
  }
  ::unlinkat(folder, temporary.c_str(), 0);
  if (written && ::fsync(folder) != 0) written = fail(ErrorCode::kSystemCall, errno_text());
  if (!written) {
    return unusable(path, fmt::format("can't take the node's key: {}", written.error().detail));
  }
  return {};
}

Result<NodeKey> read_key(int folder, const std::string& path) {
  const std::string key_path = fmt::format("{}/{}", path, kKeyName);
  Fd fd(::openat(folder, kKeyName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) {
    if (auto made = make_key(folder, path); !made) return fail(made.error());
    fd = Fd(::openat(folder, kKeyName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  }
  if (!fd.valid()) return unusable(key_path, errno_text());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return unusable(key_path, errno_text());
  if (!S_ISREG(status.st_mode)) return unusable(key_path, "is not a regular file");
  if (status.st_uid != ::geteuid()) return unusable(key_path, "belongs to another user");
  if ((status.st_mode & 077u) != 0) {
    return unusable(key_path, "can be read by others; remove it, a new one will be made");
  }
  NodeKey key{};
  const auto complete = read_exactly(fd.get(), key, 0);
  if (!complete) return unusable(key_path, complete.error().detail);
  if (!*complete || status.st_size != static_cast<off_t>(key.size())) {
    return unusable(key_path, "has the wrong size; remove it, a new one will be made");
  }
  return key;
}

}  // namespace

Result<std::string> default_state_path() {
  // The XDG specification: a path that is not absolute is to be ignored.
  if (const char* const state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return std::string(state) + "/godwit";
  }
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::string(home) + "/.local/state/godwit";
  }
  return fail(ErrorCode::kStateDirUnusable, "neither XDG_STATE_HOME nor HOME says where it is",
              "Name a folder with --state-dir.");
}

Result<StateDir> StateDir::open(const StateDirOptions& options) {
  std::string path = options.path;
  if (path.empty()) {
    auto found = default_state_path();
    if (!found) return fail(std::move(found.error()));
    path = std::move(*found);
  }
  if (path.find('\0') != std::string::npos) return unusable("it", "holds a NUL character");
  if (auto made = make_folders(path); !made) return fail(made.error());
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return unusable(path, errno_text());
  if (auto checked = check_private(fd.get(), path); !checked) return fail(checked.error());
  const auto key = read_key(fd.get(), path);
  if (!key) return fail(key.error());
  return StateDir(std::move(path), std::move(fd), *key);
}

Result<Fd> StateDir::subfolder(const char* name) const {
  const std::string shown = fmt::format("{}/{}", path_, name);
  if (::mkdirat(fd_.get(), name, 0700) != 0 && errno != EEXIST)
    return unusable(shown, errno_text());
  Fd fd(::openat(fd_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return unusable(shown, errno_text());
  if (auto checked = check_private(fd.get(), shown); !checked) return fail(checked.error());
  return fd;
}

}  // namespace godwit::registry
