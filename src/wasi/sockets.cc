// sock_*: there are no sockets.
#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

Errno no_socket(const Call& call, Fd fd) {
  return call.host.descriptor(fd) != nullptr ? Errno::kNotsock : Errno::kBadf;
}

}  // namespace

Errno sock_accept(const Call& call, Fd fd, std::uint32_t, Out<Fd>) { return no_socket(call, fd); }

Errno sock_recv(const Call& call, Fd fd, Pointer, Size, std::uint32_t, Out<Size>,
                Out<std::uint16_t>) {
  return no_socket(call, fd);
}

Errno sock_send(const Call& call, Fd fd, Pointer, Size, std::uint32_t, Out<Size>) {
  return no_socket(call, fd);
}

Errno sock_shutdown(const Call& call, Fd fd, std::uint32_t) { return no_socket(call, fd); }

}  // namespace godwit::wasi::functions
