#include "cli/json_output.h"

#include "base/bytes.h"
#include "cli/output.h"

namespace godwit::cli {

Json error_json(const Error& error) {
  const ErrorInfo& info = error_info(error.code);
  return {{"code", error_code_text(error.code)},
          {"title", info.title},
          {"detail", error.detail},
          {"hint", error.next_step()}};
}

void set_bytes(Json& object, std::string_view name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[std::string(name)] = bytes;
  } else {
    object[std::string(name) + "_base64"] = base64(bytes);
  }
}

void print_json(const Json& document) {
  print(document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= count ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return out;
}

}  // namespace godwit::cli
