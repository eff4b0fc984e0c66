#include "gateway/gateway.h"

#include <array>

#include "base/bytes.h"

namespace godwit::gateway {

Gateway::Gateway(runtime::Worker& worker, Logger& logger, GatewayOptions options,
                 std::shared_ptr<const RouteTable> routes)
    : worker_(worker), logger_(logger), options_(options), routes_(std::move(routes)) {}

Gateway::~Gateway() { flush_log(); }

void Gateway::make_request_id(std::string& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::byte, 16> random;
  worker_.random().fill(random);
  id.resize(2 * random.size());
  for (std::size_t i = 0; i < random.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(random[i]);
    id[2 * i] = kDigits[byte >> 4];
    id[2 * i + 1] = kDigits[byte & 15];
  }
}

void Gateway::log_access(const observe::AccessRecord& record) {
  if (!logger_.enabled(LogLevel::kInfo)) return;
  observe::append_access_line(lines_, logger_, record);
  lines_added();
}

void Gateway::log(LogLevel level, std::string_view part, std::string_view message,
                  std::initializer_list<LogField> fields) {
  if (!logger_.enabled(level)) return;
  logger_.format_line(lines_, level, part, message, fields);
  lines_added();
}

void Gateway::lines_added() {
  if (lines_.size() >= kFlushBytes) {
    flush_log();
  } else if (!armed()) {
    worker_.timers().arm(*this, monotonic_now() + kFlushDelay);
  }
}

void Gateway::flush_log() {
  disarm();
  logger_.submit(lines_);
}

}  // namespace godwit::gateway
