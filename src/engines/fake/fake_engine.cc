#include "engines/fake/fake_engine.h"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include "base/check.h"
#include "engines/fake/fake_instance.h"
#include "engines/fake/script.h"
#include "engines/fake/script_module.h"

namespace godwit::engines::fake {
namespace {

constexpr std::string_view kMagic = "godwit fake artifact 1\n";

Result<std::string> read_all(const engine::Artifact& artifact) {
  if (artifact.size > kMagic.size() + Script::kMaxBytes) {
    return fail(ErrorCode::kArtifactInvalid, "too long for a script");
  }
  std::string text(artifact.size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::pread(artifact.code.get(), text.data() + done, text.size() - done,
                                static_cast<off_t>(done));
    if (got <= 0) return fail(ErrorCode::kArtifactInvalid, "shorter than its size");
    done += static_cast<std::size_t>(got);
  }
  return text;
}

// An i32 may be written signed or unsigned. Floating point operands cannot be written at all.
bool fits(const Operand& operand, engine::ValueType type) {
  if (operand.is_result || type == engine::ValueType::kI64) return true;
  if (type != engine::ValueType::kI32) return false;
  return operand.number <= UINT32_MAX ||
         operand.number >= std::uint64_t{0} - (std::uint64_t{1} << 31);
}

std::string types_text(std::span<const engine::ValueType> types) {
  constexpr std::string_view kNames[] = {"i32", "i64", "f32", "f64"};
  std::string text = "(";
  for (const engine::ValueType type : types) {
    if (text.size() > 1) text += ' ';
    text += kNames[static_cast<std::size_t>(type)];
  }
  return text + ")";
}

tl::unexpected<Error> wrong_signature(std::string_view where, const engine::HostFunction& function,
                                      std::string_view expected) {
  return fail(ErrorCode::kImportSignature,
              fmt::format("{}: {}.{} is {} -> {}, the script expects {}", where, function.module,
                          function.name, types_text(function.parameters),
                          types_text(function.results), expected));
}

using HostFunctions = std::vector<const engine::HostFunction*>;

Result<void> check_signatures(const Script& script, const HostFunctions& functions) {
  for (const ImportType& wanted : script.types) {
    const engine::HostFunction& function = *functions[wanted.function];
    if (wanted.type != types_text(function.parameters) + " -> " + types_text(function.results)) {
      return wrong_signature("import", function, wanted.type);
    }
  }
  for (const Step& step : script.steps) {
    if (step.kind != StepKind::kCall) continue;
    const engine::HostFunction& function = *functions[step.function];
    bool matches = step.arguments.size() == function.parameters.size() &&
                   step.arguments.size() <= kMaxParameters;
    for (std::size_t i = 0; matches && i < step.arguments.size(); ++i) {
      matches = fits(step.arguments[i], function.parameters[i]);
    }
    if (!matches) {
      return wrong_signature(fmt::format("line {}", step.line), function, "other operands");
    }
  }
  return {};
}

Result<HostFunctions> resolve(const Script& script,
                              std::span<const engine::HostFunction> provided) {
  HostFunctions functions;
  std::string unknown;
  for (const ImportName& wanted : script.functions) {
    const auto found = std::find_if(provided.begin(), provided.end(), [&](const auto& function) {
      return function.module == wanted.module && function.name == wanted.name;
    });
    if (found == provided.end()) {
      fmt::format_to(std::back_inserter(unknown), "{}{}.{}", unknown.empty() ? "" : ", ",
                     wanted.module, wanted.name);
    } else {
      functions.push_back(&*found);
    }
  }
  if (!unknown.empty()) {
    unknown.resize(std::min<std::size_t>(unknown.size(), 4096));
    return fail(ErrorCode::kUnknownImport, std::move(unknown));
  }
  if (auto checked = check_signatures(script, functions); !checked) {
    return fail(std::move(checked.error()));
  }
  return functions;
}

class FakeModule final : public engine::Module {
 public:
  explicit FakeModule(std::shared_ptr<const Program> program,
                      std::shared_ptr<FakeEngine::Pool> pool)
      : program_(std::move(program)), pool_(std::move(pool)) {}

  Result<std::unique_ptr<engine::Instance>> instantiate(
      const engine::InstantiateOptions& options) const override {
    const std::vector<Entry>& entries = program_->script.entries;
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& candidate) {
      return candidate.name == options.entry;
    });
    if (entry == entries.end()) return fail(ErrorCode::kNoContract, "no such entry");
    if (pool_->live.fetch_add(1, std::memory_order_relaxed) >= pool_->max) {
      pool_->live.fetch_sub(1, std::memory_order_relaxed);
      return fail(ErrorCode::kServerOverloaded, "the fake engine's instances are used up");
    }
    const std::uint64_t bytes = program_->initial_bytes();
    if (options.memory != nullptr && bytes > 0 && !options.memory->charge(bytes)) {
      pool_->live.fetch_sub(1, std::memory_order_relaxed);
      return fail(ErrorCode::kServerOverloaded, "the account has no room for the memory");
    }
    return std::make_unique<FakeInstance>(program_, pool_, options, entry->step);
  }

 private:
  std::shared_ptr<const Program> program_;
  std::shared_ptr<FakeEngine::Pool> pool_;
};

}  // namespace

FakeEngine::FakeEngine(Options options)
    : options_(std::move(options)), pool_(std::make_shared<Pool>()) {
  pool_->max = options_.max_instances;
}

Result<Bytes> FakeEngine::compile(ByteSpan source) const {
  std::string_view text = as_text(source);
  if (is_wasm(source)) {
    const auto section = script_section(source);
    if (!section) return fail(ErrorCode::kModuleMalformed, "the module carries no script");
    text = *section;
  }
  if (auto script = parse_script(text); !script) return fail(std::move(script.error()));
  Bytes artifact(as_bytes(kMagic).begin(), as_bytes(kMagic).end());
  artifact.insert(artifact.end(), as_bytes(text).begin(), as_bytes(text).end());
  return artifact;
}

Result<std::shared_ptr<const engine::Module>> FakeEngine::load(
    engine::Artifact artifact, const engine::LoadOptions& options) const {
  auto code = read_all(artifact);
  if (!code) return fail(std::move(code.error()));
  if (!code->starts_with(kMagic)) {
    return fail(ErrorCode::kArtifactInvalid, "not made by the fake engine");
  }
  auto script = parse_script(std::string_view(*code).substr(kMagic.size()));
  if (!script) return fail(ErrorCode::kArtifactInvalid, std::move(script.error().detail));
  if (script->pages > options.limits.memory_bytes / kPageBytes) {
    return fail(ErrorCode::kMemoryMinimum, fmt::format("{} pages", script->pages));
  }
  auto functions = resolve(*script, options.host_functions);
  if (!functions) return fail(std::move(functions.error()));
  auto program = std::make_shared<const Program>(
      Program{std::move(*script), std::move(*functions), options.limits});
  return std::make_shared<FakeModule>(std::move(program), pool_);
}

engine::Artifact to_artifact(ByteSpan code) {
  Fd fd(::memfd_create("godwit-fake", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CHECK(fd.valid(), errno_text());
  for (ByteSpan rest = code; !rest.empty();) {
    const ssize_t written = ::write(fd.get(), rest.data(), rest.size());
    CHECK(written > 0, errno_text());
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  CHECK(
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0,
      errno_text());
  return {std::move(fd), code.size()};
}

}  // namespace godwit::engines::fake
