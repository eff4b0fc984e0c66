// What a client may take its time for. connection.h has the whole; pace.h has the least rate.
#include "server/connection.h"

namespace godwit::server {

// Most timers are not moved when bytes move: one that fires looks what is due now.
void Connection::arm_by(TimePoint due) {
  if (!armed() || deadline() > due) set_.timers_.arm(*this, due);
}

// Up to an eighth later, each connection by its own part: thousands that began together, or were
// made to, must not all be ended in one turn of the loop.
Nanoseconds Connection::spread(std::chrono::milliseconds limit) const {
  constexpr std::uint32_t kParts = 64;
  return limit + Nanoseconds(limit) / (8 * kParts) * (number_ % kParts);
}

void Connection::wait_for_body() {
  const bool body = intake_ == Intake::kBody || intake_ == Intake::kDiscard;
  if (!body || read_ended_ || body_pace_.waiting()) return;
  body_pace_.wait(monotonic_now());
  arm_by(body_pace_.due());
}

void Connection::on_timer() noexcept {
  const auto self = shared_from_this();
  if (intake_ == Intake::kClosed) return;
  const TimePoint now = monotonic_now();
  const Due due = next_due(now);
  if (due.at > now) return set_.timers_.arm(*this, due.at);
  on_timeout(due.what);
}

Connection::Due Connection::next_due(TimePoint now) {
  switch (intake_) {
    case Intake::kClosed: return {now + set_.limits_.idle};
    case Intake::kLinger: return {linger_until_, Timeout::kLinger};
    case Intake::kHead:
      if (!parser_.idle()) return {head_started_ + spread(set_.limits_.head), Timeout::kHead};
      return {last_progress_ + spread(set_.limits_.idle), Timeout::kIdle};
    case Intake::kBody:
    case Intake::kDiscard:
    case Intake::kComplete: break;
  }
  // The guest has limits of its own; here only the client is timed, while it is waited for.
  Due due{now + set_.limits_.idle};
  if (body_pace_.waiting() && body_pace_.due() < due.at) due = {body_pace_.due(), Timeout::kBody};
  if (response_pace_.waiting()) {
    see_what_was_taken(now);
    if (response_pace_.due() < due.at) due = {response_pace_.due(), Timeout::kResponse};
  }
  return due;
}

void Connection::on_timeout(Timeout what) {
  ConnectionCounts& counts = set_.counts_;
  switch (what) {
    case Timeout::kNone:
    case Timeout::kLinger: return close_now();
    case Timeout::kIdle: ++counts.timeouts_idle; return close_now();
    case Timeout::kHead:
      ++counts.timeouts_head;
      refuse_half_head(ErrorCode::kRequestTimeout);
      return advance();
    case Timeout::kBody:
      ++counts.timeouts_body;
      if (intake_ != Intake::kBody || exchange_.responded()) return close_now();
      keep_alive_ = false;
      intake_ = Intake::kDiscard;
      fail_request(ErrorCode::kRequestTimeout);
      return advance();
    case Timeout::kResponse: ++counts.timeouts_response; return reset_now();
  }
}

}  // namespace godwit::server
