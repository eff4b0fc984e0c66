#include "registry/grantor_secrets.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace godwit::registry {
namespace {

tl::unexpected<Error> unusable(std::string_view what, std::string_view why, std::string hint = {}) {
  return fail(ErrorCode::kSecretUnusable, fmt::format("{}: {}", what, why), std::move(hint));
}

Result<void> check_file(int fd, const std::string& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return unusable(path, errno_text());
  if (!S_ISREG(status.st_mode)) return unusable(path, "it is not a regular file");
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return unusable(path, fmt::format("it belongs to another user (uid {})", status.st_uid),
                    fmt::format("chown {} {}", ::geteuid(), path));
  }
  const unsigned mode = status.st_mode & 07777U;
  if ((mode & (S_IRWXG | S_IRWXO)) != 0) {
    return unusable(path, fmt::format("its group or others have access to it (mode {:04o})", mode),
                    fmt::format("chmod 600 {}", path));
  }
  return {};
}

Result<void> check_value(std::string_view what, std::string_view value) {
  if (value.size() > kMaxSecretBytes) {
    return unusable(what, fmt::format("it is longer than {} bytes", kMaxSecretBytes));
  }
  if (value.find('\0') != std::string_view::npos) return unusable(what, "it holds a NUL byte");
  return {};
}

// A core dump of us would hold the memory of guests, which were given secrets; and nobody else of
// this user attaches to us. Under a sanitizer, which looks at the process from outside, not.
void hide_process() {
#ifndef GODWIT_SANITIZED
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

}  // namespace

Result<std::shared_ptr<const Secret>> read_secret_file(const std::string& path) {
  // A link could be turned to any file that we can read; a pipe must not hold us.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) {
    return unusable(path, errno == ELOOP ? "it is a symbolic link" : errno_text());
  }
  if (auto checked = check_file(fd.get(), path); !checked) return fail(std::move(checked.error()));
  hide_process();
  // Room for the newline and for seeing that there is more. Wiped whatever happens.
  struct Buffer {
    std::vector<char> bytes = std::vector<char>(kMaxSecretBytes + 2);
    ~Buffer() { wipe(bytes.data(), bytes.size()); }
  } buffer;
  std::size_t size = 0;
  while (size < buffer.bytes.size()) {
    const ssize_t count = ::read(fd.get(), buffer.bytes.data() + size, buffer.bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unusable(path, errno_text());
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  std::string_view value(buffer.bytes.data(), size);
  if (value.ends_with('\n')) value.remove_suffix(1);
  if (auto checked = check_value(path, value); !checked) return fail(std::move(checked.error()));
  return std::make_shared<const Secret>(value);
}

void SecretStore::take_variable(const std::string& name) {
  char* const value = std::getenv(name.c_str());  // NOLINT: the control plane's thread
  if (value == nullptr) return;
  hide_process();
  const std::size_t size = std::strlen(value);
  variables_[name] = std::make_shared<const Secret>(std::string_view(value, size));
  // First where it stands: /proc/PID/environ shows that memory.
  wipe(value, size);
  ::unsetenv(name.c_str());
}

void SecretStore::take_environment(const manifest::Manifest& manifest) {
  for (const manifest::SecretSpec& spec : manifest.secrets) {
    const auto* const variable = std::get_if<manifest::SecretVariable>(&spec.source);
    if (variable != nullptr && !variables_.contains(variable->name)) take_variable(variable->name);
  }
}

void SecretStore::reload() {
  for (auto& [path, file] : files_) file.fresh = false;
}

Result<std::shared_ptr<const Secret>> SecretStore::variable(const std::string& name) {
  if (!variables_.contains(name)) take_variable(name);
  const auto found = variables_.find(name);
  const std::string what = fmt::format("the environment variable {}", name);
  if (found == variables_.end()) return unusable(what, "it is not set");
  if (auto checked = check_value(what, found->second->reveal()); !checked) {
    return fail(std::move(checked.error()));
  }
  return found->second;
}

Result<std::shared_ptr<const Secret>> SecretStore::get(const manifest::SecretSpec& spec,
                                                       const std::string& folder) {
  if (const auto* const source = std::get_if<manifest::SecretVariable>(&spec.source)) {
    auto value = variable(source->name);
    if (!value) value.error().detail = fmt::format("{}: {}", spec.name, value.error().detail);
    return value;
  }
  const std::string& written = std::get<manifest::SecretFile>(spec.source).path;
  const std::string path = written.starts_with('/') ? written : folder + "/" + written;
  File& file = files_[path];
  if (file.fresh) return file.value;
  auto value = read_secret_file(path);
  if (!value) {
    value.error().detail = fmt::format("{}: {}", spec.name, value.error().detail);
    return value;
  }
  const bool same = file.value != nullptr && file.value->reveal() == (*value)->reveal();
  if (!same) file.value = std::move(*value);
  file.fresh = true;
  return file.value;
}

}  // namespace godwit::registry
