// JSON documents for --json. Names keep the order in which they were set.
//
//   Json document = {{"version", "0.1.0"}};
//   document["error"] = error_json(error);
//   print_json(document);
//
// For the main thread.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace godwit::cli {

using Json = nlohmann::ordered_json;

// {"code":"E2003","title":…,"detail":…,"hint":…}
Json error_json(const Error& error);
// Sets NAME to the text when it is UTF-8, else NAME_base64 to its bytes (RFC 4648 section 4).
void set_bytes(Json& object, std::string_view name, std::string_view bytes);
// Writes the document and a newline to stdout; what is not UTF-8 becomes U+FFFD.
void print_json(const Json& document);

std::string base64(std::string_view bytes);

}  // namespace godwit::cli
