// Names of functions: "greet", "shop/cart". Each segment is [A-Za-z0-9][A-Za-z0-9._-]{0,62},
// case-sensitive, so that a name is a path, a URL path and a metric label without any escaping.
//
//   is_function_segment("cart")         // true
//   is_function_name("shop/cart")       // true
//   is_function_name("../etc")          // false
#pragma once

#include <cstddef>
#include <string_view>

namespace godwit::manifest {

inline constexpr std::size_t kMaxSegmentBytes = 63;
inline constexpr std::size_t kMaxNameSegments = 9;  // eight folders and the name

bool is_function_segment(std::string_view segment);
// One to kMaxNameSegments segments joined by '/'.
bool is_function_name(std::string_view name);

}  // namespace godwit::manifest
