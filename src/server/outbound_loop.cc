#include "server/outbound_loop.h"

#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace godwit::server {
namespace {

using boost::asio::posix::stream_descriptor;

// Handlers hold the state: one that is on its way when the watch goes finds no observer.
struct WatchState : std::enable_shared_from_this<WatchState> {
  WatchState(boost::asio::io_context& io, int fd, outbound::SocketObserver& who)
      : descriptor(io), number(fd), observer(&who) {}

  void arm(bool& waits, stream_descriptor::wait_type what) {
    if (std::exchange(waits, true)) return;
    descriptor.async_wait(what, [self = shared_from_this(), &waits, what](const auto& error) {
      waits = false;
      if (error || self->observer == nullptr) return;
      const bool read = what == stream_descriptor::wait_read;
      if (!(read ? self->wants_read : self->wants_write)) return;
      self->observer->on_socket(self->number, read, !read);
      if (self->observer != nullptr) self->arm_wanted();
    });
  }
  void arm_wanted() {
    if (wants_read) arm(waits_read, stream_descriptor::wait_read);
    if (wants_write) arm(waits_write, stream_descriptor::wait_write);
  }

  stream_descriptor descriptor;
  const int number;
  outbound::SocketObserver* observer;
  bool wants_read = false;
  bool wants_write = false;
  bool waits_read = false;
  bool waits_write = false;
};

class Watch final : public outbound::SocketWatch {
 public:
  explicit Watch(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}
  ~Watch() override {
    state_->observer = nullptr;
    state_->descriptor.release();  // the socket is its owner's
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void want(bool readable, bool writable) override {
    state_->wants_read = readable;
    state_->wants_write = writable;
    state_->arm_wanted();
  }

 private:
  const std::shared_ptr<WatchState> state_;
};

class Timer final : public outbound::LoopTimer {
 public:
  Timer(boost::asio::io_context& io, outbound::TimerObserver& observer)
      : timer_(io), observer_(observer) {}

  void arm(TimePoint deadline) override {
    ++*generation_;
    timer_.expires_at(deadline);
    timer_.async_wait([this, current = generation_, mine = *generation_](const auto& error) {
      // Armed again, cancelled, or gone while this was on its way.
      if (!error && *current == mine) observer_.on_timer();
    });
  }
  void cancel() override {
    ++*generation_;
    timer_.cancel();
  }
  ~Timer() override { ++*generation_; }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  boost::asio::steady_timer timer_;
  outbound::TimerObserver& observer_;
  const std::shared_ptr<std::uint64_t> generation_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace

std::unique_ptr<outbound::SocketWatch> OutboundLoop::watch(int fd,
                                                           outbound::SocketObserver& observer) {
  auto state = std::make_shared<WatchState>(loop_.io(), fd, observer);
  boost::system::error_code error;
  state->descriptor.assign(fd, error);  // NOLINT(bugprone-unused-return-value): it is in `error`
  if (error) return nullptr;
  return std::make_unique<Watch>(std::move(state));
}

std::unique_ptr<outbound::LoopTimer> OutboundLoop::timer(outbound::TimerObserver& observer) {
  return std::make_unique<Timer>(loop_.io(), observer);
}

}  // namespace godwit::server
