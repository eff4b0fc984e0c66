#include "cli/confine_server.h"

#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confinement/landlock.h"
#include "confinement/syscall_filter.h"
#include "registry/test_folder.h"

namespace godwit::cli {
namespace {

using confinement::Root;
using confinement::RootAccess;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kNotDone = 99;

class ConfineServer : public testing::Test {
 protected:
  ConfineServer() {
    for (const char* const folder : {"site", "pictures", "keys", "modules", "elsewhere"}) {
      files_.write(std::string(folder) + "/file", "content");
    }
    auto file = OperatorFile::locate({.path = files_.path("site"), .limits = {}});
    CHECK(file.has_value());
    file_.emplace(std::move(*file));
  }

  manifest::Manifest parse(const std::string& text) const {
    auto manifest = manifest::parse_manifest(text, {.filename = "godwit.toml"});
    CHECK(manifest.has_value(), manifest.error().text());
    return std::move(*manifest);
  }
  std::vector<Root> roots(const std::string& text) const {
    const manifest::Manifest manifest = parse(text);
    return configured_roots({.file = *file_, .manifest = &manifest});
  }
  // The exit code of `act` in a child that is confined to the roots of `text`.
  template <class Act>
  int confined(const std::string& text, ConfinementMode mode, Act act) const {
    const auto declared = roots(text);
    const pid_t child = ::fork();
    if (child == 0) {
      auto confinement = ServerConfinement::apply(mode, declared);
      ::_exit(confinement ? act(*confinement) : kNotDone);
    }
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
  }

  const registry::TestFolder files_;
  std::optional<OperatorFile> file_;
};

constexpr const char* kSite = R"(
[function.a]
source = "a.wasm"
[function.b]
source = "../modules/b.wasm"
[volume.pictures]
path = "../pictures"
modes = ["read", "write"]
[volume.shown]
path = "shown"
[secret.KEY]
file = "../keys/key"
[secret.OTHER]
environment = "OTHER"
)";

TEST_F(ConfineServer, RootsAreWhatTheConfigurationNames) {
  const std::string site = files_.path("site");
  std::vector<std::pair<std::string, RootAccess>> found;
  for (const Root& root : roots(kSite)) found.emplace_back(root.path, root.access);
  EXPECT_THAT(found, testing::UnorderedElementsAre(
                         std::pair(site, RootAccess::kRead), std::pair(site, RootAccess::kRead),
                         std::pair(site + "/../modules", RootAccess::kRead),
                         std::pair(site + "/../pictures", RootAccess::kWrite),
                         std::pair(site + "/shown", RootAccess::kRead),
                         std::pair(site + "/../keys", RootAccess::kReadFile)));
}

TEST_F(ConfineServer, LinksCountWhereTheOperatorAllowsThem) {
  std::filesystem::create_symlink(files_.path("elsewhere/file"), files_.path("site/one.wat"));
  std::filesystem::create_directory_symlink(files_.path("modules"), files_.path("site/more"));
  std::filesystem::create_symlink("file", files_.path("site/inner.wat"));
  const auto allowed =
      configured_roots({.file = *file_, .unsafe_files = registry::UnsafeFiles::kAllow});
  std::vector<std::pair<std::string, RootAccess>> found;
  for (const Root& root : allowed) found.emplace_back(root.path, root.access);
  EXPECT_THAT(found, testing::UnorderedElementsAre(
                         std::pair(files_.path("site"), RootAccess::kRead),
                         std::pair(files_.path("elsewhere/file"), RootAccess::kReadFile),
                         std::pair(files_.path("modules"), RootAccess::kRead)));
  EXPECT_EQ(configured_roots({.file = *file_}).size(), 1u);
}

TEST_F(ConfineServer, WhatIsNotDeclaredIsGone) {
  if (confinement::landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  const auto opening = [&](const std::string& path, int flags) {
    return confined(kSite, ConfinementMode::kRequired, [&](const ServerConfinement&) {
      return ::open(path.c_str(), flags, 0600) < 0 ? errno : 0;
    });
  };
  EXPECT_EQ(opening(files_.path("site/file"), O_RDONLY), 0);
  EXPECT_EQ(opening(files_.path("site/file"), O_WRONLY), EACCES);
  EXPECT_EQ(opening(files_.path("pictures/new"), O_WRONLY | O_CREAT), 0);
  EXPECT_EQ(opening(files_.path("keys/file"), O_RDONLY), 0);
  EXPECT_EQ(opening(files_.path("keys"), O_RDONLY | O_DIRECTORY), EACCES);
  EXPECT_EQ(opening(files_.path("elsewhere/file"), O_RDONLY), EACCES);
  EXPECT_EQ(opening("/etc/passwd", O_RDONLY), EACCES);
}

TEST_F(ConfineServer, AReloadThatNeedsMoreNeedsARestart) {
  if (confinement::landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  const std::string same = kSite;
  EXPECT_EQ(confined(same, ConfinementMode::kRequired,
                     [&](const ServerConfinement& confinement) {
                       return confinement.check(roots(same)) ? 0 : 1;
                     }),
            0);
  const std::string more = same + "[volume.elsewhere]\npath = \"../elsewhere\"\n";
  EXPECT_EQ(confined(same, ConfinementMode::kRequired,
                     [&](const ServerConfinement& confinement) {
                       const auto done = confinement.check(roots(more));
                       if (done || done.error().code != ErrorCode::kRestartNeeded) return 1;
                       const std::string& detail = done.error().detail;
                       const bool names = detail.find("godwit.toml:15:1") != std::string::npos &&
                                          detail.find("\"elsewhere\"") != std::string::npos &&
                                          detail.find("/../elsewhere ") != std::string::npos;
                       return names ? 0 : 2;
                     }),
            0);
  // A volume that was read only.
  const std::string wider = "[volume.p]\npath = \"../pictures\"\nmodes = [\"read\", \"write\"]\n";
  EXPECT_EQ(confined("[volume.p]\npath = \"../pictures\"\n", ConfinementMode::kRequired,
                     [&](const ServerConfinement& confinement) {
                       return confinement.check(roots(wider)) ? 0 : 1;
                     }),
            1);
}

TEST_F(ConfineServer, OffIsOff) {
  EXPECT_EQ(
      confined(kSite, ConfinementMode::kOff,
               [&](ServerConfinement& confinement) {
                 if (!confinement.settle() || !confinement.check(roots("[volume.e]\npath='/'")))
                   return 1;
                 if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) return 2;
                 return ::open(files_.path("elsewhere/file").c_str(), O_RDONLY) < 0 ? 3 : 0;
               }),
      0);
}

TEST_F(ConfineServer, SettledItMakesNoSockets) {
  if (!confinement::has_seccomp()) GTEST_SKIP() << "this kernel has no seccomp";
  EXPECT_EQ(confined(kSite, ConfinementMode::kBestEffort,
                     [](ServerConfinement& confinement) {
                       if (::socket(AF_INET, SOCK_STREAM, 0) < 0) return kNotDone;
                       if (!confinement.settle()) return kNotDone;
                       return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
                     }),
            EPERM);
}

TEST(ConfinementMode, IsReadFromItsText) {
  EXPECT_EQ(confinement_mode("required"), ConfinementMode::kRequired);
  EXPECT_EQ(confinement_mode("off"), ConfinementMode::kOff);
  EXPECT_EQ(confinement_mode("best-effort"), ConfinementMode::kBestEffort);
  EXPECT_EQ(confinement_mode(""), ConfinementMode::kBestEffort);
}

}  // namespace
}  // namespace godwit::cli
