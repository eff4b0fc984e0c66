// The one binary: `godwit VERB …`, and, started by itself, the compile service.
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/compile_function.h"
#include "cli/platform.h"
#include "cli/verbs.h"
#include "registry/compile_service.h"

namespace {

// The service's socket is what tells our own start from somebody who typed the word.
bool has_service_socket() {
  int type = 0;
  socklen_t size = sizeof(type);
  return ::getsockopt(godwit::registry::kCompileServiceFd, SOL_SOCKET, SO_TYPE, &type, &size) ==
             0 &&
         type == SOCK_SEQPACKET;
}

// Where a standard stream is closed, its number would go to the next file that is opened, and what
// was meant for a terminal would be written into that.
void open_standard_streams() {
  int fd = ::open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
  if (fd >= 0) ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  using godwit::registry::compile_service_main;
  // Before anything else: it must have no threads, and needs nothing of what follows.
  if ((argc == 2 || argc == 3) && std::string_view(argv[1]) == godwit::cli::kCompileServiceVerb &&
      has_service_socket()) {
    const bool confined = argc == 2 || std::string_view(argv[2]) != godwit::cli::kUnconfinedWord;
    return compile_service_main({.compile = &godwit::cli::compile_function,
                                 .prepare = &godwit::cli::prepare_compiler,
                                 .confined = confined});
  }
  open_standard_streams();
  std::signal(SIGCHLD, SIG_DFL);  // a parent that ignored it would keep us from our children's ends
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write()
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return godwit::cli::run_command_line(words);
}
