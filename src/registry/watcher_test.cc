#include "registry/watcher.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::registry {
namespace {

// Long enough for any machine; only a failing test waits for it.
constexpr auto kPatience = std::chrono::seconds(60);

class WatcherTest : public testing::TestWithParam<WatchMode> {
 protected:
  WatcherTest() {
    auto folder = Folder::open(files_.path(), {});
    CHECK(folder.has_value());
    folder_ = std::make_unique<Folder>(std::move(*folder));
  }
  void start() {
    auto watcher = Watcher::start(*folder_,
                                  {.settle = std::chrono::milliseconds(20),
                                   .poll = std::chrono::milliseconds(20),
                                   .mode = GetParam()},
                                  [this] {
                                    const std::lock_guard lock(mutex_);
                                    const auto listing = folder_->scan();
                                    if (listing) seen_ = *listing;
                                    called_.notify_all();
                                  });
    CHECK(watcher.has_value());
    watcher_ = std::move(*watcher);
  }
  template <class Condition>
  bool eventually(const Condition& condition) {
    std::unique_lock lock(mutex_);
    return called_.wait_for(lock, kPatience, [&] { return condition(seen_); });
  }
  bool eventually_functions(std::size_t count) {
    return eventually([&](const FolderListing& seen) { return seen.functions.size() == count; });
  }

  const TestFolder files_;
  std::unique_ptr<Folder> folder_;
  std::mutex mutex_;
  std::condition_variable called_;
  FolderListing seen_;
  std::unique_ptr<Watcher> watcher_;  // last: its thread uses the others
};

TEST_P(WatcherTest, SeesNewChangedAndRemovedFiles) {
  start();
  files_.write("a.wasm", "one");
  ASSERT_TRUE(eventually_functions(1));
  files_.write("a.wasm", "three");
  ASSERT_TRUE(eventually([](const FolderListing& seen) {
    return seen.functions.size() == 1 && seen.functions[0].stamp.size_bytes == 5;
  }));
  files_.write("a.toml", "");
  ASSERT_TRUE(eventually([](const FolderListing& seen) {
    return seen.functions.size() == 1 && !seen.functions[0].settings_path.empty();
  }));
  std::filesystem::rename(files_.path("a.wasm"), files_.path("b.wasm"));
  ASSERT_TRUE(eventually([](const FolderListing& seen) {
    return seen.functions.size() == 1 && seen.functions[0].name == "b";
  }));
  std::filesystem::remove(files_.path("b.wasm"));
  ASSERT_TRUE(eventually_functions(0));
}

TEST_P(WatcherTest, SeesSingleFilesWhereverTheyAre) {
  const TestFolder elsewhere;
  elsewhere.write("godwit.toml", "one");
  std::atomic<int> calls{0};
  auto watcher = Watcher::start(nullptr,
                                {.settle = std::chrono::milliseconds(20),
                                 .poll = std::chrono::milliseconds(20),
                                 .mode = GetParam()},
                                [&] { ++calls; });
  ASSERT_TRUE(watcher);
  const auto reaches = [&](int wanted) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (calls < wanted && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return calls >= wanted;
  };
  (*watcher)->watch_files({elsewhere.path("godwit.toml"), elsewhere.path("later/x.wasm")});
  ASSERT_TRUE(reaches(1));  // what is new is reported
  elsewhere.write("godwit.toml", "three");
  ASSERT_TRUE(reaches(2));
  // As a careful deployment does it.
  elsewhere.write("godwit.toml.new", "and four");
  std::filesystem::rename(elsewhere.path("godwit.toml.new"), elsewhere.path("godwit.toml"));
  ASSERT_TRUE(reaches(3));
  std::filesystem::remove(elsewhere.path("godwit.toml"));
  ASSERT_TRUE(reaches(4));
}

TEST_P(WatcherTest, SeesNewFoldersAndWhatIsInThem) {
  start();
  files_.write("shop/deep/a.wasm", "");
  ASSERT_TRUE(eventually_functions(1));
  files_.write("shop/deep/b.wasm", "");
  ASSERT_TRUE(eventually_functions(2));
  std::filesystem::rename(files_.path("shop"), files_.path("store"));
  ASSERT_TRUE(eventually([](const FolderListing& seen) {
    return seen.functions.size() == 2 && seen.functions[0].name == "store/deep/a";
  }));
  std::filesystem::remove_all(files_.path("store"));
  ASSERT_TRUE(eventually_functions(0));
}

TEST_P(WatcherTest, SeesProblemsComeAndGo) {
  files_.write("a.wasm", "");
  start();
  files_.chmod("a.wasm", 0666);
  ASSERT_TRUE(eventually([](const FolderListing& seen) { return seen.problems.size() == 1; }));
  files_.chmod("a.wasm", 0644);
  ASSERT_TRUE(eventually_functions(1));
}

TEST_P(WatcherTest, EndsWithoutWaiting) {
  start();
  watcher_.reset();
  files_.write("a.wasm", "");
  EXPECT_TRUE(seen_.functions.empty());
}

INSTANTIATE_TEST_SUITE_P(Modes, WatcherTest,
                         testing::Values(WatchMode::kInotify, WatchMode::kPolling),
                         [](const auto& mode) {
                           return mode.param == WatchMode::kInotify ? "Inotify" : "Polling";
                         });

TEST(Watcher, FallsBackToPollingWhenThereAreTooManyFolders) {
  const TestFolder files;
  files.write("a/b/c.wasm", "");
  auto folder = Folder::open(files.path(), {});
  ASSERT_TRUE(folder);
  std::mutex mutex;
  std::condition_variable called;
  bool changed = false;
  const auto watcher = Watcher::start(*folder,
                                      {.settle = std::chrono::milliseconds(10),
                                       .poll = std::chrono::milliseconds(10),
                                       .watches_max = 1},
                                      [&] {
                                        const std::lock_guard lock(mutex);
                                        changed = true;
                                        called.notify_all();
                                      });
  ASSERT_TRUE(watcher);
  files.write("a/b/d.wasm", "");
  std::unique_lock lock(mutex);
  EXPECT_TRUE(called.wait_for(lock, kPatience, [&] { return changed; }));
}

}  // namespace
}  // namespace godwit::registry
