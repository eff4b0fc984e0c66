// Gateway: what the exchanges of one worker share: the routes it serves now, the runtime worker
// that runs guests, the way to the log.
//
// Belongs to one worker and its thread. The control plane replaces the routes by posting
// adopt() to the worker; requests that have begun keep what they matched.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "gateway/route_table.h"
#include "observe/access_record.h"
#include "observe/metrics.h"
#include "runtime/timer_queue.h"
#include "runtime/worker.h"

namespace godwit::gateway {

enum class Details : std::uint8_t {
  kHidden,  // clients get code and title
  kShown,   // --dev: trap reason, guest frames, last lines of stderr; `GET /` lists the functions
};

struct GatewayOptions {
  Details details = Details::kHidden;
  observe::WorkerMetrics* metrics = nullptr;  // this worker's; null: nobody counts
};

class Gateway final : private runtime::TimerNode {
 public:
  Gateway(runtime::Worker& worker, Logger& logger, GatewayOptions options,
          std::shared_ptr<const RouteTable> routes);
  ~Gateway() override;

  void adopt(std::shared_ptr<const RouteTable> routes) { routes_ = std::move(routes); }
  const RouteTable& routes() const { return *routes_; }
  runtime::Worker& worker() { return worker_; }
  const Logger& logger() const { return logger_; }
  const GatewayOptions& options() const { return options_; }

  // While draining new requests get 503.
  void set_draining() { draining_ = true; }
  bool draining() const { return draining_; }

  // 32 hexadecimal digits, unique for all practical purposes, not guessable from one another.
  void make_request_id(std::string& id);

  // Log lines are collected and handed over together: at kFlushBytes or after kFlushDelay.
  void log_access(const observe::AccessRecord& record);
  void log(LogLevel level, std::string_view part, std::string_view message,
           std::initializer_list<LogField> fields);
  void flush_log();

 private:
  static constexpr std::size_t kFlushBytes = std::size_t{16} << 10;
  static constexpr std::chrono::milliseconds kFlushDelay{20};

  void on_timer() noexcept override { flush_log(); }
  void lines_added();

  runtime::Worker& worker_;
  Logger& logger_;
  const GatewayOptions options_;
  std::shared_ptr<const RouteTable> routes_;
  bool draining_ = false;
  std::string lines_;
};

}  // namespace godwit::gateway
