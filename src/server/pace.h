// Pace: does the other side keep up with a least rate? For bodies that come in and responses that
// go out, so that a client which moves a byte now and then holds nothing for long.
//
//   pace.start({.patience = 30s, .min_rate_bytes = 240});
//   pace.wait(now);                 // from now on the other side is waited for
//   pace.moved(bytes, now);         // it has moved so much
//   pace.pause(now);                // it has to wait for us: no time passes for it
//   if (now >= pace.due()) give_up();
//
// Time that it is waited for is taken off a credit, which every byte refills by 1 / min_rate
// seconds, up to `patience`: a good start is no licence to stop. A value; not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace godwit::server {

class Pace final {
 public:
  struct Terms {
    Nanoseconds patience{0};
    std::uint64_t min_rate_bytes = 0;  // a second; 0: any byte fills the credit
  };

  void start(const Terms& terms) {
    terms_ = terms;
    credit_ = terms.patience;
    waiting_ = false;
  }
  void wait(TimePoint now) {
    if (waiting_) return;
    waiting_ = true;
    since_ = now;
  }
  void pause(TimePoint now) {
    if (!waiting_) return;
    credit_ -= now - since_;
    waiting_ = false;
  }
  void moved(std::uint64_t bytes, TimePoint now) {
    if (bytes == 0) return;
    if (waiting_) {
      credit_ -= now - since_;
      since_ = now;
    }
    const bool refills = terms_.min_rate_bytes == 0;
    credit_ = refills ? terms_.patience : std::min(terms_.patience, credit_ + earned(bytes));
  }
  bool waiting() const { return waiting_; }
  // When its credit is used up if nothing moves until then. REQUIRES: waiting().
  TimePoint due() const { return since_ + credit_; }

 private:
  Nanoseconds earned(std::uint64_t bytes) const {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    constexpr std::uint64_t kMost = std::uint64_t{1} << 33;  // times a second still fits
    return Nanoseconds(
        static_cast<std::int64_t>(std::min(bytes, kMost) * kSecond / terms_.min_rate_bytes));
  }

  Terms terms_;
  Nanoseconds credit_{0};
  TimePoint since_;
  bool waiting_ = false;
};

}  // namespace godwit::server
