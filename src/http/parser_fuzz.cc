// Any bytes, whole and in pieces whose sizes come from the bytes themselves: the same requests,
// bodies and errors, and never more consumed than was fed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "http/parser_trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace godwit::http;
  // Small limits, so that a short input can meet them.
  static constexpr ParserLimits kLimits{.target_bytes = 200,
                                        .fields_bytes = 400,
                                        .fields_count = 8,
                                        .chunk_line_bytes = 32,
                                        .chunk_extension_bytes = 64,
                                        .trailer_bytes = 64,
                                        .trailer_count = 4};
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Trace expected = trace(input, whole(), kLimits);
  CHECK(expected.defect.empty(), expected.defect);
  CHECK(expected.consumed <= size, expected.consumed, size);

  std::size_t index = 0;
  const auto pieces = [&index, input](std::size_t left) {
    const auto wish = static_cast<std::size_t>(static_cast<unsigned char>(input[index++])) % 16;
    return std::min(left, wish + 1);
  };
  const Trace in_pieces = trace(input, pieces, kLimits);
  CHECK(in_pieces.text == expected.text, in_pieces.text, expected.text);
  const Trace in_bytes = trace(input, byte_by_byte(), kLimits);
  CHECK(in_bytes.text == expected.text, in_bytes.text, expected.text);
  return 0;
}
