// Remains: the sandbox of a run that is over and had much memory. Giving 128 MiB back at once would
// hold the worker for 5 to 10 ms; in steps of its function's turns it holds nobody.
//
//   worker.give_back(std::move(instance), share);   // makes one; it goes when all is given back
//
// What it still has stays charged to its function. Worker-local: not thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "engine/engine.h"
#include "runtime/fair_queue.h"

namespace godwit::runtime {

class Worker;

class Remains final : public Runnable {
 public:
  // Given back in one turn: 0.1 to 0.3 ms when all of it is resident.
  static constexpr std::uint64_t kStepBytes = std::uint64_t{4} << 20;

  // `places`: that the sandbox takes.
  Remains(Worker& worker, FunctionShare& share, std::unique_ptr<engine::Instance> instance,
          std::uint32_t places);
  ~Remains() override;

 private:
  friend class Worker;
  void go_on() override;

  Worker& worker_;
  FunctionShare& share_;
  std::unique_ptr<engine::Instance> instance_;
  const std::uint32_t places_;
  std::list<Remains>::iterator place_;  // in the worker's list
};

}  // namespace godwit::runtime
