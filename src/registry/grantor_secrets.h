// SecretStore: the values of secrets, from the operator's files and from our own environment.
//
//   SecretStore store;
//   store.take_environment(manifest);          // before there are threads and children
//   auto value = store.get(*find_secret(manifest, "API_KEY"), "/etc/godwit");
//   if (!value) log(value.error().text());     // E6008: why; never the value
//
// A variable is read once and then gone from the environment (and from /proc/PID/environ), so it is
// remembered for as long as the store lives. A file is read when its secret is first asked for, and
// again after reload(). From the first secret on this process is not dumpable (prctl(2),
// PR_SET_DUMPABLE): guests have secrets in their memory, and a core dump would hold that. One
// thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "manifest/manifest.h"

namespace godwit::registry {

inline constexpr std::size_t kMaxSecretBytes = std::size_t{64} << 10;

class SecretStore final {
 public:
  // Takes the variables that the secrets of `manifest` name out of this process's environment.
  void take_environment(const manifest::Manifest& manifest);
  // Files are read again from now on. A value that is still the same keeps its object.
  void reload();
  // Relative paths start at `folder`. Errors: kSecretUnusable.
  Result<std::shared_ptr<const Secret>> get(const manifest::SecretSpec& spec,
                                            const std::string& folder);
  // A variable of this process's environment, under the same rules, for `godwit run`.
  Result<std::shared_ptr<const Secret>> variable(const std::string& name);

 private:
  struct File {
    std::shared_ptr<const Secret> value;
    bool fresh = false;
  };
  void take_variable(const std::string& name);

  std::map<std::string, std::shared_ptr<const Secret>> variables_;
  std::map<std::string, File> files_;  // by path
};

// Reads a file that nobody but this user and root can read or change. Errors: kSecretUnusable.
Result<std::shared_ptr<const Secret>> read_secret_file(const std::string& path);

}  // namespace godwit::registry
