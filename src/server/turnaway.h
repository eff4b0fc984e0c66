// Turnaway: what a connection gets that there is no room for: an answer at once (503 or 429 with
// Retry-After), then its end. Nothing is read or parsed for it, no object of a connection is made.
//
//   turnaway.refuse(std::move(socket), ErrorCode::kTooManyConnections);
//
// A socket with unread input that is closed at once is reset by the kernel, and the reset may
// overtake the answer. So some sockets are kept for kPartingTime, at most kParting at a time. One
// warning at a time says how many were refused. Worker-local.
#pragma once

#include <deque>
#include <string>

#include "base/fd.h"
#include "gateway/gateway.h"
#include "http/response.h"
#include "http/serializer.h"
#include "runtime/timer_queue.h"

namespace godwit::server {

class Turnaway final : private runtime::TimerNode {
 public:
  static constexpr std::size_t kParting = 64;
  static constexpr std::chrono::milliseconds kPartingTime{500};

  Turnaway(gateway::Gateway& gateway, runtime::TimerQueue& timers, http::DateCache& dates)
      : gateway_(gateway), timers_(timers), dates_(dates) {}
  ~Turnaway() override = default;

  void refuse(Fd socket, ErrorCode code);
  // Nobody is waited for any more.
  void close_all() { parting_.clear(); }

 private:
  struct Leaving {
    Fd socket;
    TimePoint until;
  };

  void on_timer() noexcept override;
  void write_answer(ErrorCode code);

  gateway::Gateway& gateway_;
  runtime::TimerQueue& timers_;
  http::DateCache& dates_;
  std::deque<Leaving> parting_;
  std::uint64_t refused_ = 0;  // since the last warning
  ErrorCode reason_ = ErrorCode::kTooManyConnections;
  std::string answer_;
  std::string request_id_;
  http::ResponseHead head_;
};

}  // namespace godwit::server
