#include "cli/reloader.h"

#include <fmt/format.h>

namespace godwit::cli {
namespace {

manifest::ServerSettings server_settings_of(const FunctionCatalog& catalog) {
  return catalog.manifest() == nullptr ? manifest::ServerSettings() : catalog.manifest()->server;
}

}  // namespace

void Reloader::start(server::Server& server, registry::Watcher* watcher) {
  server_ = &server;
  watcher_ = watcher;
  started_with_ = server_settings_of(catalog_);
  warned_of_ = started_with_;
  if (watcher_ != nullptr) watcher_->watch_files(catalog_.watched_files());
  requested_ = catalog_.has_slow();
  thread_ = std::thread([this] { run(); });
}

void Reloader::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Reloader::request() {
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  wake_.notify_one();
}

bool Reloader::busy() {
  const std::lock_guard lock(mutex_);
  return busy_;
}

void Reloader::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return requested_ || stopping_; });
    if (stopping_) return;
    requested_ = false;
    busy_ = true;
    lock.unlock();
    reload();
    lock.lock();
    busy_ = false;
    requested_ |= catalog_.has_slow();
  }
}

void Reloader::reload() {
  const auto changed = catalog_.reload();
  if (!changed) {
    logger_.error("serve", "the configuration is refused; nothing changes",
                  {{"error", changed.error().text()}, {"hint", changed.error().next_step()}});
    return;
  }
  if (watcher_ != nullptr) watcher_->watch_files(catalog_.watched_files());
  warn_of_restart();
  if (!*changed) return;
  server_->publish(catalog_.routes());
  logger_.info("serve", "routes changed",
               {{"functions", std::to_string(catalog_.routes().size())}});
}

// Once for each change, in one line.
void Reloader::warn_of_restart() {
  const manifest::ServerSettings now = server_settings_of(catalog_);
  const auto keys = manifest::keys_that_need_restart(started_with_, now);
  const bool is_new = !manifest::keys_that_need_restart(warned_of_, now).empty();
  warned_of_ = now;
  if (keys.empty() || !is_new) return;
  logger_.warning("serve", "changed settings of [server] need a restart",
                  {{"keys", fmt::format("{}", fmt::join(keys, ", "))}});
}

}  // namespace godwit::cli
