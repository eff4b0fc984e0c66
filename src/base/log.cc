#include "base/log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "base/json.h"

namespace godwit {
namespace {

std::string_view level_text(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "info";
}

// RFC 3339 in UTC with milliseconds.
void append_time(std::string& out) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  // Breaking a second into calendar parts costs more than the rest of the line: keep the last one.
  thread_local std::time_t last_second = -1;
  thread_local std::string last_text;
  if (now.tv_sec != last_second) {
    std::tm parts{};
    gmtime_r(&now.tv_sec, &parts);
    last_text =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                    parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    last_second = now.tv_sec;
  }
  out += last_text;
  fmt::format_to(std::back_inserter(out), ".{:03}Z", now.tv_nsec / 1'000'000);
}

// A text value without control characters, quoted when it has spaces, quotes or is empty: one
// line stays one line whatever a client sent.
void append_text_value(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c != '"' && c != '\\' && c != 0x7F && static_cast<unsigned char>(c) < 0x80;
  });
  if (plain) {
    out += value;
  } else {
    append_json_string(out, value);
  }
}

void append_without_controls(std::string& out, std::string_view text) {
  for (const char c : text)
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c);
}

constexpr auto kShutdownPatience = std::chrono::seconds(1);

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == level_text(level)) return level;
  }
  return {};
}

Logger::Logger(LogOptions options) : options_(options), thread_([this] { run(); }) {}

Logger::~Logger() {
  {
    const std::lock_guard lock(mutex_);
    stopped_at_ = monotonic_now();
    stopping_.store(true, std::memory_order_release);
  }
  wake_.notify_one();
  thread_.join();
}

void Logger::log(LogLevel level, std::string_view part, std::string_view message,
                 std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  std::string line;
  format_line(line, level, part, message, fields);
  submit(line);
}

void Logger::format_line(std::string& out, LogLevel level, std::string_view part,
                         std::string_view message, std::initializer_list<LogField> fields) const {
  if (!enabled(level)) return;
  if (options_.format == LogFormat::kJson) {
    out += "{\"time\":\"";
    append_time(out);
    fmt::format_to(std::back_inserter(out), "\",\"level\":\"{}\",\"part\":", level_text(level));
    append_json_string(out, part);
    out += ",\"message\":";
    append_json_string(out, message);
    for (const LogField& field : fields) {
      out += ',';
      append_json_string(out, field.name);
      out += ':';
      append_json_string(out, field.value);
    }
    out += "}\n";
    return;
  }
  append_time(out);
  fmt::format_to(std::back_inserter(out), " {} {}: ", level_text(level), part);
  // What could pass for a field of ours is quoted: paths and guests' lines are strangers' text.
  if (message.find_first_of("=\"\xC2") != std::string_view::npos) {
    append_json_string(out, message);
  } else {
    append_without_controls(out, message);
  }
  for (const LogField& field : fields) {
    out += ' ';
    out += field.name;
    out += '=';
    append_text_value(out, field.value);
  }
  out += '\n';
}

void Logger::submit(std::string& lines) {
  if (lines.empty()) return;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = pending_.empty();
    if (pending_.size() + lines.size() > kMaxPendingBytes) {
      dropped_lines_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    } else {
      pending_ += lines;
    }
  }
  lines.clear();
  if (was_empty) wake_.notify_one();
}

void Logger::flush() {
  std::unique_lock lock(mutex_);
  written_.wait_for(lock, kShutdownPatience, [this] { return pending_.empty() && !writing_; });
}

// Writes everything; waits for a reader that is slow, but not when the process wants to end. A
// pipe that poll() calls writable takes PIPE_BUF bytes without blocking, whatever its mode.
void Logger::write_all(std::string_view text) {
  while (!text.empty()) {
    pollfd ready{options_.fd, POLLOUT, 0};
    if (::poll(&ready, 1, 100) <= 0) {
      const bool stopping = stopping_.load(std::memory_order_acquire);
      if (stopping && monotonic_now() - stopped_at_ > kShutdownPatience) return;
      continue;
    }
    const ssize_t n =
        ::write(options_.fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (n > 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
      return;  // nobody reads any more
    }
  }
}

void Logger::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    if (pending_.empty() && stopping_) return;
    batch.clear();
    batch.swap(pending_);
    const std::uint64_t dropped = std::exchange(dropped_lines_, 0);
    writing_ = true;
    lock.unlock();
    write_all(batch);
    if (dropped > 0) {
      std::string line;
      format_line(line, LogLevel::kWarning, "log", "lines were dropped: stderr is read too slowly",
                  {{"count", std::to_string(dropped)}});
      write_all(line);
    }
    lock.lock();
    writing_ = false;
    if (pending_.empty()) written_.notify_all();
  }
}

}  // namespace godwit
