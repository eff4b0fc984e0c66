#include "capability/host_folder.h"

#include <array>
#include <map>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/fd.h"
#include "capability/host_test_volume.h"

namespace godwit::capability {
namespace {

constexpr OpenOptions kReadIt{.read = true};
constexpr OpenOptions kWriteIt{.write = true};
constexpr OpenOptions kCreateIt{.read = true, .write = true, .create = true};

ErrorCode code_of(const Result<std::shared_ptr<HostVolume>>& result) {
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(HostVolume, RefusesWhatIsNoUsableFolder) {
  const TestTree tree;
  tree.write("file", "x");
  const auto missing = HostVolume::open({.path = tree.path("missing")});
  EXPECT_EQ(code_of(missing), ErrorCode::kVolumeUnusable);
  EXPECT_NE(missing.error().detail.find("missing"), std::string::npos) << missing.error().detail;
  EXPECT_EQ(code_of(HostVolume::open({.path = tree.path("file")})), ErrorCode::kVolumeUnusable);
  EXPECT_EQ(code_of(HostVolume::open({.path = ""})), ErrorCode::kVolumeUnusable);
}

TEST(HostVolume, TheOperatorsOwnPathMayHaveLinks) {
  const TestTree tree;
  tree.write("real/file", "x");
  tree.link("real", "alias");
  const auto volume = HostVolume::open({.path = tree.path("alias")});
  ASSERT_TRUE(volume);
  EXPECT_EQ(names_in(*(*volume)->root(Access::kRead)), std::vector<std::string>{"file"});
}

// In a process of its own: openat2 answers with `error` from here on.
void forbid_openat2(int error) {
  std::array<sock_filter, 4> code{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

[[noreturn]] void open_without_openat2(const std::string& path, int error) {
  forbid_openat2(error);
  const auto volume = HostVolume::open({.path = path});
  if (volume) std::_Exit(1);
  std::fputs(volume.error().text().c_str(), stderr);
  std::_Exit(code_of(volume) == ErrorCode::kKernelTooOld ? 0 : 2);
}

TEST(HostVolumeDeathTest, AKernelWithoutOpenat2IsRefusedClearly) {
  const TestTree tree;
  EXPECT_EXIT(open_without_openat2(tree.path(""), ENOSYS), testing::ExitedWithCode(0),
              "no openat2");
  EXPECT_EXIT(open_without_openat2(tree.path(""), EPERM), testing::ExitedWithCode(0), "seccomp");
  EXPECT_EXIT(open_without_openat2(tree.path(""), EINVAL), testing::ExitedWithCode(0),
              "RESOLVE_CACHED");
}

TEST(HostVolume, GivesTheSameRootAndOutlivesItsObject) {
  const TestTree tree;
  tree.write("file", "content");
  std::shared_ptr<File> file;
  {
    const auto volume = tree.volume({.writable = true});
    EXPECT_TRUE(volume->writable());
    EXPECT_EQ(volume->root(Access::kRead), volume->root(Access::kRead));
    EXPECT_NE(volume->root(Access::kRead), volume->root(Access::kWrite));
    file = open_file(*volume->root(Access::kRead), "file", kReadIt);
  }
  EXPECT_EQ(read_all(*file), "content");
}

TEST(HostFolder, OpensFilesAndFoldersAndNothingElse) {
  const TestTree tree;
  tree.write("folder/file", "content");
  tree.link("folder/file", "link");
  const auto root = tree.root();
  EXPECT_EQ(read_all(*open_file(*root, "folder/file", kReadIt)), "content");
  EXPECT_EQ(read_all(*open_file(*open_folder(*root, "folder"), "file", kReadIt)), "content");
  EXPECT_EQ(read_all(*open_file(*root, "link", {.read = true, .follow = Follow::kYes})), "content");
  EXPECT_EQ(said(root->open("link", kReadIt, kMayBlock)), "ELOOP");
  EXPECT_EQ(said(root->open("missing", kReadIt, kMayBlock)), "ENOENT");
  EXPECT_EQ(said(root->open("", kReadIt, kMayBlock)), "ENOENT");
  EXPECT_EQ(said(root->open("folder/file/", kReadIt, kMayBlock)), "ENOTDIR");
  EXPECT_EQ(said(root->open("folder/file", {.folder = true}, kMayBlock)), "ENOTDIR");
  EXPECT_EQ(said(root->open("folder", kWriteIt, kMayBlock)), "EISDIR");
  EXPECT_EQ(said(root->open("folder", kCreateIt, kMayBlock)), "EISDIR");
  EXPECT_EQ(said(root->open("folder", {.truncate = true}, kMayBlock)), "EISDIR");
  const auto self = root->open(".", {.folder = true}, kMayBlock);
  ASSERT_TRUE(self);
  EXPECT_EQ(self->folder->info(kMayBlock)->inode, root->info(kMayBlock)->inode);
}

TEST(HostFolder, FifosAndSocketsAreSeenButNeitherOpenedNorHangs) {
  const TestTree tree;
  ASSERT_EQ(::mkfifo(tree.path("fifo").c_str(), 0666), 0);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_LT(tree.path("socket").size(), sizeof(address.sun_path));
  std::strcpy(address.sun_path, tree.path("socket").c_str());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  tree.link("fifo", "to_fifo");

  const auto root = tree.root();
  for (const char* const name : {"fifo", "socket", "to_fifo"}) {
    for (OpenOptions options : {OpenOptions{}, kReadIt, kWriteIt, kCreateIt,
                                OpenOptions{.write = true, .truncate = true}}) {
      options.follow = Follow::kYes;
      EXPECT_EQ(said(root->open(name, options, kMayBlock)), "EPERM") << name;
    }
    EXPECT_EQ(root->info_of(name, Follow::kYes, kMayBlock)->kind, NodeKind::kOther);
  }
  // A reader would have let this writer in.
  EXPECT_LT(::open(tree.path("fifo").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), 0);
  EXPECT_EQ(errno, ENXIO);
}

TEST(HostFolder, ProgramsThatLendRightsCantBeFilled) {
  const TestTree tree;
  tree.write("tool", "#!");
  ASSERT_EQ(::chmod(tree.path("tool").c_str(), 04755), 0);
  const auto root = tree.root();
  EXPECT_EQ(said(root->open("tool", kReadIt, kMayBlock)), "ok");
  EXPECT_EQ(said(root->open("tool", kWriteIt, kMayBlock)), "EPERM");
  EXPECT_EQ(said(root->open("tool", {.read = true, .truncate = true}, kMayBlock)), "EPERM");
  EXPECT_EQ(tree.read("tool"), "#!");
}

TEST(HostFolder, CreatesOnceAndTruncates) {
  const TestTree tree;
  const auto root = tree.root();
  const mode_t mask = ::umask(022);
  EXPECT_EQ(said(root->open("new", kCreateIt, kMayBlock)), "ok");
  EXPECT_EQ(said(root->make_folder("folder", kMayBlock)), "ok");
  ::umask(mask);
  struct stat info{};
  ASSERT_EQ(::stat(tree.path("new").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u);
  ASSERT_EQ(::stat(tree.path("folder").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);

  OpenOptions exclusive = kCreateIt;
  exclusive.exclusive = true;
  EXPECT_EQ(said(root->open("new", exclusive, kMayBlock)), "EEXIST");
  EXPECT_EQ(said(root->open("folder", exclusive, kMayBlock)), "EEXIST");
  tree.write("new", "content");
  EXPECT_EQ(said(root->open("new", kCreateIt, kMayBlock)), "ok");
  EXPECT_EQ(tree.read("new"), "content");
  // Truncation asks for no right to write through the file that is handed out.
  const auto file = open_file(*root, "new", {.read = true, .truncate = true});
  EXPECT_EQ(tree.read("new"), "");
  EXPECT_EQ(said(file->write(0, as_bytes("x"), kMayBlock)), "EBADF");
  EXPECT_TRUE(file->closing_may_block());

  EXPECT_EQ(said(root->open("trailing/", kCreateIt, kMayBlock)), "EISDIR");
  EXPECT_EQ(said(root->open("no/such", kCreateIt, kMayBlock)), "ENOENT");
  EXPECT_EQ(said(root->open("", kCreateIt, kMayBlock)), "ENOENT");
  EXPECT_EQ(said(root->open("x", {.create = true, .folder = true}, kMayBlock)), "EINVAL");
  EXPECT_EQ(names_in(*root), (std::vector<std::string>{"folder", "new"}));
}

TEST(HostFolder, CreatesThroughALinkOnlyWithin) {
  const TestTree tree;
  tree.link("made", "dangling");
  tree.link("../secret/made", "outward");
  const auto root = tree.root();
  OpenOptions create = kCreateIt;
  EXPECT_EQ(said(root->open("dangling", create, kMayBlock)), "ELOOP");
  create.follow = Follow::kYes;
  EXPECT_EQ(said(root->open("outward", create, kMayBlock)), "EPERM");
  EXPECT_EQ(said(root->open("dangling", create, kMayBlock)), "ok");
  EXPECT_TRUE(tree.exists("made"));
  create.exclusive = true;
  EXPECT_EQ(said(root->open("outward", create, kMayBlock)), "EEXIST");
  EXPECT_TRUE(tree.canary_untouched());
}

TEST(HostFolder, NothingCanBeChangedThroughAReadOnlyRoot) {
  const TestTree tree;
  tree.write("file", "content");
  tree.write("folder/x", "x");
  const auto volume = tree.volume({.writable = true});
  const auto writable = volume->root(Access::kWrite);
  const auto root = volume->root(Access::kRead);
  for (const OpenOptions& options :
       {kWriteIt, kCreateIt, OpenOptions{.read = true, .truncate = true}}) {
    EXPECT_EQ(said(root->open("file", options, kMayBlock)), "EROFS");
  }
  EXPECT_EQ(said(root->open("new", {.read = true, .create = true}, kMayBlock)), "EROFS");
  EXPECT_EQ(said(root->open("file", {.read = true, .create = true}, kMayBlock)), "ok")
      << "there is nothing to be made";
  const auto folder = open_folder(*root, "folder");
  for (const auto& place : {root, folder}) {
    EXPECT_EQ(said(place->make_folder("m", kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->remove_folder("folder", kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->remove_file("x", kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->rename("x", *place, "y", kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->rename("x", *writable, "y", kMayBlock)), "EROFS");
    EXPECT_EQ(said(writable->rename("file", *place, "y", kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->link("x", *writable, "y", kMayBlock)), "EROFS");
    EXPECT_EQ(said(writable->link("file", *place, "y", kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->symlink("x", "y", kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->set_times({}, kMayBlock)), "EROFS");
    EXPECT_EQ(said(place->set_times_of("x", Follow::kNo, {}, kMayBlock)), "EROFS");
  }
  const auto file = open_file(*root, "file", kReadIt);
  EXPECT_EQ(said(file->write(0, as_bytes("x"), kMayBlock)), "EROFS");
  EXPECT_EQ(said(file->append(as_bytes("x"), kMayBlock)), "EROFS");
  EXPECT_EQ(said(file->resize(0, kMayBlock)), "EROFS");
  EXPECT_EQ(said(file->allocate(0, 1, kMayBlock)), "EROFS");
  EXPECT_EQ(said(file->set_times({}, kMayBlock)), "EROFS");
  EXPECT_EQ(read_all(*file), "content");
}

TEST(HostFolder, TellsOfNodesWithoutTellingOfTheHost) {
  const TestTree tree;
  tree.write("file", "12345");
  tree.link("file", "link");
  std::filesystem::create_hard_link(tree.path("file"), tree.path("hard"));
  const auto volume = tree.volume({.writable = true});
  const auto root = volume->root(Access::kWrite);
  const auto info = *root->info_of("file", Follow::kNo, kMayBlock);
  struct stat real{};
  ASSERT_EQ(::stat(tree.path("file").c_str(), &real), 0);
  EXPECT_EQ(info.kind, NodeKind::kFile);
  EXPECT_EQ(info.size, 5u);
  EXPECT_EQ(info.links, 2u);
  EXPECT_EQ(info.inode, real.st_ino);
  EXPECT_NE(info.device, real.st_dev);
  EXPECT_EQ(info.modified_ns, static_cast<std::uint64_t>(real.st_mtim.tv_sec) * 1'000'000'000 +
                                  static_cast<std::uint64_t>(real.st_mtim.tv_nsec));
  // The same through every door.
  EXPECT_EQ(root->info_of("hard", Follow::kNo, kMayBlock)->inode, info.inode);
  EXPECT_EQ(root->info_of("link", Follow::kYes, kMayBlock)->inode, info.inode);
  EXPECT_EQ(open_file(*root, "file", {})->info(kMayBlock)->inode, info.inode);
  const auto other = tree.volume({});
  EXPECT_EQ(other->root(Access::kRead)->info_of("file", Follow::kNo, kMayBlock)->device,
            info.device);

  const auto link = *root->info_of("link", Follow::kNo, kMayBlock);
  EXPECT_EQ(link.kind, NodeKind::kLink);
  EXPECT_EQ(link.size, 4u);
  EXPECT_EQ(root->info(kMayBlock)->kind, NodeKind::kFolder);
  EXPECT_EQ(said(root->info_of("file/", Follow::kNo, kMayBlock)), "ENOTDIR");
  EXPECT_EQ(said(root->info_of("..", Follow::kNo, kMayBlock)), "EPERM");
}

TEST(HostFolder, SetsTimesOfTheNodeItselfOrOfWhatALinkMeans) {
  const TestTree tree;
  tree.write("folder/file", "x");
  tree.link("folder/file", "link");
  tree.link("../secret/canary", "out");
  const auto root = tree.root();
  const TimesChange times{.accessed = {.what = TimeChange::What::kSet, .ns = 5'000'000'007},
                          .modified = {.what = TimeChange::What::kSet, .ns = 9'000'000'001}};
  const auto modified_of = [&](std::string_view path) {
    return root->info_of(path, Follow::kNo, kMayBlock)->modified_ns;
  };
  ASSERT_EQ(said(root->set_times_of("link", Follow::kNo, times, kMayBlock)), "ok");
  EXPECT_EQ(modified_of("link"), 9'000'000'001u);
  EXPECT_NE(modified_of("folder/file"), 9'000'000'001u);
  ASSERT_EQ(said(root->set_times_of("link", Follow::kYes, times, kMayBlock)), "ok");
  EXPECT_EQ(modified_of("folder/file"), 9'000'000'001u);
  EXPECT_EQ(root->info_of("folder/file", Follow::kNo, kMayBlock)->accessed_ns, 5'000'000'007u);
  ASSERT_EQ(said(root->set_times_of("folder/", Follow::kNo, times, kMayBlock)), "ok");
  EXPECT_EQ(modified_of("folder"), 9'000'000'001u);
  ASSERT_EQ(said(open_folder(*root, "folder")
                     ->set_times({.accessed = {}, .modified = {.what = TimeChange::What::kNow}},
                                 kMayBlock)),
            "ok");
  EXPECT_GT(modified_of("folder"), 9'000'000'001u);
  EXPECT_EQ(root->info_of("folder", Follow::kNo, kMayBlock)->accessed_ns, 5'000'000'007u);

  EXPECT_EQ(said(root->set_times_of("out", Follow::kYes, times, kMayBlock)), "EPERM");
  EXPECT_EQ(said(root->set_times_of("out", Follow::kNo, times, kMayBlock)), "ok");
  EXPECT_EQ(said(root->set_times_of("..", Follow::kNo, times, kMayBlock)), "EPERM");
  EXPECT_TRUE(tree.canary_untouched());
}

TEST(HostFolder, ListsItsNamesWhateverTheStep) {
  const TestTree tree;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    expected.push_back("entry" + std::to_string(i));
    tree.write(expected.back(), "");
  }
  std::sort(expected.begin(), expected.end());
  const auto root = tree.root();
  EXPECT_EQ(names_in(*root, 1), expected);
  EXPECT_EQ(names_in(*root, 1500), expected);
  EXPECT_EQ(names_in(*root, 1 << 20), expected);
  EXPECT_EQ(said(root->list(0, 4096, kNone)), "EAGAIN");
}

TEST(HostFolder, ListsWhatANodeIsAndNothingOfTheParent) {
  const TestTree tree;
  tree.write("folder/file", "x");
  tree.link("file", "folder/link");
  std::filesystem::create_directory(tree.path("folder/sub"));
  ASSERT_EQ(::mkfifo(tree.path("folder/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir(tree.path("folder/\xff\xfe").c_str(), 0700), 0);
  const auto root = tree.root();
  const auto folder = open_folder(*root, "folder");
  const auto entries = folder->list(0, 4096, kMayBlock);
  ASSERT_TRUE(entries);
  std::map<std::string, NodeKind> kinds;
  for (const FolderEntry& entry : *entries) kinds[entry.name] = entry.kind;
  EXPECT_EQ(kinds, (std::map<std::string, NodeKind>{{".", NodeKind::kFolder},
                                                    {"..", NodeKind::kFolder},
                                                    {"file", NodeKind::kFile},
                                                    {"link", NodeKind::kLink},
                                                    {"sub", NodeKind::kFolder},
                                                    {"fifo", NodeKind::kOther}}));
  const std::uint64_t own = folder->info(kMayBlock)->inode;
  for (const FolderEntry& entry : *entries) {
    if (entry.name == "." || entry.name == "..") {
      EXPECT_EQ(entry.inode, own) << entry.name;
    }
    if (entry.name == "file") {
      EXPECT_EQ(entry.inode, folder->info_of("file", Follow::kNo, kMayBlock)->inode);
    }
  }
}

TEST(HostFolder, AListingGoesOnWhereItWasWhileNamesAreRemoved) {
  const TestTree tree;
  for (int i = 0; i < 200; ++i) tree.write("entry" + std::to_string(i), "");
  const auto root = tree.root();
  for (std::uint64_t position = 0;;) {
    const auto entries = root->list(position, 1024, kMayBlock);
    ASSERT_TRUE(entries);
    if (entries->empty()) break;
    for (const FolderEntry& entry : *entries) {
      if (entry.kind == NodeKind::kFile) {
        ASSERT_EQ(said(root->remove_file(entry.name, kMayBlock)), "ok");
      }
    }
    position = entries->back().next;
  }
  EXPECT_TRUE(names_in(*root).empty());
}

TEST(HostFolder, AnyPositionIsHarmless) {
  const TestTree tree;
  for (int i = 0; i < 50; ++i) tree.write("entry" + std::to_string(i), "");
  const auto root = tree.root();
  std::uint64_t position = 88172645463325252ULL;
  for (int i = 0; i < 2000; ++i) {
    position ^= position << 13;
    position ^= position >> 7;
    position ^= position << 17;
    const auto entries = root->list(i % 2 == 0 ? position : position >> 40, 1024, kMayBlock);
    if (!entries) {
      EXPECT_EQ(said(entries), "EINVAL");
      continue;
    }
    for (const FolderEntry& entry : *entries) {
      EXPECT_TRUE(entry.name.starts_with("entry") || entry.name.starts_with('.')) << entry.name;
    }
  }
  EXPECT_EQ(said(root->list(~0ULL, 1024, kMayBlock)), "EINVAL");
  EXPECT_EQ(names_in(*root).size(), 50u) << "and the next listing is as good as the first";
}

TEST(HostFolder, ReadsLinksButTellsNoPathOfTheHost) {
  const TestTree tree;
  tree.write("file", "x");
  tree.link("../a//b/../c", "relative");
  tree.link(tree.path("file"), "absolute");
  tree.link("\xff", "bytes");
  tree.link("file", "to_file");
  const auto root = tree.root();
  EXPECT_EQ(*root->read_link("relative", kMayBlock), "../a//b/../c");
  EXPECT_EQ(said(root->read_link("absolute", kMayBlock)), "EPERM");
  EXPECT_EQ(said(root->read_link("bytes", kMayBlock)), "EILSEQ");
  EXPECT_EQ(said(root->read_link("file", kMayBlock)), "EINVAL");
  EXPECT_EQ(said(root->read_link(".", kMayBlock)), "EINVAL");
  EXPECT_EQ(said(root->read_link("missing", kMayBlock)), "ENOENT");
  EXPECT_EQ(said(root->read_link("to_file/", kMayBlock)), "ENOTDIR");
  EXPECT_EQ(said(root->read_link("../volume", kMayBlock)), "EPERM");
  const std::string longest(4095, 'x');
  ASSERT_EQ(said(root->symlink(longest, "longest", kMayBlock)), "ok");
  EXPECT_EQ(*root->read_link("longest", kMayBlock), longest);
}

TEST(HostFolder, WithoutPatienceItAnswersFromMemoryOrNotAtAll) {
  const TestTree tree;
  tree.write("file", "content");
  const auto root = tree.root();
  ASSERT_EQ(said(root->open("file", kReadIt, kMayBlock)), "ok");
  const auto opened = root->open("file", kReadIt, kNone);
  EXPECT_TRUE(said(opened) == "ok" || said(opened) == "EAGAIN") << said(opened);
  EXPECT_EQ(said(root->open("new", kCreateIt, kNone)), "EAGAIN");
  EXPECT_EQ(said(root->open("file", {.write = true, .truncate = true}, kNone)), "EAGAIN");
  EXPECT_EQ(said(root->make_folder("m", kNone)), "EAGAIN");
  EXPECT_EQ(said(root->remove_folder("m", kNone)), "EAGAIN");
  EXPECT_EQ(said(root->remove_file("file", kNone)), "EAGAIN");
  EXPECT_EQ(said(root->rename("file", *root, "f", kNone)), "EAGAIN");
  EXPECT_EQ(said(root->link("file", *root, "f", kNone)), "EAGAIN");
  EXPECT_EQ(said(root->symlink("file", "f", kNone)), "EAGAIN");
  EXPECT_EQ(said(root->read_link("file", kNone)), "EAGAIN");
  EXPECT_EQ(said(root->set_times({}, kNone)), "EAGAIN");
  EXPECT_EQ(said(root->sync(Sync::kAll, kNone)), "EAGAIN");
  EXPECT_EQ(said(root->sync(Sync::kAll, kMayBlock)), "ok");
  EXPECT_EQ(said(root->sync(Sync::kData, kMayBlock)), "ok");
  EXPECT_EQ(names_in(*root), std::vector<std::string>{"file"}) << "nothing has been done";
}

TEST(HostFolder, OpeningWithoutEndIsAnErrorAndCloseGivesBack) {
  const TestTree tree;
  tree.write("file", "x");
  const auto handles = std::make_shared<HandleBudget>(20);
  const auto volume = tree.volume({.writable = true, .handles = handles});
  const auto root = volume->root(Access::kWrite);
  const std::size_t idle = handles->used();
  std::vector<Opened> held;
  std::string last;
  for (int i = 0; i < 100; ++i) {
    auto opened = root->open(i % 2 == 0 ? "file" : ".", {}, kMayBlock);
    last = said(opened);
    if (!opened) break;
    held.push_back(*opened);
  }
  EXPECT_EQ(last, "ENFILE");
  EXPECT_EQ(handles->used(), handles->handles_max());
  EXPECT_EQ(held.size(), handles->handles_max() - idle);
  EXPECT_EQ(said(root->list(0, 1024, kMayBlock)), "ENFILE");
  EXPECT_EQ(said(root->info_of("file", Follow::kNo, kMayBlock)), "ENFILE");
  EXPECT_EQ(said(root->remove_file("file", kMayBlock)), "ENFILE");
  held.clear();
  EXPECT_EQ(handles->used(), idle);
  EXPECT_EQ(said(root->remove_file("file", kMayBlock)), "ok");
}

[[noreturn]] void run_out_of_descriptors(const TestTree& tree) {
  const auto root = tree.root();
  const rlimit few{.rlim_cur = 32, .rlim_max = 32};
  CHECK(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<Opened> held;
  while (true) {
    auto opened = root->open("file", kReadIt, kMayBlock);
    if (!opened) {
      CHECK(said(opened) == "ENFILE", said(opened));
      break;
    }
    held.push_back(*opened);
  }
  held.pop_back();
  const std::string created = said(root->open("new", kCreateIt, kMayBlock));
  const std::string listed = said(root->list(0, 1024, kMayBlock));
  CHECK(created == "ok" && listed == "ok", created, listed);
  std::_Exit(0);
}

TEST(HostFolderDeathTest, TheProcessesOwnLimitIsAnErrorToo) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan asks with a pipe whether memory is readable, and there is none to be had";
#endif
  const TestTree tree;
  tree.write("file", "x");
  EXPECT_EXIT(run_out_of_descriptors(tree), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace godwit::capability
