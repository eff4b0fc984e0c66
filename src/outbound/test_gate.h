// For tests: a resolver's function that answers when the test lets it, and notes what it was asked.
//
//   const auto gate = std::make_shared<TestGate>();
//   Resolver resolver({.resolve = [gate](const auto& host) { return gate->resolve(host); }});
//   gate->let(1);                                  // one more answer
//
// Thread-safe. What waits when the test ends must be let go: open().
#pragma once

#include <condition_variable>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "outbound/resolver.h"

namespace godwit::outbound {

class TestGate final {
 public:
  Resolution resolve(const std::string& host) {
    std::unique_lock lock(mutex_);
    asked_.push_back(host);
    moved_.notify_all();
    moved_.wait(lock, [&] { return let_ > 0; });
    --let_;
    return {.addresses = {*IpAddress::parse("127.0.0.1")}};
  }
  void let(std::size_t count) {
    const std::lock_guard lock(mutex_);
    let_ += count;
    moved_.notify_all();
  }
  void open() { let(std::numeric_limits<std::size_t>::max() / 2); }
  // Waits until so many names were asked for; all of them, in turn.
  std::vector<std::string> asked(std::size_t at_least) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return asked_.size() >= at_least; });
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<std::string> asked_;
  std::size_t let_ = 0;
};

}  // namespace godwit::outbound
