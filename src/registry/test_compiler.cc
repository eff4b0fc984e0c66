#include "registry/test_compiler.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry/test_folder.h"

extern char** environ;

namespace godwit::registry {
namespace {

[[noreturn]] void loop_for_ever() {
  for (std::atomic<std::uint64_t> i = 0;; ++i) {
  }
}

// Touches what it takes, so that the memory is really used.
[[noreturn]] void take_memory() {
  std::vector<std::unique_ptr<char[]>> taken;
  while (true) {
    taken.push_back(std::make_unique<char[]>(1 << 20));
    ::memset(taken.back().get(), 1, 1 << 20);
  }
}

// What the child can see of the server: descriptors, environment, privileges.
std::string surroundings() {
  std::string text = "fds";
  for (int fd = 0; fd < 4096; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) text += fmt::format(" {}", fd);
  }
  text += fmt::format("; environment {}", environ[0] == nullptr ? "empty" : environ[0]);
  std::error_code error;
  const auto threads = std::filesystem::directory_iterator("/proc/self/task", error);
  if (error) return text + "; no look at /proc";
  return text +
         fmt::format("; threads {}", std::distance(threads, std::filesystem::directory_iterator()));
}

// What stands in the way of a compiler that its input has taken over: 0, or the errno of each.
std::string attempts() {
  const auto result = [](long value) { return value < 0 ? errno : 0; };
  return fmt::format("open {}; socket {}; fork {}; kill {}; signal {}; memfd {}",
                     result(::open("/etc/passwd", O_RDONLY)),
                     result(::socket(AF_INET, SOCK_STREAM, 0)), result(::fork()),
                     result(::kill(::getppid(), SIGKILL)), result(::kill(1, 0)),
                     result(::memfd_create("more", 0)));
}

[[noreturn]] void execute() {
  char* const none[] = {nullptr};
  ::execve("/bin/true", none, none);
  ::_exit(0);
}

void misbehave(std::string_view word) {
  if (word == "loop") loop_for_ever();
  if (word == "memory") take_memory();
  if (word == "sleep") ::sleep(1000);
  if (word == "crash") ::raise(SIGSEGV);
  if (word == "abort") {
    ::dprintf(2, "thread panicked at 'index out of bounds'\n");
    std::abort();
  }
  if (word == "rust-memory") {
    ::dprintf(2, "memory allocation of 12345 bytes failed\n");
    std::abort();
  }
  if (word == "exit") ::_exit(7);
  if (word == "vanish") ::_exit(0);
  if (word == "log") {
    while (::write(2, "noise noise noise\n", 18) > 0) {
    }
  }
  if (word == "execute") execute();
  if (word == "kill-service") ::kill(::getppid(), SIGKILL);
  if (word == "grandchild" && ::fork() == 0) {
    ::sleep(1000);
    ::_exit(0);
  }
}

}  // namespace

Result<CompileOutput> obedient_compiler(ByteSpan input) {
  const std::string_view text = as_text(input);
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, space);
  const std::string_view rest = text.substr(std::min(space + 1, text.size()));
  misbehave(word);
  if (word == "text") return CompileOutput{bytes_of(rest), bytes_of("code")};
  if (word == "ok") return CompileOutput{{}, bytes_of(rest)};
  if (word == "pid") return CompileOutput{{}, bytes_of(std::to_string(::getpid()))};
  if (word == "attempts") return CompileOutput{{}, bytes_of(attempts())};
  if (word == "surroundings") return CompileOutput{{}, bytes_of(surroundings())};
  if (word == "big") return CompileOutput{{}, Bytes(std::size_t{16} << 20)};
  if (word == "huge-file") {
    // Past the compiler's own check: straight into the output.
    const std::vector<char> block(1 << 20, 'x');
    while (::write(4, block.data(), block.size()) > 0) {
    }
    ::_exit(0);
  }
  if (word == "lie") {
    // A header that promises what is not there.
    const std::uint64_t header[3] = {1, ~std::uint64_t{0} >> 1, ~std::uint64_t{0} >> 1};
    [[maybe_unused]] const ssize_t ignored = ::write(4, header, sizeof(header));
    ::_exit(0);
  }
  if (word == "foreign-error") return fail(ErrorCode::kNoRoute, "not mine to report");
  if (word == "error") {
    return fail(ErrorCode::kModuleMalformed, std::string(rest), "read the specification");
  }
  if (word == "memory-error") return fail(ErrorCode::kCompileFailed, "engine: out of memory (7)");
  if (word == "long-error") return fail(ErrorCode::kCompileFailed, std::string(100'000, 'x'));
  return CompileOutput{{}, bytes_of("done")};
}

}  // namespace godwit::registry
