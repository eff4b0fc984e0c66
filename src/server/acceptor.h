// Acceptor: one listening socket of one worker: takes connections out of the backlog.
//
//   Acceptor acceptor(loop, timers, connections, std::move(listening_socket));
//   acceptor.accept_next();          // from now on, until close()
//
// A few at a time, so that a flood of connections does not hold up those that are there. What
// there is no room for is taken as well, and told so: left in the backlog it would only wait, and
// hold up others behind it. Without a free descriptor idle connections are closed; else one of a
// few descriptors that were kept for this is used to say so; and when those are used up the backlog
// is left alone for kPause, again and again. Worker-local.
#pragma once

#include <array>

#include <boost/asio/ip/tcp.hpp>

#include "base/fd.h"
#include "runtime/timer_queue.h"
#include "server/connection_set.h"
#include "server/event_loop.h"

namespace godwit::server {

class Acceptor final : private runtime::TimerNode {
 public:
  static constexpr int kAcceptsPerTurn = 16;
  static constexpr std::chrono::milliseconds kPause{50};
  static constexpr std::size_t kReserved = 4;

  Acceptor(EventLoop& loop, runtime::TimerQueue& timers, ConnectionSet& connections, Fd socket);
  ~Acceptor() override = default;

  void accept_next();
  // Takes what has connected already (the kernel would reset it), and closes.
  void close();

 private:
  enum class Taken : std::uint8_t { kOne, kNone, kTryLater };

  void on_timer() noexcept override { accept_some(); }
  void accept_some();
  Taken accept_one();
  Taken without_descriptor();
  void fill_reserve();

  EventLoop& loop_;
  runtime::TimerQueue& timers_;
  ConnectionSet& connections_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::array<Fd, kReserved> reserve_;
};

}  // namespace godwit::server
