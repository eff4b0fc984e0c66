// LossWatch: which clients are gone while their requests are served? A guest whose client is gone
// is ended, whatever it does: waits for its place, computes, sleeps, writes to a full pipe.
//
//   class Connection : public LossWatch::Watched { … };
//   watch.join(connection);           // a request has begun; leave() when it is answered
//
// Gone means reset. A client that closed only its sending side (a FIN) still reads and gets its
// answer; one that closed for good looks the same until the first byte of its answer makes its
// kernel send the reset. While nothing is read from a socket the loop would not hear of a reset,
// so one poll(2) asks for many at a time, kInterval apart: most requests are over by then and cost
// two pointers; and bytes that nobody reads, or urgent ones, wake nobody. Worker-local.
#pragma once

#include <boost/intrusive/list.hpp>

#include "runtime/timer_queue.h"

namespace godwit::server {

class LossWatch final : private runtime::TimerNode {
 public:
  static constexpr std::chrono::milliseconds kInterval{50};
  // Asked in one turn of the loop; with more, the others have their turn at the next interval.
  static constexpr std::size_t kBatch = 512;
  // Told in one turn: each may end a guest, and thousands may have gone together.
  static constexpr std::size_t kToldPerTurn = 32;

  class Watched : public boost::intrusive::list_base_hook<> {
   public:
    // Its socket, open while it is watched.
    virtual int watched_descriptor() noexcept = 0;
    // The connection was reset. Called without the node in the list.
    virtual void on_lost() noexcept = 0;

   protected:
    ~Watched() = default;
  };

  explicit LossWatch(runtime::TimerQueue& timers) : timers_(timers) {}
  ~LossWatch() override { watched_.clear(); }

  // No effect when it is watched already; likewise leave().
  void join(Watched& node, TimePoint now);
  void leave(Watched& node);
  std::size_t size() const { return watched_.size(); }

 private:
  void on_timer() noexcept override;

  runtime::TimerQueue& timers_;
  boost::intrusive::list<Watched> watched_;  // who was asked longest ago first
};

}  // namespace godwit::server
