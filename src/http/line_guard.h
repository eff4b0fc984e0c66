// LineGuard: the line discipline of a message head, of chunk-size lines and of trailers, checked
// before llhttp sees a byte of them: a line ends with CRLF and with nothing else, and holds no
// control character but HTAB (RFC 9112 section 2.2, RFC 9110 section 5.5). llhttp 8.1 is lenient
// about a bare CR in places, which is how requests are smuggled.
//
//   const LineGuard::Scan scan = guard.scan(input);
//   if (scan.end == LineEnd::kLine && guard.line_bytes() == 0) head_is_complete();
//
// Keeps its place between calls, so how the input is cut does not matter. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::http {

enum class LineEnd : std::uint8_t {
  kMore,     // all input belongs to a line that is not complete yet
  kLine,     // the last consumed byte is the LF of a line
  kBadByte,  // a control character, a bare CR or a bare LF follows what was consumed
};

class LineGuard final {
 public:
  struct Scan {
    std::size_t consumed = 0;
    LineEnd end = LineEnd::kMore;
  };

  // Scans to the end of the line or of `input`.
  Scan scan(std::string_view input);
  // Bytes of the current line (after kLine: of the line that ended) without its CRLF.
  std::size_t line_bytes() const { return line_bytes_; }
  // The next byte begins a line.
  bool at_start() const { return ended_ || (line_bytes_ == 0 && !after_cr_); }
  void reset() { *this = LineGuard(); }

 private:
  std::size_t line_bytes_ = 0;
  bool after_cr_ = false;
  bool ended_ = false;
};

}  // namespace godwit::http
