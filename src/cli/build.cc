// `godwit build [DIR]`: builds a function project to NAME.wasm, NAME being the folder's name.
#include <algorithm>
#include <cerrno>
#include <vector>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/units.h"
#include "cli/arguments.h"
#include "cli/file_output.h"
#include "cli/function_file.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/provided_imports.h"
#include "cli/verbs.h"
#include "engines/wasmtime/text.h"
#include "manifest/function_name.h"
#include "registry/folder.h"
#include "wasm/contract.h"

namespace godwit::cli {
namespace {

// Hidden, so that a server of the project's folder does not take what lies in it for functions.
constexpr const char* kWorkFolder = ".build";
constexpr const char* kCTools =
    "apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32";

struct Project {
  std::string folder;  // absolute
  std::string name;

  std::string path(std::string_view below) const { return fmt::format("{}/{}", folder, below); }
};

bool is_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// "src/a.c", … in order.
std::vector<std::string> c_sources(const Project& project) {
  std::vector<std::string> sources;
  DIR* const folder = ::opendir(project.path("src").c_str());
  if (folder == nullptr) return sources;
  while (const dirent* const item = ::readdir(folder)) {
    const std::string_view name = item->d_name;
    if (name.ends_with(".c") && !name.starts_with("."))
      sources.push_back(fmt::format("src/{}", name));
  }
  ::closedir(folder);
  std::sort(sources.begin(), sources.end());
  return sources;
}

Result<Project> find_project(const std::string& path) {
  auto real = real_path(path);
  if (!real) {
    return fail(ErrorCode::kFileUnreadable, fmt::format("{}: {}", printable(path), errno_text()));
  }
  Project project{.folder = *std::move(real), .name = {}};
  project.name = name_of(project.folder);
  if (manifest::is_function_segment(project.name)) return project;
  return fail(ErrorCode::kBadFunctionName, printable(project.folder),
              "Rename the folder: the function is called like it.");
}

Result<Bytes> read_result(const std::string& path) {
  return registry::read_file(path, kMaxModuleBytes);
}

Result<Bytes> build_wat(const Project& project) {
  const auto text = read_result(project.path("src/main.wat"));
  if (!text) return fail(text.error());
  auto binary = engines::wasmtime::text_to_binary(as_text(*text));
  if (!binary) binary.error().detail = "src/main.wat:" + binary.error().detail;
  return binary;
}

Result<Bytes> build_c(const Project& project, const std::vector<std::string>& sources) {
  const std::string compiler = find_program({"clang-19", "clang"});
  if (compiler.empty()) return fail(ErrorCode::kToolMissing, "clang", kCTools);
  const std::string output = fmt::format("{}/{}.wasm", kWorkFolder, project.name);
  // Debian's clang knows this target by its first name only.
  ToolOptions tool{
      .command = {compiler, "--target=wasm32-wasi", "-O2", "-s", "-Wall", "-Wextra", "-o", output},
      .folder = project.folder,
      .install_hint = kCTools,
      .failure_hint = fmt::format("Its messages are above. Where a header or library "
                                  "of WASI is missing: {}",
                                  kCTools)};
  tool.command.insert(tool.command.end(), sources.begin(), sources.end());
  if (auto done = run_tool(tool); !done) return fail(std::move(done.error()));
  return read_result(project.path(output));
}

// The module that a message of cargo's (a JSON object a line) tells of, or nothing: a program, or
// the library that exports an HTTP handler.
std::string cargo_module(const Json& message) {
  if (!message.is_object()) return {};
  if (message.contains("executable") && message["executable"].is_string()) {
    return message["executable"].get<std::string>();
  }
  if (!message.contains("filenames") || !message["filenames"].is_array()) return {};
  for (const Json& file : message["filenames"]) {
    if (file.is_string() && file.get<std::string>().ends_with(".wasm")) {
      return file.get<std::string>();
    }
  }
  return {};
}

// Cargo builds what the package depends on first, and the package itself last.
std::string last_cargo_module(const std::string& messages) {
  std::string found;
  for (std::size_t start = 0; start < messages.size();) {
    const std::size_t end = std::min(messages.find('\n', start), messages.size());
    std::string module =
        cargo_module(Json::parse(messages.substr(start, end - start), nullptr, false));
    if (!module.empty()) found = std::move(module);
    start = end + 1;
  }
  return found;
}

// A package with a program is built as a command of WASI preview 1; one that is only a library
// exports wasi:http, so it is a component, which is what cargo makes for the other target.
Result<Bytes> build_rust(const Project& project) {
  const bool is_library =
      is_file(project.path("src/lib.rs")) && !is_file(project.path("src/main.rs"));
  const std::string target = is_library ? "wasm32-wasip2" : "wasm32-wasip1";
  const auto messages = run_tool(
      {.command = {"cargo", "build", "--release", "--target", target, "--target-dir",
                   fmt::format("{}/cargo", kWorkFolder), "--message-format",
                   "json-render-diagnostics"},
       .folder = project.folder,
       .install_hint = fmt::format("Install Rust with rustup, then: rustup target add {}", target),
       .failure_hint = fmt::format("Its messages are above. Where the target is missing "
                                   "(can't find crate for `std`): rustup target add {}",
                                   target)});
  if (!messages) return fail(messages.error());
  const std::string module = last_cargo_module(*messages);
  if (module.empty()) {
    return fail(ErrorCode::kToolFailed, "cargo built no program",
                "The package needs a binary target (src/main.rs), or a library of the type "
                "\"cdylib\".");
  }
  return read_result(module);
}

// JavaScript and Python build themselves: a program of the project fetches its compiler into the
// work folder and runs it.
Result<Bytes> build_itself(const Project& project, std::string interpreter, std::string program,
                           std::string install_hint) {
  const std::string output = fmt::format("{}/{}.wasm", kWorkFolder, project.name);
  const auto done =
      run_tool({.command = {std::move(interpreter), std::move(program), output, kWorkFolder},
                .folder = project.folder,
                .install_hint = std::move(install_hint),
                .failure_hint = "Its messages are above. The first build fetches the compiler, "
                                "which needs the network."});
  if (!done) return fail(done.error());
  return read_result(project.path(output));
}

Result<Bytes> build_module(const Project& project) {
  ::mkdir(project.path(kWorkFolder).c_str(), 0755);  // there already, or the tool will say
  if (is_file(project.path("Cargo.toml"))) return build_rust(project);
  if (is_file(project.path("build.js"))) {
    return build_itself(project, "node", "build.js",
                        "apt-get install nodejs npm (Node 20 or newer)");
  }
  if (is_file(project.path("build.py"))) {
    return build_itself(project, "python3", "build.py", "apt-get install python3-venv");
  }
  if (const auto sources = c_sources(project); !sources.empty()) return build_c(project, sources);
  if (is_file(project.path("src/main.wat"))) return build_wat(project);
  return fail(ErrorCode::kFileUnreadable,
              fmt::format("{} has no Cargo.toml, build.js, build.py, src/*.c or src/main.wat",
                          printable(project.folder)),
              "`godwit new LANGUAGE NAME` makes a project.");
}

// A module that no server would accept is no result.
Result<void> check_module(ByteSpan bytes) {
  const auto info = wasm::read_module(bytes);
  if (!info) return fail(info.error());
  auto contract = wasm::classify(*info, provided_imports());
  if (!contract) return fail(std::move(contract.error()));
  return {};
}

Result<void> build(const std::string& folder) {
  ::umask(::umask(022) | 022);  // others must not be able to write what will be served
  const auto project = find_project(folder);
  if (!project) return fail(project.error());
  const auto bytes = build_module(*project);
  if (!bytes) return fail(bytes.error());
  if (auto checked = check_module(*bytes); !checked) return checked;
  const std::string file = project->name + ".wasm";
  if (auto written = write_file(project->path(file), *bytes); !written) return written;
  const std::string shown = folder == "." ? file : fmt::format("{}/{}", folder, file);
  print(fmt::format("built {} ({})\n", printable(shown), format_size(bytes->size())));
  return {};
}

}  // namespace

int build_verb(Words words) {
  std::string folder = ".";
  Arguments arguments({.verb = "build",
                       .usage = "[DIR]",
                       .summary = "Builds a function project to NAME.wasm, where NAME is the\n"
                                  "folder's name: Rust (Cargo.toml), JavaScript (build.js),\n"
                                  "Python (build.py), C (src/*.c) or WAT (src/main.wat).\n"
                                  "Work files go to .build/.",
                       .example = "godwit build hello"});
  arguments.positional("DIR", folder, "the project's folder; default: this one");
  if (const auto exit = arguments.parse(words)) return *exit;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  const auto built = build(folder);
  return built ? kExitSuccess : fail_with(built.error());
}

}  // namespace godwit::cli
