// MeasuredCompiler: a compiler that tells the metrics what each compilation took.
//
//   MeasuredCompiler compiler(service, &metrics);
//   registry::Loader loader({…, .compiler = &compiler});
//
// Thread-safe as the compiler that it wraps.
#pragma once

#include "base/clock.h"
#include "observe/metrics.h"
#include "registry/compile_service.h"

namespace godwit::cli {

class MeasuredCompiler final : public registry::Compiler {
 public:
  // Both must outlive it; without metrics it only passes on.
  MeasuredCompiler(registry::Compiler& compiler, observe::Metrics* metrics)
      : compiler_(compiler), metrics_(metrics) {}

  Result<registry::CompileOutput> compile_within(std::chrono::seconds cpu_max,
                                                 ByteSpan input) override {
    const TimePoint started = monotonic_now();
    auto output = compiler_.compile_within(cpu_max, input);
    if (metrics_ != nullptr) {
      const auto failure = output ? std::nullopt : std::optional(output.error().code);
      metrics_->compiled(monotonic_now() - started, failure);
    }
    return output;
  }

 private:
  registry::Compiler& compiler_;
  observe::Metrics* const metrics_;
};

}  // namespace godwit::cli
