#include "server/loss_watch.h"

#include <algorithm>
#include <array>

#include <poll.h>

namespace godwit::server {

void LossWatch::join(Watched& node, TimePoint now) {
  if (node.is_linked()) return;
  watched_.push_back(node);
  if (!armed()) timers_.arm(*this, now + kInterval);
}

void LossWatch::leave(Watched& node) {
  if (node.is_linked()) watched_.erase(watched_.iterator_to(node));
}

void LossWatch::on_timer() noexcept {
  if (watched_.empty()) return;
  std::array<pollfd, kBatch> descriptors;
  std::array<Watched*, kBatch> asked;
  const std::size_t count = std::min(watched_.size(), kBatch);
  for (std::size_t i = 0; i < count; ++i) {
    asked[i] = &watched_.front();
    watched_.splice(watched_.end(), watched_, watched_.begin());
    // No events: errors and hang-ups are told all the same.
    descriptors[i] = {.fd = asked[i]->watched_descriptor(), .events = 0, .revents = 0};
  }
  timers_.arm(*this, monotonic_now() + kInterval);
  if (::poll(descriptors.data(), count, 0) <= 0) return;
  std::size_t told = 0;
  for (std::size_t i = 0; i < count; ++i) {
    // Whoever is lost may take others with it; they are not in the list any more then.
    if ((descriptors[i].revents & (POLLERR | POLLHUP)) == 0 || !asked[i]->is_linked()) continue;
    if (++told > kToldPerTurn)
      return timers_.arm(*this, monotonic_now());  // after the others' turn
    leave(*asked[i]);
    asked[i]->on_lost();
  }
}

}  // namespace godwit::server
