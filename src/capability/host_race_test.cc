// The attack that paths resolved as strings fall to: a folder on the way is swapped for a link to
// the outside, over and over, while others go through it. Two threads swap, the others try all that
// a guest can do. GODWIT_RACE_SECONDS=60 makes it a minute; CI gives it a few seconds.
#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fd.h"
#include "capability/host_test_volume.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

std::chrono::seconds race_time() {
  const char* const wanted = std::getenv("GODWIT_RACE_SECONDS");
  return std::chrono::seconds(wanted == nullptr ? 3 : std::max(1, std::atoi(wanted)));
}

class Race final {
 public:
  Race() {
    for (const char* const name : {"canary", "folder", "."}) {
      struct stat info{};
      CHECK(::stat(tree_.secret(name).c_str(), &info) == 0);
      secrets_.insert(info.st_ino);
    }
    tree_.write("a/b/canary", "decoy");
    tree_.write("a/b/c/d/file", "decoy");
    tree_.link("../../secret", "a/evil");
    tree_.link("../../../secret", "a/b/c/evil");
  }

  void run() {
    std::vector<std::thread> threads;
    threads.emplace_back([this] { swap_folder_and_link(); });
    threads.emplace_back([this] { move_folder_up_and_down(); });
    threads.emplace_back([this] { repeat([this] { read_all_there_is(); }); });
    threads.emplace_back([this] { repeat([this] { change_all_there_is(); }); });
    const TimePoint end = monotonic_now() + race_time();
    while (monotonic_now() < end && !failed_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    stop_ = true;
    for (std::thread& thread : threads) thread.join();
  }

  const TestTree& tree() const { return tree_; }
  std::uint64_t swaps() const { return swaps_; }
  std::uint64_t reached() const { return reached_; }
  std::uint64_t refused() const { return refused_; }
  bool failed() const { return failed_; }

 private:
  template <class Work>
  void repeat(const Work& work) {
    while (!stop_) work();
  }

  // Straight to the kernel, and faster than any guest could.
  void swap_folder_and_link() {
    const Fd folder(::open(tree_.path("a").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    repeat([&] {
      if (::renameat2(folder.get(), "b", folder.get(), "evil", RENAME_EXCHANGE) == 0) ++swaps_;
    });
  }
  // So that a way up by ".." leads somewhere else than the way down.
  void move_folder_up_and_down() {
    const Fd root(::open(tree_.path("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    repeat([&] {
      for (const char* const from : {"a/b/c/d", "a/evil/c/d"}) {
        if (::renameat(root.get(), from, root.get(), "d") == 0) ++swaps_;
      }
      for (const char* const to : {"a/b/c/d", "a/evil/c/d"}) {
        (void)::renameat(root.get(), "d", root.get(), to);
      }
    });
  }

  template <class T>
  void note(const FileResult<T>& result) {
    if (result) ++reached_;
    if (!result && result.error() == std::errc::operation_not_permitted) ++refused_;
  }
  void must_not_be_secret(std::uint64_t inode) {
    if (secrets_.contains(inode)) failed_ = true;
  }

  void read_all_there_is() {
    for (const char* const path :
         {"a/b/canary", "a/evil/canary", "a/b/c/evil/canary", "a/b/c/d/../../../../secret/canary",
          "a/b/../b/canary", "d/../../secret/canary", "a/b/c/d/../../../../../secret/canary",
          "a/b/c/d/../../canary"}) {
      for (const Follow follow : {Follow::kYes, Follow::kNo}) {
        for (const Patience patience : {kNone, kMayBlock}) look_at(path, follow, patience);
      }
    }
    for (const char* const path : {"a/b", "a/evil", "a/b/c/evil", "a/b/", "a/b/c/d/../../.."}) {
      const auto opened = root_->open(path, {.folder = true, .follow = Follow::kYes}, kMayBlock);
      note(opened);
      if (!opened) continue;
      must_not_be_secret(opened->folder->info(kMayBlock)->inode);
      const auto entries = opened->folder->list(0, 4096, kMayBlock);
      if (!entries) continue;
      for (const FolderEntry& entry : *entries) must_not_be_secret(entry.inode);
    }
  }

  void look_at(const char* path, Follow follow, Patience patience) {
    const auto info = root_->info_of(path, follow, patience);
    note(info);
    if (info) must_not_be_secret(info->inode);
    const auto opened = root_->open(path, {.read = true, .follow = follow}, patience);
    note(opened);
    if (!opened || !opened->file) return;
    must_not_be_secret(opened->file->info(kMayBlock)->inode);
    if (read_all(*opened->file) == TestTree::kCanary) failed_ = true;
  }

  void change_all_there_is() {
    for (const std::string folder : {"a/b/", "a/evil/", "a/b/c/evil/", "a/b/c/d/../../"}) {
      const std::string canary = folder + "canary";
      const auto opened = root_->open(
          canary, {.write = true, .create = true, .truncate = true, .follow = Follow::kYes},
          kMayBlock);
      note(opened);
      if (opened) note(opened->file->write(0, as_bytes("decoy"), kMayBlock));
      note(root_->set_times_of(canary, Follow::kYes,
                               {.accessed = {.what = TimeChange::What::kSet},
                                .modified = {.what = TimeChange::What::kSet}},
                               kMayBlock));
      note(root_->link(canary, *root_, "linked", kMayBlock));
      may_fail(root_->remove_file("linked", kMayBlock));
      note(root_->rename(canary, *root_, "stolen", kMayBlock));
      note(root_->rename("stolen", *root_, canary, kMayBlock));
      note(root_->remove_file(canary, kMayBlock));
      note(root_->remove_folder(folder + "folder", kMayBlock));
      note(root_->make_folder(folder + "folder", kMayBlock));
      note(root_->symlink("x", folder + "link", kMayBlock));
      note(root_->remove_file(folder + "link", kMayBlock));
      note(root_->open(folder + "made", {.write = true, .create = true, .exclusive = true},
                       kMayBlock));
      note(root_->remove_file(folder + "made", kMayBlock));
    }
  }

  const TestTree tree_;
  const std::shared_ptr<Folder> root_ = tree_.root();
  std::set<std::uint64_t> secrets_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> swaps_{0};
  std::atomic<std::uint64_t> reached_{0};
  std::atomic<std::uint64_t> refused_{0};
};

TEST(HostRace, AFolderSwappedForALinkNeverLeadsOut) {
  Race race;
  race.run();
  EXPECT_FALSE(race.failed()) << "a guest has seen what is outside";
  EXPECT_TRUE(race.tree().canary_untouched());
  // The attack took place: there were swaps, and both ways were taken.
  EXPECT_GT(race.swaps(), 100u);
  EXPECT_GT(race.reached(), 100u);
  EXPECT_GT(race.refused(), 100u);
}

}  // namespace
}  // namespace godwit::capability
