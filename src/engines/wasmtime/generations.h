// Generations: the Wasmtime engine that new instances are made in, and those before it in which
// instances still run. A Wasmtime engine gives back what its unused sandboxes keep only when it is
// freed as a whole; so a trim makes a new one, and the old one goes with its last instance.
//
//   Generations generations(*new_generation(config));
//   godwit_module_load(generations.current().get(), …);
//   generations.replace(*new_generation(config));  // the ticker knows both from here on
//   …                                              // nobody makes instances in the old one now
//   generations.retire(config.instances);
//   generations.reap();                            // frees the retired that have no instance
//
// Thread-safety: any thread; no call waits for another's system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "godwit_bridge.h"

namespace godwit::engines::wasmtime {

// Freed with its last holder; instances keep what they need of it.
using Generation = std::shared_ptr<bridge::GodwitEngine>;

// Errors: kSystemCall.
Result<Generation> new_generation(const bridge::GodwitEngineConfig& config);

class Generations final {
 public:
  explicit Generations(Generation first) : current_(std::move(first)) {}

  Generation current() const;
  // REQUIRES: what was replaced before is retired.
  void replace(Generation next);
  // What was replaced; its memories that are unused are given back at once, since an instance may
  // run on for long. REQUIRES: nobody makes instances in it any more, and its pool has `instances`.
  void retire(std::uint32_t instances);
  // Frees the retired that have no instance; how many are left.
  std::size_t reap();
  // Ends time slices in all of them.
  void tick() const;
  // What unused sandboxes keep resident, of all of them.
  std::uint64_t idle_bytes() const;

 private:
  mutable std::mutex mutex_;  // held for a few nanoseconds; nothing is freed under it
  Generation current_;
  Generation replaced_;  // null, or between replace() and retire()
  std::vector<Generation> retired_;
};

}  // namespace godwit::engines::wasmtime
