// Nearest known key: what somebody who wrote "memroy" meant. Pure functions.
//
//   nearest_key("memroy", {"memory", "cpu"})   // "memory"
//   nearest_key("banana", {"memory", "cpu"})   // "": nothing is near
#pragma once

#include <span>
#include <string_view>

namespace godwit::manifest {

// Insertions, deletions, replacements and swaps of neighbours that make `a` out of `b`, where
// case and '-' against '_' cost nothing. Both are cut to 64 bytes first.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, when a third of its letters or fewer differ; else empty.
std::string_view nearest_key(std::string_view key, std::span<const std::string_view> known);

}  // namespace godwit::manifest
