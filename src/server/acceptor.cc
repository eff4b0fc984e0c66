#include "server/acceptor.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <boost/asio/post.hpp>

namespace godwit::server {
namespace {

using boost::asio::ip::tcp;

constexpr int kMaxBacklog = 4096;
constexpr std::size_t kClosedForDescriptors = 8;

Fd accept_from(int listening, tcp::endpoint& peer) {
  socklen_t size = static_cast<socklen_t>(peer.capacity());
  Fd socket(::accept4(listening, peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.valid()) peer.resize(size);
  return socket;
}

}  // namespace

Acceptor::Acceptor(EventLoop& loop, runtime::TimerQueue& timers, ConnectionSet& connections,
                   Fd socket)
    : loop_(loop), timers_(timers), connections_(connections), acceptor_(loop.io()) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  acceptor_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), socket.release());
  fill_reserve();
}

// Any descriptor will do; this one needs no path.
void Acceptor::fill_reserve() {
  for (Fd& each : reserve_) {
    if (!each.valid()) each = Fd(::fcntl(acceptor_.native_handle(), F_DUPFD_CLOEXEC, 0));
    if (!each.valid()) return;
  }
}

void Acceptor::accept_next() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
    if (!error) accept_some();
  });
}

void Acceptor::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (!acceptor_.is_open()) return;
    switch (accept_one()) {
      case Taken::kOne: break;
      case Taken::kNone: return accept_next();
      // The connection stays in the backlog; asking again at once would only spin.
      case Taken::kTryLater: return timers_.arm(*this, monotonic_now() + kPause);
    }
  }
  // More may wait; but first those that were accepted have their turn, and guests theirs.
  boost::asio::post(loop_.io(), [this] {
    if (acceptor_.is_open()) accept_some();
  });
}

Acceptor::Taken Acceptor::accept_one() {
  fill_reserve();
  tcp::endpoint peer;
  Fd socket = accept_from(acceptor_.native_handle(), peer);
  if (socket.valid()) {
    connections_.add(loop_.io(), std::move(socket), peer);
    return Taken::kOne;
  }
  switch (errno) {
    case EAGAIN: return Taken::kNone;
    case EMFILE: return without_descriptor();
    // Of the connection, which is gone, not of the listening socket (accept(2)).
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ENONET:
    case EOPNOTSUPP: return Taken::kOne;
    default: connections_.close_idle(kClosedForDescriptors); return Taken::kTryLater;
  }
}

Acceptor::Taken Acceptor::without_descriptor() {
  if (connections_.close_idle(kClosedForDescriptors) > 0) return Taken::kOne;  // now there are some
  const auto spare =
      std::find_if(reserve_.begin(), reserve_.end(), [](const Fd& each) { return each.valid(); });
  if (spare == reserve_.end()) return Taken::kTryLater;
  spare->reset();
  tcp::endpoint peer;
  Fd socket = accept_from(acceptor_.native_handle(), peer);
  if (!socket.valid()) return Taken::kTryLater;
  connections_.turn_away(std::move(socket));
  return Taken::kOne;
}

void Acceptor::close() {
  disarm();
  if (!acceptor_.is_open()) return;
  for (int i = 0; i < kMaxBacklog && accept_one() == Taken::kOne; ++i) {
  }
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (Fd& each : reserve_) each.reset();
}

}  // namespace godwit::server
