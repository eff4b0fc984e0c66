#include "engines/wasmtime/generations.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engines/wasmtime/bridge_bytes.h"

namespace godwit::engines::wasmtime {

Result<Generation> new_generation(const bridge::GodwitEngineConfig& config) {
  bridge::GodwitEngine* engine = nullptr;
  BridgeBytes error;
  const bridge::GodwitStatus status = bridge::godwit_engine_new(&config, &engine, error.receive());
  if (status != bridge::GodwitStatus::Ok) return fail(ErrorCode::kSystemCall, error.text());
  return Generation(engine, &bridge::godwit_engine_free);
}

Generation Generations::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void Generations::replace(Generation next) {
  const std::lock_guard lock(mutex_);
  CHECK(!replaced_);
  replaced_ = std::exchange(current_, std::move(next));
}

void Generations::retire(std::uint32_t instances) {
  Generation old;
  {
    const std::lock_guard lock(mutex_);
    CHECK(replaced_);
    old = replaced_;
  }
  bridge::godwit_engine_release_idle(old.get(), instances);
  const std::lock_guard lock(mutex_);
  retired_.push_back(std::exchange(replaced_, nullptr));
}

std::size_t Generations::reap() {
  // Freed after the lock: unmapping a pool takes milliseconds.
  std::vector<Generation> unused;
  const std::lock_guard lock(mutex_);
  const auto first = std::partition(retired_.begin(), retired_.end(), [](const Generation& each) {
    return bridge::godwit_engine_live_instances(each.get()) > 0;
  });
  unused.assign(std::make_move_iterator(first), std::make_move_iterator(retired_.end()));
  retired_.erase(first, retired_.end());
  return retired_.size();
}

void Generations::tick() const {
  const std::lock_guard lock(mutex_);
  bridge::godwit_engine_increment_epoch(current_.get());
  if (replaced_) bridge::godwit_engine_increment_epoch(replaced_.get());
  for (const Generation& each : retired_) bridge::godwit_engine_increment_epoch(each.get());
}

std::uint64_t Generations::idle_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = bridge::godwit_engine_idle_bytes(current_.get());
  if (replaced_) bytes += bridge::godwit_engine_idle_bytes(replaced_.get());
  for (const Generation& each : retired_) bytes += bridge::godwit_engine_idle_bytes(each.get());
  return bytes;
}

}  // namespace godwit::engines::wasmtime
