// Paths of the host's files, by their words: what the folder above is, and what a name leads to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace godwit {

// "a/b" → "a", "/b" → "/", "b" → ".". By its words alone: links and ".." are not looked at.
std::string folder_of(std::string_view path);
// "a/b" → "b", "b" → "b"; empty behind a slash at the end.
std::string_view name_of(std::string_view path);

// Absolute, without links. Nothing when nothing is there; errno says why.
std::optional<std::string> real_path(const std::string& path);

}  // namespace godwit
