// AccessRecord: what is known of one finished request; the gateway fills it, exporters read it.
// Values are views that are valid for the call. append_access_line() makes the access log's line:
//
//   … info access: GET /greet status=200 function=greet bytes_in=0 bytes_out=13 ms=0.041
//   cpu_us=12 client=127.0.0.1 request_id=…
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"

namespace godwit::observe {

struct AccessRecord {
  std::string_view method;
  std::string_view path;  // raw, without the query: queries may hold what must not be logged
  std::string_view function;
  std::string_view client;
  std::string_view request_id;
  std::string_view code;  // "E3001" where Godwit answered or the response was cut off; else empty
  int status = 0;         // 0: no response was begun
  bool complete = true;   // false: the response was aborted
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;  // of the body
  Nanoseconds duration{0};      // head received to last byte handed to the kernel
  Nanoseconds cpu{0};           // of the guest
};

void append_access_line(std::string& out, const Logger& logger, const AccessRecord& record);

}  // namespace godwit::observe
