#include "cli/templates.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "http/ascii.h"

namespace godwit::cli {
namespace {

constexpr std::array<std::string_view, 7> kLanguages = {
    "wat", "c", "rust", "rust-http", "rust-http-p3", "javascript", "python"};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Sources lie in src/: beside NAME.wasm a .wat of the same name would be the function once more.
std::string project_path(std::string_view file, std::string_view name) {
  if (file == "gitignore") return ".gitignore";
  if (file == "function.toml") return fmt::format("{}.toml", name);
  if (file.starts_with("main.") || file.starts_with("lib.")) return fmt::format("src/{}", file);
  return std::string(file);
}

// A language's own file stands for the common one of that name.
bool is_of(const TemplateFile& file, std::string_view language) {
  if (file.language != "common") return file.language == language;
  const auto all = template_files();
  return std::none_of(all.begin(), all.end(), [&](const TemplateFile& other) {
    return other.language == language && other.name == file.name;
  });
}

}  // namespace

std::span<const std::string_view> template_languages() { return kLanguages; }

std::string crate_name(std::string_view name) {
  std::string crate(name);
  for (char& c : crate) {
    if (c == '.') c = '-';
  }
  if (crate.empty() || !http::is_alpha(crate.front())) crate.insert(0, "f-");
  return crate;
}

std::vector<ProjectFile> project_files(std::string_view language, std::string_view name) {
  std::vector<ProjectFile> files;
  for (const TemplateFile& file : template_files()) {
    if (!is_of(file, language)) continue;
    ProjectFile made{project_path(file.name, name), std::string(file.text)};
    replace_all(made.text, "@NAME@", name);
    replace_all(made.text, "@CRATE@", crate_name(name));
    files.push_back(std::move(made));
  }
  return files;
}

}  // namespace godwit::cli
