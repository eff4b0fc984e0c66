// poll_oneoff. The subscriptions are judged where they stand in guest memory, one pass per call;
// the host keeps nothing of them but the moment when the call began. A call that finds nothing
// ready registers with the streams and arms one timer for the earliest deadline; when the guest is
// woken the engine calls again, and relative timeouts still count from the first call.
#include <algorithm>
#include <chrono>
#include <optional>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

// Longer waits are cut to this: no invocation lives that long, and no sum of it overflows.
constexpr std::uint64_t kMaxWaitNs = 100ULL * 365 * 24 * 3600 * 1'000'000'000ULL;

class Poll final {
 public:
  explicit Poll(const Call& call)
      : host_(call.host),
        now_(call.host.clock().now()),
        began_(call.host.poll_began().value_or(now_)) {
    host_.stop_waiting();
  }

  // The event, or nothing yet (then the host is registered for it, or earliest() says when).
  // `valid` is false when the subscription's type does not exist.
  template <class AnySubscription>
  std::optional<Event> examine(const AnySubscription& subscription, bool& valid) {
    Event event{};
    event.userdata = subscription.userdata;
    event.type = subscription.type;
    switch (subscription.type) {
      case EventType::kClock:
        return clock(subscription.clock(), subscription.timeout, subscription.flags, event);
      case EventType::kFdRead: return readable(subscription.fd(), event);
      case EventType::kFdWrite: return writable(subscription.fd(), event);
    }
    valid = false;
    return {};
  }

  // Nothing was ready.
  Answer wait() {
    if (earliest_wait_ns_) {
      host_.wait_until(now_ + Nanoseconds(std::min(*earliest_wait_ns_, kMaxWaitNs)));
    }
    host_.remember_poll(began_);
    return Answer::pending();
  }

 private:
  static Event failed(Event event, Errno error) {
    event.error = error;
    return event;
  }

  std::optional<Event> clock(ClockId id, Timestamp timeout, std::uint16_t flags,
                             const Event& event) {
    if ((flags & ~kAbsoluteTime) != 0) return failed(event, Errno::kInval);
    std::uint64_t passed = 0;  // on the line that `timeout` counts on
    switch (id) {
      case ClockId::kRealtime:
      case ClockId::kMonotonic:
        if ((flags & kAbsoluteTime) == 0) {
          passed = static_cast<std::uint64_t>((now_ - began_).count());
        } else if (id == ClockId::kMonotonic) {
          passed = kMonotonicStartNs + host_.elapsed_ns(now_);
        } else {
          passed = host_.clock().realtime_ns();
        }
        break;
      case ClockId::kProcessCpu:
      case ClockId::kThreadCpu: return failed(event, Errno::kNotsup);
      default: return failed(event, Errno::kInval);
    }
    if (timeout <= passed) return event;
    earliest_wait_ns_ = std::min(earliest_wait_ns_.value_or(UINT64_MAX), timeout - passed);
    return {};
  }

  // A regular file, as poll(2) says. How many bytes it has left would have to be asked.
  static std::optional<Event> always_ready(const Descriptor& descriptor, Event event) {
    if (!descriptor.may(right::kPollFdReadwrite)) return failed(event, Errno::kNotcapable);
    event.byte_count = 1;
    return event;
  }

  std::optional<Event> readable(Fd fd, Event event) {
    const Descriptor* const descriptor = host_.descriptor(fd);
    if (descriptor != nullptr && descriptor->readable) return always_ready(*descriptor, event);
    if (descriptor == nullptr || descriptor->input == nullptr) return failed(event, Errno::kBadf);
    if (!descriptor->may(right::kFdRead | right::kPollFdReadwrite)) {
      return failed(event, Errno::kNotcapable);
    }
    if (host_.wait_for(*descriptor->input)) return {};
    event.byte_count = descriptor->input->available();
    if (event.byte_count == 0) event.flags = kHangup;  // ready and nothing there: the end
    return event;
  }

  std::optional<Event> writable(Fd fd, Event event) {
    const Descriptor* const descriptor = host_.descriptor(fd);
    if (descriptor != nullptr && descriptor->writable) return always_ready(*descriptor, event);
    if (descriptor == nullptr || descriptor->output == nullptr) return failed(event, Errno::kBadf);
    if (!descriptor->may(right::kFdWrite | right::kPollFdReadwrite)) {
      return failed(event, Errno::kNotcapable);
    }
    if (descriptor->output->closed()) {
      event.flags = kHangup;
      return event;
    }
    if (host_.wait_for(*descriptor->output)) return {};
    event.byte_count = 1;  // at least; streams do not say how much
    return event;
  }

  Preview1& host_;
  TimePoint now_;
  TimePoint began_;
  std::optional<std::uint64_t> earliest_wait_ns_;
};

template <class AnySubscription>
Answer poll(const Call& call, Pointer in, Pointer out, Size count, Out<Size> event_count) {
  const std::uint64_t looked_at = std::min(count, kMaxSubscriptions);
  if (!call.host.afford(100 + 20 * looked_at)) return Answer::pending();
  Poll poll(call);
  if (count == 0 || count > kMaxSubscriptions) return Errno::kInval;
  if (!call.memory.slice(in.address, std::uint64_t{count} * sizeof(AnySubscription)) ||
      !call.memory.slice(out.address, std::uint64_t{count} * sizeof(Event)) ||
      !event_count.fits(call)) {
    return Errno::kFault;
  }
  Size events = 0;
  bool valid = true;
  for (Size i = 0; i < count && valid; ++i) {
    const auto subscription = call.memory.load<AnySubscription>(
        std::uint64_t{in.address} + std::uint64_t{i} * sizeof(AnySubscription));
    if (!subscription) return Errno::kFault;
    const std::optional<Event> event = poll.examine(*subscription, valid);
    if (!event) continue;
    if (!call.memory.store(std::uint64_t{out.address} + std::uint64_t{events} * sizeof(Event),
                           *event)) {
      return Errno::kFault;
    }
    ++events;
  }
  if (valid && events == 0) return poll.wait();
  call.host.stop_waiting();
  return valid ? event_count.store(call, events) : Errno::kInval;
}

}  // namespace

Answer poll_oneoff(const Call& call, Pointer in, Pointer out, Size count, Out<Size> event_count) {
  return poll<Subscription>(call, in, out, count, event_count);
}

Answer snapshot0::poll_oneoff(const Call& call, Pointer in, Pointer out, Size count,
                              Out<Size> event_count) {
  return poll<wasi::snapshot0::Subscription>(call, in, out, count, event_count);
}

}  // namespace godwit::wasi::functions
