// For tests: a component whose code is steps of C++ that see the invocation's ComponentHost, so
// that exchanges with functions that speak HTTP are tested without a compiler.
//
//   serve_component(t, "f", {[](engine::ComponentHost& host) {
//                     host.respond(200, {});
//                     return Next::kEnd;
//                   }});
//
// One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "gateway/test_exchange.h"
#include "runtime/function.h"

namespace godwit::gateway::test {

enum class Next : std::uint8_t {
  kStep,  // the next step, in the next slice
  kWait,  // this step again, once it was woken
  kEnd,   // the guest has ended well
  kTrap,
};
using ComponentStep = std::function<Next(engine::ComponentHost&)>;

class StepsInstance final : public engine::Instance {
 public:
  StepsInstance(const std::vector<ComponentStep>& steps, engine::ComponentHost& host, int& live)
      : steps_(steps), host_(host), live_(live) {
    ++live_;
  }
  ~StepsInstance() override { --live_; }
  StepsInstance(const StepsInstance&) = delete;
  StepsInstance& operator=(const StepsInstance&) = delete;

  engine::Progress resume() override {
    next_ = at_ < steps_.size() ? steps_[at_](host_) : Next::kEnd;
    if (next_ == Next::kWait) return engine::Progress::kWaiting;
    ++at_;
    return next_ == Next::kStep ? engine::Progress::kYielded : engine::Progress::kDone;
  }
  engine::Outcome take_outcome() override {
    if (next_ == Next::kEnd) return {};
    return {.kind = engine::OutcomeKind::kTrapped, .trap = engine::Trap::kUnreachable};
  }
  std::uint64_t memory_bytes() const override { return 65536; }
  bool shed(std::uint64_t) override { return false; }

 private:
  const std::vector<ComponentStep>& steps_;
  engine::ComponentHost& host_;
  int& live_;
  std::size_t at_ = 0;
  Next next_ = Next::kEnd;
};

class StepsModule final : public engine::Module {
 public:
  explicit StepsModule(std::vector<ComponentStep> steps) : steps_(std::move(steps)) {}

  Result<std::unique_ptr<engine::Instance>> instantiate(
      const engine::InstantiateOptions& options) const override {
    EXPECT_EQ(options.entry, engine::kHttpEntry);
    if (full) return fail(ErrorCode::kServerOverloaded, "as many sandboxes exist as may");
    return std::make_unique<StepsInstance>(steps_, *options.component, live);
  }

  bool full = false;     // no sandbox is left
  mutable int live = 0;  // instances
 private:
  const std::vector<ComponentStep> steps_;
};

inline std::shared_ptr<StepsModule> serve_component(TestExchange& t, std::string_view name,
                                                    std::vector<ComponentStep> steps,
                                                    manifest::FunctionSpec spec = {}) {
  spec.name = name;
  auto module = std::make_shared<StepsModule>(std::move(steps));
  auto gate = std::make_shared<runtime::FunctionGate>(runtime::FunctionGate::Limits{
      .running = spec.limits.concurrency, .waiting = spec.limits.queue});
  Route route;
  route.name = name;
  route.function = std::make_shared<const runtime::Function>(
      runtime::Function{.spec = std::move(spec),
                        .module = module,
                        .contract = wasm::Contract::kHttp,
                        .kind = wasm::ModuleKind::kComponent,
                        .gate = std::move(gate)});
  t.add(std::move(route));
  return module;
}

}  // namespace godwit::gateway::test
