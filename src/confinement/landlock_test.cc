// What a process that entered Landlock can still do, asked from inside, in a child each.
#include "confinement/landlock.h"

#include <cerrno>
#include <csignal>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "confinement/privileges.h"
#include "confinement/test_child.h"
#include "confinement/test_tree.h"

namespace godwit::confinement {
namespace {

constexpr int kNotDone = 99;

class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  }

  // The errno (0: none) of `act` in a child that may use inside/ so.
  int confined(RootAccess access, const std::function<int()>& act, TcpRule tcp = {}) const {
    const FileRoots roots = FileRoots::open({{tree_.path("inside"), access, "test"}});
    return in_child([&] {
             if (!forbid_new_privileges() || !restrict_files(roots, {.tcp = tcp})) return kNotDone;
             return act();
           })
        .code;
  }
  int opening(RootAccess access, const std::string& path, int flags) const {
    return confined(access, [&] { return ::open(path.c_str(), flags, 0600) < 0 ? errno : 0; });
  }

  TestTree tree_;
};

TEST_F(Landlock, FilesOutsideTheRootsCannotBeOpened) {
  EXPECT_EQ(opening(RootAccess::kRead, tree_.path("inside/deep/file"), O_RDONLY), 0);
  EXPECT_EQ(opening(RootAccess::kRead, tree_.path("inside/deep"), O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(opening(RootAccess::kRead, tree_.path("outside/file"), O_RDONLY), EACCES);
  EXPECT_EQ(opening(RootAccess::kRead, tree_.path("inside/../outside/file"), O_RDONLY), EACCES);
  EXPECT_EQ(opening(RootAccess::kRead, "/etc/passwd", O_RDONLY), EACCES);
  EXPECT_EQ(opening(RootAccess::kRead, "/proc/self/environ", O_RDONLY), EACCES);
  std::filesystem::create_symlink("/etc/passwd", tree_.path("inside/link"));
  EXPECT_EQ(opening(RootAccess::kWrite, tree_.path("inside/link"), O_RDONLY), EACCES);
}

TEST_F(Landlock, ReadingIsNotWriting) {
  const std::string file = tree_.path("inside/deep/file");
  EXPECT_EQ(opening(RootAccess::kRead, file, O_WRONLY), EACCES);
  EXPECT_EQ(opening(RootAccess::kRead, tree_.path("inside/new"), O_WRONLY | O_CREAT), EACCES);
  EXPECT_EQ(confined(RootAccess::kRead, [&] { return ::unlink(file.c_str()) != 0 ? errno : 0; }),
            EACCES);
  EXPECT_EQ(opening(RootAccess::kWrite, file, O_WRONLY), 0);
  EXPECT_EQ(opening(RootAccess::kWrite, tree_.path("inside/new"), O_WRONLY | O_CREAT), 0);
}

TEST_F(Landlock, AFolderOfFilesIsNotListed) {
  EXPECT_EQ(opening(RootAccess::kReadFile, tree_.path("inside/deep/file"), O_RDONLY), 0);
  EXPECT_EQ(opening(RootAccess::kReadFile, tree_.path("inside"), O_RDONLY | O_DIRECTORY), EACCES);
}

TEST_F(Landlock, NothingIsMovedInOrOut) {
  const std::string inside = tree_.path("inside/deep/file");
  const std::string outside = tree_.path("outside/file");
  const auto move = [&](const std::string& from, const std::string& to) {
    return confined(RootAccess::kWrite,
                    [&] { return ::rename(from.c_str(), to.c_str()) != 0 ? errno : 0; });
  };
  // EXDEV or EACCES, by what it would have gained.
  EXPECT_NE(move(inside, tree_.path("outside/stolen")), 0);
  EXPECT_NE(move(outside, tree_.path("inside/stolen")), 0);
  EXPECT_TRUE(std::filesystem::exists(inside));
  EXPECT_TRUE(std::filesystem::exists(outside));
  if (landlock_abi() < 2) GTEST_SKIP() << "this Landlock moves nothing between folders";
  EXPECT_EQ(move(inside, tree_.path("inside/moved")), 0);
}

TEST_F(Landlock, NoDeviceSocketOrPipeIsMade) {
  const std::string path = tree_.path("inside/new");
  for (const mode_t kind : {S_IFIFO, S_IFSOCK, S_IFCHR}) {
    EXPECT_EQ(confined(RootAccess::kWrite,
                       [&] { return ::mknod(path.c_str(), kind | 0600, 0) != 0 ? errno : 0; }),
              EACCES)
        << kind;
  }
}

TEST_F(Landlock, NoProgramIsStarted) {
  EXPECT_EQ(confined(RootAccess::kWrite,
                     [] {
                       char* const arguments[] = {const_cast<char*>("true"), nullptr};
                       ::execv("/bin/true", arguments);
                       return errno;
                     }),
            EACCES);
}

TEST_F(Landlock, WhatWasOpenedBeforeGoesOn) {
  // The server's own ways: a folder held open, a descriptor reopened, watching without reading.
  const int folder = ::open(tree_.path("inside").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  ASSERT_GE(folder, 0);
  EXPECT_EQ(confined(RootAccess::kRead,
                     [&] {
                       const int file = ::openat(folder, "deep/file", O_PATH);
                       const std::string self = "/proc/self/fd/" + std::to_string(file);
                       if (::open(self.c_str(), O_RDONLY) < 0) return errno;
                       const int watch = ::inotify_init1(0);
                       return ::inotify_add_watch(watch, self.c_str(), IN_MODIFY) < 0 ? errno : 0;
                     }),
            0);
  EXPECT_EQ(confined(RootAccess::kRead,
                     [&] { return ::openat(folder, "../outside/file", O_RDONLY) < 0 ? errno : 0; }),
            EACCES);
  ::close(folder);
}

// 0, or the errno, of connecting to (or listening on) a port of the loopback.
int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ? errno : 0;
}
int bind_any() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ? errno : 0;
}

TEST_F(Landlock, TcpAsTheRuleSays) {
  if (landlock_abi() < 4) GTEST_SKIP() << "this Landlock knows no network";
  EXPECT_EQ(confined(RootAccess::kRead, [] { return connect_to(1); }, TcpRule::kNoConnect), EACCES);
  // But to a port that was named: there nobody listens.
  EXPECT_EQ(in_child([] {
              const FileRoots none = FileRoots::open({});
              if (!forbid_new_privileges()) return 99;
              if (!restrict_files(none, {.tcp = TcpRule::kNoConnect, .connect_ports = {1}}))
                return 99;
              return connect_to(1) == ECONNREFUSED ? connect_to(2) : 98;
            }).code,
            EACCES);
  EXPECT_EQ(confined(RootAccess::kRead, [] { return bind_any(); }, TcpRule::kNoConnect), 0);
  EXPECT_EQ(confined(RootAccess::kRead, [] { return bind_any(); }, TcpRule::kNothing), EACCES);
}

TEST_F(Landlock, NoSignalAndNoAbstractSocketOutside) {
  if (landlock_abi() < 6) GTEST_SKIP() << "this Landlock knows no scopes";
  EXPECT_EQ(confined(RootAccess::kRead, [] { return ::kill(::getppid(), 0) != 0 ? errno : 0; }),
            EPERM);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "godwit-test-" + std::to_string(::getpid());
  name.copy(address.sun_path + 1, name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  EXPECT_EQ(
      confined(RootAccess::kRead,
               [&] {
                 const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
                 return ::connect(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ? errno : 0;
               }),
      EPERM);
  ::close(listener);
}

TEST_F(Landlock, ItCannotBeTakenBack) {
  EXPECT_EQ(confined(RootAccess::kRead,
                     [&] {
                       const FileRoots all = FileRoots::open({{"/", RootAccess::kWrite, "test"}});
                       if (!restrict_files(all, {})) return kNotDone;
                       return ::open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
                     }),
            EACCES);
}

TEST(LandlockText, SaysWhatIsActiveAndWhatIsNot) {
  EXPECT_EQ(landlock_text(0), "");
  EXPECT_EQ(landlock_text(2), "files, renaming across folders");
  EXPECT_EQ(landlock_gaps(2), "truncation, TCP, devices, signals and abstract sockets");
  EXPECT_EQ(landlock_gaps(6), "");
  EXPECT_EQ(landlock_gaps(99), "");
}

}  // namespace
}  // namespace godwit::confinement
