#include "cli/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

extern char** environ;  // NOLINT: POSIX's name

namespace godwit::cli {
namespace {

// posix_spawn's argument objects, freed whatever happens.
class SpawnSetup final {
 public:
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  void prepare(int output, const std::string& folder) {
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    if (!folder.empty()) ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
    // We ignore SIGPIPE; a compiler may count on it.
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &pipe_signal);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF);
  }
  int spawn(pid_t& child, std::vector<char*>& arguments) const {
    return ::posix_spawnp(&child, arguments[0], &actions_, &attributes_, arguments.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string read_to_end(int fd) {
  std::string output;
  std::array<char, 8192> part;  // NOLINT: only what was read is looked at
  while (true) {
    const ssize_t count = ::read(fd, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return output;
    const std::size_t room = kMaxToolOutputBytes - output.size();
    output.append(part.data(), std::min(static_cast<std::size_t>(count), room));
  }
}

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace

Result<std::string> run_tool(const ToolOptions& options) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kSystemCall, "pipe2: " + errno_text());
  }
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  std::vector<char*> arguments;
  for (const std::string& word : options.command) {
    arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: POSIX does not change them
  }
  arguments.push_back(nullptr);
  SpawnSetup setup;
  setup.prepare(writer.get(), options.folder);
  pid_t child = -1;
  const int error = setup.spawn(child, arguments);
  if (error == ENOENT) {
    return fail(ErrorCode::kToolMissing, options.command.front(), options.install_hint);
  }
  if (error != 0) {
    return fail(ErrorCode::kToolFailed,
                fmt::format("{} does not start: {}", options.command.front(), errno_text(error)));
  }
  writer.reset();
  std::string output = read_to_end(reader.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  return fail(ErrorCode::kToolFailed,
              fmt::format("{} {}", fmt::join(options.command, " "), end_text(status)),
              options.failure_hint);
}

std::string find_program(const std::vector<std::string>& candidates) {
  const char* const variable = std::getenv("PATH");
  const std::string_view path = variable != nullptr ? variable : "";
  for (const std::string& candidate : candidates) {
    std::string_view rest = path;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      const std::string program = fmt::format("{}/{}", rest.substr(0, end), candidate);
      if (end != 0 && ::access(program.c_str(), X_OK) == 0) return candidate;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return {};
}

}  // namespace godwit::cli
