// `godwit new LANGUAGE NAME`: a function project from a template.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/arguments.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/templates.h"
#include "cli/verbs.h"
#include "manifest/function_name.h"
#include "manifest/nearest_key.h"

namespace godwit::cli {
namespace {

Result<void> check_names(const std::string& language, const std::string& name) {
  const auto languages = template_languages();
  if (std::find(languages.begin(), languages.end(), language) == languages.end()) {
    const std::string_view nearest = manifest::nearest_key(language, languages);
    return fail(usage_error(
        fmt::format("there is no template for the language \"{}\"", printable(language)),
        nearest.empty() ? fmt::format("The languages are {}.", fmt::join(languages, ", "))
                        : fmt::format("Did you mean {}?", nearest)));
  }
  if (manifest::is_function_segment(name)) return {};
  return fail(
      usage_error(fmt::format("\"{}\" cannot be a function's name", printable(name)),
                  "A name is a letter or digit, then up to 62 letters, digits, '.', '_' and '-'."));
}

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return {};
  if (errno == EEXIST) {
    return fail(usage_error(fmt::format("{} exists already", path), "Choose another name."));
  }
  return fail(ErrorCode::kFileUnwritable, fmt::format("{}: {}", path, errno_text()));
}

Result<void> make_project(const std::string& language, const std::string& name) {
  if (auto checked = check_names(language, name); !checked) return checked;
  // Others must not be able to write what will be served.
  ::umask(::umask(022) | 022);
  for (const std::string& folder : {name, name + "/src"}) {
    if (auto made = make_folder(folder); !made) return made;
  }
  for (const ProjectFile& file : project_files(language, name)) {
    auto written = write_file(fmt::format("{}/{}", name, file.path), as_bytes(file.text));
    if (!written) return written;
  }
  return {};
}

}  // namespace

int new_verb(Words words) {
  std::string language;
  std::string name;
  Arguments arguments({.verb = "new",
                       .usage = "LANGUAGE NAME",
                       .summary = "Makes the folder NAME with a function that greets: its source,\n"
                                  "its settings, a README. Languages: wat, c and rust (commands);\n"
                                  "rust-http, rust-http-p3 (WASI 0.3), javascript and python\n"
                                  "(components for HTTP).",
                       .example = "godwit new c hello && godwit build hello"});
  arguments.positional("LANGUAGE", language,
                       fmt::format("{}", fmt::join(template_languages(), ", ")),
                       Presence::kRequired);
  arguments.positional("NAME", name, "the function's name", Presence::kRequired);
  if (const auto exit = arguments.parse(words)) return *exit;
  if (auto made = make_project(language, name); !made) return fail_with(made.error());
  print(
      fmt::format("made {0}/\nnext: godwit build {0} && godwit run {0}/{0}.wasm name=Ada\n", name));
  return kExitSuccess;
}

}  // namespace godwit::cli
