// `godwit wat FILE`: binary → text, text → binary, by what the file holds.
#include "cli/arguments.h"
#include "cli/file_output.h"
#include "cli/function_file.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engines/wasmtime/text.h"
#include "registry/folder.h"
#include "wasm/module_info.h"

namespace godwit::cli {
namespace {

Result<void> convert(const std::string& path, const std::string& output) {
  const auto bytes = registry::read_file(path, kMaxModuleBytes);
  if (!bytes) return fail(bytes.error());
  if (wasm::looks_like_text(*bytes)) {
    const auto binary = engines::wasmtime::text_to_binary(as_text(*bytes));
    if (!binary) return fail(binary.error());
    return write_output(output, *binary, Content::kBinary);
  }
  const auto text = engines::wasmtime::binary_to_text(*bytes);
  if (!text) return fail(text.error());
  return write_output(output, as_bytes(*text), Content::kText);
}

}  // namespace

int wat_verb(Words words) {
  std::string file;
  std::string output;
  Arguments arguments({.verb = "wat",
                       .usage = "FILE [-o OUT]",
                       .summary = "Turns a binary module or component into text, and text into\n"
                                  "binary, whatever the file's name is.",
                       .example = "godwit wat hello.wasm | less\n"
                                  "godwit wat hello.wat -o hello.wasm"});
  arguments.positional("FILE", file, "the module", Presence::kRequired);
  arguments.option({"-o,--output", "OUT", "the file to write; without it, stdout"}, output);
  if (const auto exit = arguments.parse(words)) return *exit;
  const auto done = convert(file, output);
  return done ? kExitSuccess : fail_with(done.error());
}

}  // namespace godwit::cli
