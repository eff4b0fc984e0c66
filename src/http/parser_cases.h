// What the parser makes of which bytes: one row each, for parser_test.cc (whole, byte by byte, in
// random pieces). The notation of `expected` is parser_trace.h's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace godwit::http {

struct ParserCase {
  std::string name;
  std::string input;
  std::string expected;
};

// "\r\n" at every line end of a head is noise: a case is written with '\n' for it.
inline std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::vector<ParserCase> valid_cases();
std::vector<ParserCase> refused_cases();

}  // namespace godwit::http
