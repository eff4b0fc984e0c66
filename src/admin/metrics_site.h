// MetricsSite: what the read-only HTTP side tells (MetricsServer asks it). The data plane stands
// behind it, so that src/admin need not know one.
#pragma once

#include <string>

#include "observe/exposition.h"

namespace godwit::admin {

// An answer to "are you well?".
struct Health {
  bool good = true;
  std::string reason;  // when it is not: one sentence, safe to show
};

// Called on the server's own thread. Nothing here may wait for a worker, a disk or a lock that is
// held for long: whoever asks must get an answer while everything else is stuck.
class MetricsSite {
 public:
  virtual std::string metrics(observe::ExpositionFormat format) = 0;
  // /healthz: should this process be left alone, or be ended and started again?
  virtual Health live() = 0;
  // /readyz: should it get requests?
  virtual Health ready() = 0;
  // Once a second.
  virtual void beat() = 0;

 protected:
  ~MetricsSite() = default;
};

}  // namespace godwit::admin
