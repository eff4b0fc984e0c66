#include "confinement/landlock.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace godwit::confinement {
namespace {

// linux/landlock.h of Linux 6.12, under names of our own: the installed one may be older.
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t tcp = 0;    // since version 4
  std::uint64_t scope = 0;  // since version 6
};
constexpr std::uint64_t kExecute = 1U << 0;
constexpr std::uint64_t kWriteFile = 1U << 1;
constexpr std::uint64_t kReadFile = 1U << 2;
constexpr std::uint64_t kReadFolder = 1U << 3;
constexpr std::uint64_t kRemoveFolder = 1U << 4;
constexpr std::uint64_t kRemoveFile = 1U << 5;
constexpr std::uint64_t kMakeFolder = 1U << 7;
constexpr std::uint64_t kMakeFile = 1U << 8;
constexpr std::uint64_t kMakeLink = 1U << 12;
constexpr std::uint64_t kRefer = 1U << 13;     // since version 2
constexpr std::uint64_t kTruncate = 1U << 14;  // since version 3
constexpr std::uint64_t kDevice = 1U << 15;    // since version 5
constexpr std::uint64_t kAllOfVersion1 = (1U << 13) - 1;
constexpr std::uint64_t kBindTcp = 1U << 0;
constexpr std::uint64_t kConnectTcp = 1U << 1;
constexpr int kPortRule = 2;  // LANDLOCK_RULE_NET_PORT
struct PortRule {
  std::uint64_t allowed = 0;
  std::uint64_t port = 0;
};
constexpr std::uint64_t kAbstractSockets = 1U << 0;
constexpr std::uint64_t kSignals = 1U << 1;

// Rights that mean something for a single file.
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDevice;

struct Part {
  int version;
  std::string_view text;
};
constexpr std::array kParts = {Part{1, "files"},      Part{2, "renaming across folders"},
                               Part{3, "truncation"}, Part{4, "TCP"},
                               Part{5, "devices"},    Part{6, "signals and abstract sockets"}};

std::uint64_t file_rights(int abi) {
  std::uint64_t rights = kAllOfVersion1;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kDevice;
  return rights;
}

std::uint64_t rights_of(const FileRoots::OpenRoot& root, int abi) {
  std::uint64_t rights = kReadFile;
  if (root.root.access != RootAccess::kReadFile) rights |= kReadFolder;
  if (root.root.access == RootAccess::kWrite) {
    rights |= kWriteFile | kRemoveFile | kRemoveFolder | kMakeFile | kMakeFolder | kMakeLink |
              kRefer | kTruncate;
  }
  if (!root.is_folder) rights &= kOfFiles;
  return rights & file_rights(abi);
}

tl::unexpected<Error> missing(std::string_view what) {
  return fail(ErrorCode::kConfinementMissing, fmt::format("{}: {}", what, errno_text()));
}

std::string parts_text(bool known, int abi) {
  std::vector<std::string_view> parts;
  for (const Part& part : kParts) {
    if ((part.version <= abi) == known) parts.push_back(part.text);
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

// Asked once: a system call filter that comes later refuses the question.
int landlock_abi() {
  static const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

std::string landlock_text(int abi) { return parts_text(true, abi); }
std::string landlock_gaps(int abi) { return parts_text(false, abi); }

Result<Fd> make_landlock(const FileRoots& roots, const LandlockOptions& options) {
  const int abi = landlock_abi();
  if (abi == 0) {
    return fail(ErrorCode::kConfinementMissing, "Landlock: the kernel has none, or not enabled");
  }
  RulesetAttributes attributes{.files = file_rights(abi)};
  std::size_t size = sizeof(attributes.files);
  if (abi >= 4) {
    attributes.tcp = options.tcp == TcpRule::kNoConnect ? kConnectTcp : kConnectTcp | kBindTcp;
    size += sizeof(attributes.tcp);
  }
  if (abi >= 6) {
    attributes.scope = kAbstractSockets | kSignals;
    size += sizeof(attributes.scope);
  }
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return missing("landlock_create_ruleset");
  for (const FileRoots::OpenRoot& root : roots.roots()) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights_of(root, abi);
    rule.parent_fd = root.fd.get();
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) !=
        0) {
      return missing("landlock_add_rule: " + root.root.path);
    }
  }
  for (const std::uint16_t port : options.connect_ports) {
    if (abi < 4) break;
    const PortRule rule{.allowed = kConnectTcp, .port = port};
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), kPortRule, &rule, 0) != 0) {
      return missing(fmt::format("landlock_add_rule: port {}", port));
    }
  }
  return ruleset;
}

Result<void> enter_landlock(int ruleset) {
  if (::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    return missing("landlock_restrict_self");
  }
  return {};
}

Result<void> restrict_files(const FileRoots& roots, const LandlockOptions& options) {
  const auto ruleset = make_landlock(roots, options);
  if (!ruleset) return fail(ruleset.error());
  return enter_landlock(ruleset->get());
}

}  // namespace godwit::confinement
