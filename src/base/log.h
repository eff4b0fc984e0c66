// Logger: lines to stderr from any thread, written by one thread of its own, so that a slow
// reader of stderr never holds a worker. Bounded: beyond kMaxPendingBytes lines are dropped and
// the loss is said in a line of its own.
//
//   log.info("server", "listening", {{"address", "127.0.0.1:8080"}});
//
// Thread-safe. Text form: `2026-11-23T05:43:00.123Z info server: listening address=…`; JSON form:
// one object a line with the same names.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"

namespace godwit {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

std::optional<LogLevel> parse_log_level(std::string_view text);  // debug, info, warning, error

struct LogField {
  std::string_view name;
  std::string_view value;
};

struct LogOptions {
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;
  int fd = 2;
};

class Logger final {
 public:
  static constexpr std::size_t kMaxPendingBytes = std::size_t{4} << 20;

  explicit Logger(LogOptions options = {});
  ~Logger();  // writes what is pending, for at most a second if nobody reads
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const { return level >= options_.level; }
  void log(LogLevel level, std::string_view part, std::string_view message,
           std::initializer_list<LogField> fields = {});
  void debug(std::string_view part, std::string_view message,
             std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kDebug, part, message, fields);
  }
  void info(std::string_view part, std::string_view message,
            std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kInfo, part, message, fields);
  }
  void warning(std::string_view part, std::string_view message,
               std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kWarning, part, message, fields);
  }
  void error(std::string_view part, std::string_view message,
             std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kError, part, message, fields);
  }

  // Appends one formatted line (with its newline) to `out` without handing it over. A worker
  // collects the lines of many requests and submits them together.
  void format_line(std::string& out, LogLevel level, std::string_view part,
                   std::string_view message, std::initializer_list<LogField> fields) const;
  // Hands whole lines over to the writing thread; `lines` is empty afterwards and keeps its
  // capacity. Never blocks on stderr.
  void submit(std::string& lines);
  // Returns when all that was submitted before has been written, or after a second.
  void flush();

 private:
  void run();
  void write_all(std::string_view text);

  const LogOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable written_;
  std::string pending_;
  std::uint64_t dropped_lines_ = 0;
  bool writing_ = false;
  std::atomic<bool> stopping_{false};
  TimePoint stopped_at_;  // written before stopping_ is set
  std::thread thread_;
};

}  // namespace godwit
