// Reloader: keeps the served routes up to date with the catalog, in a thread of its own: compiling
// takes time and must not hold up a signal.
//
//   Reloader reloader(catalog, logger);
//   reloader.start(server, watcher.get());
//   reloader.request();                       // the configuration may have changed
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "cli/catalog.h"
#include "registry/watcher.h"
#include "server/server.h"

namespace godwit::cli {

class Reloader final {
 public:
  // Both must outlive it. The catalog is the thread's from start() to stop().
  Reloader(FunctionCatalog& catalog, Logger& logger) : catalog_(catalog), logger_(logger) {}
  ~Reloader() { stop(); }

  // From now on requests are carried out, those made before included. `watcher` may be null; it is
  // told which files matter, and must end before this.
  void start(server::Server& server, registry::Watcher* watcher);
  // Waits for a reload that is going on.
  void stop();
  // Any thread: something may have changed.
  void request();
  // True while a reload is going on, which may take as long as a compiler does.
  bool busy();

 private:
  void run();
  void reload();
  void warn_of_restart();

  FunctionCatalog& catalog_;
  server::Server* server_ = nullptr;
  registry::Watcher* watcher_ = nullptr;
  Logger& logger_;
  manifest::ServerSettings started_with_;
  manifest::ServerSettings warned_of_;
  std::mutex mutex_;  // the three flags
  std::condition_variable wake_;
  bool requested_ = false;
  bool stopping_ = false;
  bool busy_ = false;
  std::thread thread_;
};

}  // namespace godwit::cli
