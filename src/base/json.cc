#include "base/json.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace godwit {

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const std::size_t valid = utf8_prefix(text);
    for (std::size_t i = 0; i < valid; ++i) {
      const char c = text[i];
      // U+0080 to U+009F: some terminals obey them.
      if (c == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
        fmt::format_to(std::back_inserter(out), "\\u00{:02x}",
                       static_cast<unsigned>(static_cast<unsigned char>(text[++i])));
        continue;
      }
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
          if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
          } else {
            out.push_back(c);
          }
      }
    }
    text.remove_prefix(valid);
    if (!text.empty()) {
      out += "\\ufffd";
      text.remove_prefix(1);
    }
  }
  out.push_back('"');
}

}  // namespace godwit
