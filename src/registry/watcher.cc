#include "registry/watcher.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/path.h"

namespace godwit::registry {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
// Something that never settles is reported all the same, after this many looks.
constexpr int kMaxLooks = 50;

// What decides whether anything changed.
struct Picture {
  std::vector<FolderFunction> functions;
  std::vector<std::pair<std::string, std::string>> problems;
  std::vector<std::pair<std::string, FileStamp>> files;

  bool operator==(const Picture&) const = default;
};

enum class Pause : std::uint8_t { kEvent, kTimeout, kStop };

class FolderWatcher final : public Watcher {
 public:
  FolderWatcher(const Folder* folder, const WatcherOptions& options, std::function<void()> changed)
      : folder_(folder), options_(options), changed_(std::move(changed)) {}
  ~FolderWatcher() override;

  Result<void> begin();
  void watch_files(std::vector<std::string> paths) override;

 private:
  void run();
  void wake();
  Pause wait(std::chrono::milliseconds timeout);
  void drain();
  // Watches what is not watched yet; falls back to polling when that is refused.
  void watch(const std::vector<std::string>& folders);
  void watch_path(const std::string& path);
  void look_at_folder(Picture& picture);
  Picture look();
  // Looks until two pictures are the same; false when it is time to stop.
  bool settle(Picture& picture);

  const Folder* const folder_;  // null: single files only
  const WatcherOptions options_;
  const std::function<void()> changed_;
  std::mutex mutex_;                // files_ and stopping_
  std::vector<std::string> files_;  // sorted
  bool stopping_ = false;
  Fd wake_;
  Fd inotify_;  // invalid: polling
  Picture reported_;
  std::thread thread_;
};

FolderWatcher::~FolderWatcher() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void FolderWatcher::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof(one));
}

void FolderWatcher::watch_files(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  {
    const std::lock_guard lock(mutex_);
    if (files_ == paths) return;
    files_ = std::move(paths);
  }
  wake();
}

Result<void> FolderWatcher::begin() {
  wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) return fail(ErrorCode::kSystemCall, "eventfd: " + errno_text());
  // Without inotify (its instances are limited per user) there is still polling.
  if (options_.mode == WatchMode::kInotify)
    inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  reported_ = look();
  // Once more: what changed before its folder was watched.
  reported_ = look();
  thread_ = std::thread([this] { run(); });
  return {};
}

Pause FolderWatcher::wait(std::chrono::milliseconds timeout) {
  std::array<pollfd, 2> waiting = {pollfd{wake_.get(), POLLIN, 0},
                                   pollfd{inotify_.get(), POLLIN, 0}};  // a negative fd is ignored
  const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(timeout.count()));
  if (waiting[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = ::read(wake_.get(), &count, sizeof(count));
    const std::lock_guard lock(mutex_);
    if (stopping_) return Pause::kStop;
  }
  return ready > 0 ? Pause::kEvent : Pause::kTimeout;
}

void FolderWatcher::drain() {
  alignas(inotify_event) std::array<char, 16384> events{};
  while (inotify_.valid() && ::read(inotify_.get(), events.data(), events.size()) > 0) {
  }
}

void FolderWatcher::watch_path(const std::string& path) {
  if (!inotify_.valid() || ::inotify_add_watch(inotify_.get(), path.c_str(), kEvents) >= 0) return;
  // A file's folder may be missing as the file itself may be; anything else is a refusal.
  if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return;
  inotify_.reset();
}

void FolderWatcher::watch(const std::vector<std::string>& folders) {
  if (!inotify_.valid()) return;
  if (folders.size() > options_.watches_max) return inotify_.reset();
  for (const std::string& path : folders) {
    const auto folder = folder_->open_folder(path);
    if (!folder) continue;  // gone, or no longer trusted: the picture tells
    // By descriptor, not by path: a folder that was moved or replaced can't be mistaken. A watch
    // that exists stays the same.
    const std::string self = fmt::format("/proc/self/fd/{}", folder->get());
    if (::inotify_add_watch(inotify_.get(), self.c_str(), kEvents) < 0) return inotify_.reset();
  }
}

void FolderWatcher::look_at_folder(Picture& picture) {
  auto listing = folder_->scan();
  if (!listing) {
    picture.problems.emplace_back("", listing.error().text());
    return;
  }
  watch(listing->folders);
  picture.functions = std::move(listing->functions);
  for (const FolderProblem& problem : listing->problems) {
    picture.problems.emplace_back(problem.path, problem.error.text());
  }
}

Picture FolderWatcher::look() {
  Picture picture;
  if (folder_ != nullptr) look_at_folder(picture);
  std::vector<std::string> files;
  {
    const std::lock_guard lock(mutex_);
    files = files_;
  }
  if (files.size() > options_.watches_max) inotify_.reset();
  for (std::string& path : files) {
    // The folder, not the file: a file is replaced by renaming another over it.
    watch_path(folder_of(path));
    FileStamp stamp = stamp_of(path);
    picture.files.emplace_back(std::move(path), stamp);
  }
  return picture;
}

bool FolderWatcher::settle(Picture& picture) {
  picture = look();
  for (int looks = 0; looks < kMaxLooks; ++looks) {
    const TimePoint until = monotonic_now() + options_.settle;
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - monotonic_now());
      if (left.count() <= 0) break;
      drain();
      if (wait(left) == Pause::kStop) return false;
    }
    Picture next = look();
    if (next == picture) return true;
    picture = std::move(next);
  }
  return true;
}

void FolderWatcher::run() {
  while (true) {
    const bool polling = !inotify_.valid();
    const Pause pause = wait(polling ? options_.poll : std::chrono::milliseconds(-1));
    if (pause == Pause::kStop) return;
    drain();
    if (polling && look() == reported_) continue;
    Picture picture;
    if (!settle(picture)) return;
    if (picture == reported_) continue;
    reported_ = std::move(picture);
    changed_();
  }
}

}  // namespace

Result<std::unique_ptr<Watcher>> Watcher::start(const Folder& folder, const WatcherOptions& options,
                                                std::function<void()> changed) {
  return start(&folder, options, std::move(changed));
}

Result<std::unique_ptr<Watcher>> Watcher::start(const Folder* folder, const WatcherOptions& options,
                                                std::function<void()> changed) {
  auto watcher = std::make_unique<FolderWatcher>(folder, options, std::move(changed));
  if (auto begun = watcher->begin(); !begun) return fail(begun.error());
  return watcher;
}

}  // namespace godwit::registry
