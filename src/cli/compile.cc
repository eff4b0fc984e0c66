// `godwit compile FILE -o OUT`: compiles ahead of time, into the artifact cache of this node and
// into a file. The file is the cache's own: authenticated with this node's key, it means nothing
// elsewhere.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/units.h"
#include "cli/arguments.h"
#include "cli/file_output.h"
#include "cli/function_file.h"
#include "cli/output.h"
#include "cli/platform.h"
#include "cli/verbs.h"
#include "registry/memory_file.h"

namespace godwit::cli {
namespace {

struct CompileOptions {
  std::string file;
  std::string output;
  std::string state_dir;
};

// The bytes of the entry that the loader has just stored or used.
Result<Bytes> read_entry(const Platform& platform, const Digest& digest) {
  const std::string name =
      registry::ArtifactCache::entry_name(digest, platform.engine().fingerprint());
  const auto folder = platform.state()->subfolder("artifacts");
  if (!folder) return fail(folder.error());
  const Fd file(::openat(folder->get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return fail(ErrorCode::kFileUnreadable, fmt::format("{}: {}", name, errno_text()));
  }
  Bytes bytes(static_cast<std::size_t>(status.st_size));
  const auto complete = registry::read_exactly(file.get(), bytes, 0);
  if (!complete) return fail(complete.error());
  if (!*complete) return fail(ErrorCode::kFileUnreadable, name + ": it shrank while it was read");
  return bytes;
}

Result<void> compile(const CompileOptions& options) {
  const auto function = read_function_file(options.file);
  if (!function) return fail(function.error());
  const auto platform = Platform::create(
      {.state_dir = options.state_dir, .instances = 1, .cache = CacheMode::kRequired});
  if (!platform) return fail(platform.error());
  const auto loaded = (*platform)->loader().load(function->spec, function->bytes);
  if (!loaded) return fail(loaded.error());
  if (loaded->cache != registry::CacheUse::kHit && !loaded->cache_problem.empty()) {
    return fail(ErrorCode::kStateDirUnusable, loaded->cache_problem);
  }
  const auto artifact = read_entry(**platform, loaded->digest);
  if (!artifact) return fail(artifact.error());
  if (auto written = write_output(options.output, *artifact, Content::kBinary); !written) {
    return written;
  }
  const bool hit = loaded->cache == registry::CacheUse::kHit;
  fmt::print(stderr, "{}: {} of machine code, {}\n", printable(options.file),
             format_size(artifact->size()),
             hit ? std::string("compiled before")
                 : fmt::format("compiled in {:.1f} ms",
                               static_cast<double>(loaded->compile_time.count()) / 1e6));
  return {};
}

}  // namespace

int compile_verb(Words words) {
  CompileOptions options;
  Arguments arguments({.verb = "compile",
                       .usage = "FILE -o OUT [--state-dir DIR]",
                       .summary =
                           "Compiles a module ahead of time, into this node's cache and into\n"
                           "OUT. Compiled code is good for this node alone: what is deployed\n"
                           "is the module.",
                       .example = "godwit compile hello.wasm -o hello.artifact"});
  arguments.positional("FILE", options.file, "the module", Presence::kRequired);
  arguments.option({"-o,--output", "OUT", "the file to write; - is stdout"}, options.output);
  arguments.option({"--state-dir", "DIR", "the node's state folder"}, options.state_dir);
  if (const auto exit = arguments.parse(words)) return *exit;
  if (options.output.empty()) {
    return fail_with(usage_error("`compile` needs -o OUT", "godwit compile FILE -o OUT"));
  }
  const auto done = compile(options);
  return done ? kExitSuccess : fail_with(done.error());
}

}  // namespace godwit::cli
