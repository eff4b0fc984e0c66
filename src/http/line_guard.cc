#include "http/line_guard.h"

#include <array>

namespace godwit::http {
namespace {

constexpr std::array<bool, 256> make_text_table() {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  }
  return table;
}

constexpr std::array<bool, 256> kTextTable = make_text_table();

}  // namespace

LineGuard::Scan LineGuard::scan(std::string_view input) {
  if (input.empty()) return {};
  if (ended_) reset();
  std::size_t i = 0;
  if (!after_cr_) {
    while (i < input.size() && kTextTable[static_cast<unsigned char>(input[i])]) ++i;
    line_bytes_ += i;
    if (i == input.size()) return {i, LineEnd::kMore};
    if (input[i] != '\r') return {i, LineEnd::kBadByte};
    after_cr_ = true;
    ++i;
    if (i == input.size()) return {i, LineEnd::kMore};
  }
  if (input[i] != '\n') return {i, LineEnd::kBadByte};
  ended_ = true;
  return {i + 1, LineEnd::kLine};
}

}  // namespace godwit::http
