// The one thing that the request path needs of JSON: a quoted string. The control plane uses a
// library; this stays small. Pure function.
#pragma once

#include <string>
#include <string_view>

namespace godwit {

// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not valid
// UTF-8 become U+FFFD, so that the document stays valid whatever a guest or client sent.
void append_json_string(std::string& out, std::string_view text);

}  // namespace godwit
