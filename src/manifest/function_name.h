// Names of functions: "greet", "shop/cart". Each segment is [A-Za-z0-9][A-Za-z0-9._-]{0,62},
// case-sensitive, so that a name is a path, a URL path and a metric label without any escaping.
//
//   is_function_segment("cart")         // true
//   is_function_name("shop/cart")       // true
//   is_function_name("../etc")          // false
//   pattern_rank("shop/*", "shop/cart") // 6: more specific than "*", less than "shop/cart"
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::manifest {

inline constexpr std::size_t kMaxSegmentBytes = 63;
inline constexpr std::size_t kMaxNameSegments = 9;  // eight folders and the name

bool is_function_segment(std::string_view segment);
// One to kMaxNameSegments segments joined by '/'.
bool is_function_name(std::string_view name);

// Patterns name the functions that something is granted to or bounds: a name, "shop/*" (all below
// shop, not shop itself), "*" (all), "/" (the index of a served folder, whose name is empty).
bool is_function_pattern(std::string_view pattern);
// How specific a pattern is for this function: 0 when it does not match, 1 for "*", more for a
// longer prefix, kExactRank for the name itself.
inline constexpr std::size_t kExactRank = SIZE_MAX;
std::size_t pattern_rank(std::string_view pattern, std::string_view name);
// The pattern that names exactly this function.
std::string_view exact_pattern(std::string_view name);

}  // namespace godwit::manifest
