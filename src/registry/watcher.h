// Watcher: says that something below a folder changed, once it has settled: a file that is still
// being written is no error, so the call comes when stamps have been still for a while.
//
//   auto watcher = registry::Watcher::start(folder, {}, [&] { reload(); });
//
// Single files, wherever they are, can be watched too (watch_files).
//
// Start it before the first scan(), so that nothing is missed in between. The callback runs on the
// watcher's own thread, one call at a time; scan() the folder in it. It never runs after the
// destructor returned. Changes come from inotify; where that is not to be had (no watches left,
// another kind of file system), from looking at the stamps every second.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "registry/folder.h"

namespace godwit::registry {

enum class WatchMode : std::uint8_t { kInotify, kPolling };

struct WatcherOptions {
  std::chrono::milliseconds settle{100};  // stamps must stay the same for this long
  std::chrono::milliseconds poll{1000};   // between looks when inotify is not to be had
  std::uint32_t watches_max = 4096;       // folders watched before falling back to polling
  WatchMode mode = WatchMode::kInotify;   // kPolling: don't try inotify
};

class Watcher {
 public:
  // `folder` must outlive the watcher. Errors: kSystemCall.
  static Result<std::unique_ptr<Watcher>> start(const Folder& folder, const WatcherOptions& options,
                                                std::function<void()> changed);
  // The same without a folder when it is null.
  static Result<std::unique_ptr<Watcher>> start(const Folder* folder, const WatcherOptions& options,
                                                std::function<void()> changed);
  virtual ~Watcher() = default;  // joins the thread

  // Besides the folder these files from now on, instead of those named before. What is new is
  // reported once, since it may have changed before it was named. Any thread.
  virtual void watch_files(std::vector<std::string> paths) = 0;

 protected:
  Watcher() = default;
};

}  // namespace godwit::registry
