// The files that `godwit new` makes projects of (templates/), and what becomes of them.
//
//   for (const ProjectFile& file : project_files("c", "hello")) write(file.path, file.text);
//
// Static data and pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::cli {

struct TemplateFile {
  std::string_view language;  // "c", or "common": of every language
  std::string_view name;      // "main.c"
  std::string_view text;      // with @NAME@ and @CRATE@
};

// All of them (the code is made by embed_templates.cmake).
std::span<const TemplateFile> template_files();

struct ProjectFile {
  std::string path;  // below the project's folder: "src/main.c"
  std::string text;
};

std::span<const std::string_view> template_languages();
// REQUIRES: a language of template_languages().
std::vector<ProjectFile> project_files(std::string_view language, std::string_view name);

// A name that cargo accepts for a package: letters, digits, '-' and '_', a letter first.
std::string crate_name(std::string_view name);

}  // namespace godwit::cli
