#include "cli/file_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/output.h"
#include "registry/memory_file.h"

namespace godwit::cli {
namespace {

tl::unexpected<Error> unwritable(const std::string& path, std::string_view why) {
  return fail(ErrorCode::kFileUnwritable, fmt::format("{}: {}", path, why));
}

Result<void> write_into(const std::string& path, int flags, ByteSpan bytes) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666));
  if (!file.valid()) return unwritable(path, errno_text());
  if (auto written = registry::write_all(file.get(), bytes); !written) {
    return unwritable(path, written.error().detail);
  }
  return {};
}

// What a symbolic link leads to is replaced, not the link.
std::string resolved(const std::string& path) { return real_path(path).value_or(path); }

}  // namespace

Result<void> write_file(const std::string& path, ByteSpan bytes) {
  const std::string target = resolved(path);
  struct stat status{};
  const bool there = ::stat(target.c_str(), &status) == 0;
  if (there && S_ISDIR(status.st_mode)) return unwritable(path, "it is a folder");
  if (there && !S_ISREG(status.st_mode)) return write_into(target, 0, bytes);
  const std::string temporary = fmt::format("{}.partial-{}", target, ::getpid());
  ::unlink(temporary.c_str());  // of a process of this number that was killed
  auto written = write_into(temporary, O_CREAT | O_EXCL, bytes);
  if (written && there) ::chmod(temporary.c_str(), status.st_mode & 07777U);
  if (written && ::rename(temporary.c_str(), target.c_str()) != 0) {
    written = unwritable(path, errno_text());
  }
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<void> write_output(const std::string& path, ByteSpan bytes, Content content) {
  const bool to_stdout = path.empty() || path == "-";
  if (content == Content::kBinary) {
    const Fd file(to_stdout ? ::dup(STDOUT_FILENO)
                            : ::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (file.valid() && ::isatty(file.get()) == 1) {
      return fail(usage_error("binary output would go to a terminal",
                              "Name a file with -o OUT, or redirect the output."));
    }
  }
  if (!to_stdout) return write_file(path, bytes);
  print(as_text(bytes));
  return {};
}

}  // namespace godwit::cli
