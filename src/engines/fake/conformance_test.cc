// The conformance suite over the fake engine: its scenarios as scripts.
#include "engine/conformance.h"

#include <map>
#include <memory>

#include "engines/fake/fake_engine.h"

namespace godwit::engines::fake {
namespace {

using engine::conformance::EngineConformance;

// Each does what conformance_scenarios.cc says of the scenario of its name.
const std::map<std::string_view, std::string_view> kScenarios = {
    {"finish", ""},
    {"note", "call test.note 7\ncall test.note 8\n"},
    {"exit_0", "call test.exit 0\ncall test.note 1\n"},
    {"exit_3", "call test.exit 3\ncall test.note 1\n"},
    {"refuse", "call test.refuse\n"},
    {"wait",
     "call test.wait 10\ncall test.note result\ncall test.wait 20\ncall test.note result\n"
     "call test.wait 30\ncall test.note result\n"},
    {"wait_then_exit", "call test.wait_then_exit 5\n"},
    {"loop", "call test.note 1\nspin\n"},
    {"grow", "grow 10000\ncall test.note result\n"},
    {"grow_then_trap", "grow 10000\ncall test.note result\ntrap unreachable\n"},
    {"grow_then_exit_4", "grow 10000\ncall test.note result\ncall test.exit 4\n"},
    {"grow_then_exit_0", "grow 10000\ncall test.note result\ncall test.exit 0\n"},
    {"grow_then_wait", "grow 10\ncall test.note result\ncall test.wait 1\n"},
    {"unknown_imports", "call nothing.such\ncall test.none 1\n"},
    {"wrong_signature", "import test.note (i64) -> (f32)\n"},
    {"other_entry", "entry run\ncall test.note 5\n"},
    {"memory_2048", "memory 2048\n"},
    {"memory_2049", "memory 2049\n"},
};

class ScriptHarness final : public engine::conformance::Harness {
 public:
  const engine::Engine& engine() const override { return engine_; }
  engine::conformance::Capabilities capabilities() const override {
    return {.executes_wasm = false,
            .exceptions = false,
            .several_memories = false,
            .most_instances = kInstances};
  }
  Result<std::shared_ptr<const engine::Module>> scenario(
      std::string_view name, const engine::LoadOptions& options) override {
    auto code = engine_.compile(as_bytes(kScenarios.at(name)));
    if (!code) return fail(std::move(code.error()));
    return engine_.load(engine::conformance::seal(*code), options);
  }

 private:
  static constexpr std::uint32_t kInstances = 640;

  FakeEngine engine_{{.max_instances = kInstances}};
};

INSTANTIATE_TEST_SUITE_P(Fake, EngineConformance,
                         testing::Values(engine::conformance::HarnessFactory{
                             "fake", [] { return std::make_unique<ScriptHarness>(); }}),
                         engine::conformance::harness_name);

}  // namespace
}  // namespace godwit::engines::fake
