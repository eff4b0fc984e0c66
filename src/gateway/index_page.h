// The page at `GET /` with --dev: the functions that are served, those that are not and why.
#pragma once

#include <cstddef>
#include <string>

#include "gateway/route_table.h"

namespace godwit::gateway {

// HTML of at most `max_bytes`; what does not fit is counted. Everything that comes from file names
// or modules is escaped.
std::string index_page(const RouteTable& table, std::size_t max_bytes);

}  // namespace godwit::gateway
