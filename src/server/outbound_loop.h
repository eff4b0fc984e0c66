// OutboundLoop: what outbound HTTP needs of a worker's event loop (outbound/loop.h), over
// Boost.Asio.
//
//   OutboundLoop outbound_loop(event_loop);
//   outbound::Client client(outbound_loop, options);
//
// Worker-local; must not outlive the event loop, nor what it gave out this.
#pragma once

#include "outbound/loop.h"
#include "server/event_loop.h"

namespace godwit::server {

class OutboundLoop final : public outbound::Loop {
 public:
  explicit OutboundLoop(EventLoop& loop) : loop_(loop) {}

  std::unique_ptr<outbound::SocketWatch> watch(int fd, outbound::SocketObserver& observer) override;
  std::unique_ptr<outbound::LoopTimer> timer(outbound::TimerObserver& observer) override;
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }

 private:
  EventLoop& loop_;
};

}  // namespace godwit::server
