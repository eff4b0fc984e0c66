#include "wasi/interfaces.h"

namespace godwit::wasi {

std::span<const std::string_view> interfaces() {
  static constexpr std::string_view kInterfaces[] = {
      "wasi:cli/environment@0.2",
      "wasi:cli/exit@0.2",
      "wasi:cli/stderr@0.2",
      "wasi:cli/stdin@0.2",
      "wasi:cli/stdout@0.2",
      "wasi:cli/terminal-input@0.2",
      "wasi:cli/terminal-output@0.2",
      "wasi:cli/terminal-stderr@0.2",
      "wasi:cli/terminal-stdin@0.2",
      "wasi:cli/terminal-stdout@0.2",
      "wasi:clocks/monotonic-clock@0.2",
      "wasi:clocks/wall-clock@0.2",
      "wasi:config/store@0.2.0-rc.1",
      "wasi:filesystem/preopens@0.2",
      "wasi:filesystem/types@0.2",
      "wasi:http/outgoing-handler@0.2",
      "wasi:http/types@0.2",
      "wasi:io/error@0.2",
      "wasi:io/poll@0.2",
      "wasi:io/streams@0.2",
      "wasi:random/insecure-seed@0.2",
      "wasi:random/insecure@0.2",
      "wasi:random/random@0.2",
      // Imported by every language's library: linked, and denied.
      "wasi:sockets/instance-network@0.2",
      "wasi:sockets/ip-name-lookup@0.2",
      "wasi:sockets/network@0.2",
      "wasi:sockets/tcp-create-socket@0.2",
      "wasi:sockets/tcp@0.2",
      "wasi:sockets/udp-create-socket@0.2",
      "wasi:sockets/udp@0.2",
  };
  return kInterfaces;
}

}  // namespace godwit::wasi
