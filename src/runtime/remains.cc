#include "runtime/remains.h"

#include <utility>

#include "runtime/worker.h"

namespace godwit::runtime {

Remains::Remains(Worker& worker, FunctionShare& share, std::unique_ptr<engine::Instance> instance,
                 std::uint32_t places)
    : worker_(worker), share_(share), instance_(std::move(instance)), places_(places) {
  ++share_.users;
}

Remains::~Remains() {
  worker_.queue().remove(*this);
  instance_.reset();
  share_.places.release(places_);
  --share_.users;
}

void Remains::go_on() {
  const TimePoint started = monotonic_now();
  const bool more = instance_->shed(kStepBytes);
  if (!more) instance_.reset();
  const Nanoseconds time = monotonic_now() - started;
  worker_.charge(share_, time);
  worker_.queue().note_slice(share_, time);
  more ? worker_.queue().push(*this, share_, Stage::kYoung, Place::kFront)
       : worker_.given_back(*this);
}

}  // namespace godwit::runtime
