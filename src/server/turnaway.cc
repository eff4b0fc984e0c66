#include "server/turnaway.h"

#include <array>

#include <sys/socket.h>

#include "base/check.h"
#include "gateway/problem.h"

namespace godwit::server {
namespace {

// What the client has sent meanwhile is dropped, so that closing is no reset. No more than this:
// who sends more than a head has not looked at the answer.
void drop_input(int descriptor) {
  std::array<char, std::size_t{16} << 10> bytes;
  for (int i = 0; i < 4; ++i) {
    if (::recv(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT) <= 0) return;
  }
}

}  // namespace

void Turnaway::refuse(Fd socket, ErrorCode code) {
  ++refused_;
  reason_ = code;
  write_answer(code);
  drop_input(socket.get());
  // A fresh socket takes it whole; one that does not is beyond help.
  (void)::send(socket.get(), answer_.data(), answer_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(socket.get(), SHUT_WR);
  const TimePoint now = monotonic_now();
  if (!armed()) timers_.arm(*this, now + kPartingTime);
  if (parting_.size() == kParting) {
    drop_input(parting_.front().socket.get());
    parting_.pop_front();
  }
  parting_.push_back({std::move(socket), now + kPartingTime});
}

void Turnaway::write_answer(ErrorCode code) {
  gateway_.make_request_id(request_id_);
  gateway::problem_head(code, head_);
  const bool added = head_.fields.append_view("x-request-id", request_id_);
  CHECK(added);
  const std::string body =
      gateway::problem_body({.code = code, .request_id = request_id_, .detail = {}});
  answer_.clear();
  const auto framing = http::append_response_head(
      answer_, head_, {.keep_alive = false, .content_length = body.size()}, dates_);
  CHECK(framing.has_value());
  answer_ += body;
}

void Turnaway::on_timer() noexcept {
  const TimePoint now = monotonic_now();
  if (refused_ > 0) {
    gateway_.log(LogLevel::kWarning, "server", "connections were refused",
                 {{"count", std::to_string(refused_)},
                  {"code", error_code_text(reason_)},
                  {"reason", error_info(reason_).title}});
    refused_ = 0;
  }
  while (!parting_.empty() && parting_.front().until <= now) {
    drop_input(parting_.front().socket.get());
    parting_.pop_front();
  }
  // Also to tell of the next ones not at once but together.
  if (!parting_.empty()) timers_.arm(*this, now + kPartingTime);
}

}  // namespace godwit::server
