#include "observe/access_record.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace godwit::observe {
namespace {

// Numbers are formatted into place: an access line is written for every request.
class Text {
 public:
  explicit Text(std::uint64_t value) {
    const char* end = std::to_chars(buffer_.data(), buffer_.data() + buffer_.size(), value).ptr;
    size_ = static_cast<std::size_t>(end - buffer_.data());
  }
  // Microseconds as milliseconds with three decimals.
  static Text milliseconds(Nanoseconds time) {
    Text text(0);
    const auto us = static_cast<std::uint64_t>(time.count()) / 1000;
    const char* end = fmt::format_to(text.buffer_.data(), "{}.{:03}", us / 1000, us % 1000);
    text.size_ = static_cast<std::size_t>(end - text.buffer_.data());
    return text;
  }
  std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  std::array<char, 32> buffer_;
  std::size_t size_ = 0;
};

}  // namespace

void append_access_line(std::string& out, const Logger& logger, const AccessRecord& record) {
  fmt::basic_memory_buffer<char, 256> message;
  fmt::format_to(std::back_inserter(message), "{} {}", record.method, record.path);
  const Text status(static_cast<std::uint64_t>(record.status));
  const Text bytes_in(record.bytes_in);
  const Text bytes_out(record.bytes_out);
  const Text duration = Text::milliseconds(record.duration);
  const Text cpu(static_cast<std::uint64_t>(record.cpu.count()) / 1000);
  const std::string_view text(message.data(), message.size());
  if (record.code.empty() && record.complete) {
    logger.format_line(out, LogLevel::kInfo, "access", text,
                       {{"status", status.view()},
                        {"function", record.function},
                        {"bytes_in", bytes_in.view()},
                        {"bytes_out", bytes_out.view()},
                        {"ms", duration.view()},
                        {"cpu_us", cpu.view()},
                        {"client", record.client},
                        {"request_id", record.request_id}});
    return;
  }
  logger.format_line(out, LogLevel::kInfo, "access", text,
                     {{"status", status.view()},
                      {"code", record.code},
                      {"complete", record.complete ? "true" : "false"},
                      {"function", record.function},
                      {"bytes_in", bytes_in.view()},
                      {"bytes_out", bytes_out.view()},
                      {"ms", duration.view()},
                      {"cpu_us", cpu.view()},
                      {"client", record.client},
                      {"request_id", record.request_id}});
}

}  // namespace godwit::observe
