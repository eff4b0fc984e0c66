#include "registry/loader.h"

#include <atomic>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"
#include "wasm/test_module.h"

namespace godwit::registry {
namespace {

using testing::HasSubstr;
using wasm::ModuleBuilder;

class FakeModule final : public engine::Module {
 public:
  FakeModule(std::string loaded_code, std::uint64_t memory_limit_bytes)
      : code(std::move(loaded_code)), memory_bytes(memory_limit_bytes) {}
  Result<std::unique_ptr<engine::Instance>> instantiate(
      const engine::InstantiateOptions&) const override {
    return fail(ErrorCode::kServerOverloaded);
  }

  const std::string code;
  const std::uint64_t memory_bytes;
};

// "Loads" whatever code it is given, but for the code that it was told to refuse.
class FakeEngine final : public engine::Engine {
 public:
  std::string_view name() const override { return "fake"; }
  const std::string& fingerprint() const override { return fingerprint_; }
  Result<Bytes> compile(ByteSpan) const override { return fail(ErrorCode::kInternal); }
  Result<std::shared_ptr<const engine::Module>> load(
      engine::Artifact artifact, const engine::LoadOptions& options) const override {
    std::string code(artifact.size, '\0');
    if (::pread(artifact.code.get(), code.data(), code.size(), 0) !=
        static_cast<ssize_t>(code.size())) {
      return fail(ErrorCode::kInternal);
    }
    if (refusals > 0) {
      --refusals;
      return fail(ErrorCode::kArtifactInvalid, "not for this processor");
    }
    return std::make_shared<const FakeModule>(code, options.limits.memory_bytes);
  }

  mutable std::atomic<int> refusals = 0;

 private:
  const std::string fingerprint_ = "fake 1.0";
};

// Text in parentheses becomes the module that the test says.
class FakeCompiler final : public Compiler {
 public:
  Result<CompileOutput> compile_within(std::chrono::seconds cpu_max, ByteSpan input) override {
    last_cpu_max = cpu_max;
    ++jobs;
    if (error) return fail(*error);
    if (wasm::looks_like_text(input)) return CompileOutput{binary, bytes_of("code of text")};
    return CompileOutput{{}, bytes_of("code of binary")};
  }

  int jobs = 0;
  std::chrono::seconds last_cpu_max{0};
  Bytes binary = ModuleBuilder::command().build();
  std::optional<Error> error;
};

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    auto state = StateDir::open({.path = folder_.path()});
    CHECK(state.has_value());
    auto cache = ArtifactCache::open(*state, {});
    CHECK(cache.has_value());
    cache_ = std::make_unique<ArtifactCache>(std::move(*cache));
  }
  Loader loader(const ArtifactCache* cache) {
    return Loader({.engine = engine_,
                   .host_functions = kHostFunctions,
                   .cache = cache,
                   .compiler = &compiler_,
                   .module_bytes_max = 100'000});
  }
  LoadedFunction load(ByteSpan bytes) {
    auto loaded = loader(cache_.get()).load(spec_, bytes);
    CHECK(loaded.has_value(), loaded.error().text());
    return std::move(*loaded);
  }
  Error error_of(ByteSpan bytes) {
    const auto loaded = loader(cache_.get()).load(spec_, bytes);
    return loaded ? Error{ErrorCode::kInternal, "loaded", {}} : loaded.error();
  }
  static std::string code_of(const LoadedFunction& loaded) {
    return static_cast<const FakeModule&>(*loaded.module).code;
  }

  static constexpr engine::HostFunction kHostFunctions[] = {
      {"wasi_snapshot_preview1", "fd_write", {}, {}, false, nullptr}};
  const TestFolder folder_;
  std::unique_ptr<ArtifactCache> cache_;
  FakeEngine engine_;
  FakeCompiler compiler_;
  manifest::FunctionSpec spec_{.name = "f"};
  const Bytes binary_ = ModuleBuilder::command().build();
  const Bytes text_ = bytes_of("(module)");
};

TEST_F(LoaderTest, CompilesOnceAndThenTakesTheArtifact) {
  spec_.limits.memory_bytes = 1 << 20;
  const LoadedFunction first = load(binary_);
  EXPECT_EQ(first.cache, CacheUse::kMiss);
  EXPECT_EQ(code_of(first), "code of binary");
  EXPECT_EQ(static_cast<const FakeModule&>(*first.module).memory_bytes, 1u << 20);
  EXPECT_EQ(first.digest, sha256(binary_));
  EXPECT_EQ(first.cache_problem, "");
  const LoadedFunction second = load(binary_);
  EXPECT_EQ(second.cache, CacheUse::kHit);
  EXPECT_EQ(code_of(second), "code of binary");
  EXPECT_EQ(second.compile_time.count(), 0);
  EXPECT_EQ(second.info->imports.size(), 1u);
  EXPECT_EQ(compiler_.jobs, 1);
}

TEST_F(LoaderTest, TextIsConvertedOnce) {
  EXPECT_EQ(load(text_).cache, CacheUse::kMiss);
  compiler_.binary = {};
  const LoadedFunction second = load(text_);
  EXPECT_EQ(second.cache, CacheUse::kHit);
  EXPECT_EQ(code_of(second), "code of text");
  EXPECT_EQ(second.info->imports.size(), 1u);  // of the binary that was kept
  EXPECT_EQ(compiler_.jobs, 1);
}

TEST_F(LoaderTest, WithoutACacheEverythingIsCompiled) {
  const Loader without = loader(nullptr);
  for (int i = 0; i < 2; ++i) {
    const auto loaded = without.load(spec_, binary_);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->cache, CacheUse::kNone);
  }
  EXPECT_EQ(compiler_.jobs, 2);
}

TEST_F(LoaderTest, AnAlteredArtifactIsMadeAgain) {
  load(binary_);
  const std::string file =
      "artifacts/" + ArtifactCache::entry_name(sha256(binary_), engine_.fingerprint());
  std::string altered = folder_.read(file);
  altered[0] = 'X';
  folder_.write(file, altered);
  const LoadedFunction again = load(binary_);
  EXPECT_EQ(again.cache, CacheUse::kInvalid);
  EXPECT_EQ(code_of(again), "code of binary");
  EXPECT_THAT(again.cache_problem, HasSubstr("authentication code"));
  EXPECT_EQ(compiler_.jobs, 2);
  EXPECT_EQ(load(binary_).cache, CacheUse::kHit);
}

TEST_F(LoaderTest, AnArtifactThatTheEngineRefusesIsMadeAgainOnce) {
  load(binary_);
  engine_.refusals = 1;
  const LoadedFunction again = load(binary_);
  EXPECT_EQ(again.cache, CacheUse::kInvalid);
  EXPECT_EQ(compiler_.jobs, 2);
  engine_.refusals = 100;
  EXPECT_EQ(error_of(binary_).code, ErrorCode::kArtifactInvalid);
}

TEST_F(LoaderTest, AFullDiskDoesNotKeepAFunctionFromRunning) {
  // A folder stands where the artifact should.
  const std::string entry = ArtifactCache::entry_name(sha256(binary_), engine_.fingerprint());
  std::filesystem::create_directories(folder_.path("artifacts/" + entry + "/x"));
  const LoadedFunction loaded = load(binary_);
  EXPECT_NE(loaded.cache_problem, "");
  EXPECT_EQ(code_of(loaded), "code of binary");
}

TEST_F(LoaderTest, WhatFitsNoContractIsNotCompiled) {
  ModuleBuilder library;
  library.type({}, {});
  library.function(0);
  library.export_item("_initialize", 0, 0);
  EXPECT_EQ(error_of(library.build()).code, ErrorCode::kNoContract);
  ModuleBuilder foreign = ModuleBuilder::command();
  foreign.import_function("env", "abort", 0);
  EXPECT_EQ(error_of(foreign.build()).code, ErrorCode::kUnknownImport);
  EXPECT_EQ(error_of(bytes_of("\x7F"
                              "ELF"))
                .code,
            ErrorCode::kModuleMalformed);
  EXPECT_EQ(error_of(Bytes(100'001)).code, ErrorCode::kModuleTooLarge);
  EXPECT_EQ(compiler_.jobs, 0);
}

TEST_F(LoaderTest, TextIsHeldToTheSameContract) {
  ModuleBuilder foreign = ModuleBuilder::command();
  foreign.import_function("env", "abort", 0);
  compiler_.binary = foreign.build();
  EXPECT_EQ(error_of(text_).code, ErrorCode::kUnknownImport);
  EXPECT_EQ(error_of(text_).code, ErrorCode::kUnknownImport);  // out of the cache too
  EXPECT_EQ(compiler_.jobs, 1);
}

// A component that exports one interface and nothing else.
Bytes component_of(std::string_view interface) {
  const std::string exported = '\0' + wasm::encoded_name(interface) + std::string("\5\0\0", 3);
  const std::string body = wasm::leb(1) + exported;
  return wasm::to_bytes(std::string("\0asm\x0D\0\1\0", 8) + '\x0B' + wasm::leb(body.size()) + body);
}

TEST_F(LoaderTest, SettingsOfCommandsAreRefusedWhereTheModuleSpeaksHttp) {
  const Bytes http = component_of("wasi:http/incoming-handler@0.2.3");
  const Bytes command = component_of("wasi:cli/run@0.2.3");
  spec_.response = manifest::ResponseMode::kCgi;
  const Error cgi = error_of(http);
  EXPECT_EQ(cgi.code, ErrorCode::kConfigBadValue);
  EXPECT_THAT(cgi.detail, HasSubstr("response = \"cgi\""));
  EXPECT_THAT(cgi.hint, HasSubstr("Remove `response = \"cgi\"`"));
  EXPECT_EQ(compiler_.jobs, 0);
  load(command);
  load(binary_);
  spec_.response = manifest::ResponseMode::kBody;
  load(http);
  spec_.content_type = "text/css";
  EXPECT_THAT(error_of(http).detail, HasSubstr("content-type = \"text/css\""));
  load(command);
}

TEST_F(LoaderTest, AModuleThatStartsWithTooMuchMemoryIsNotCompiled) {
  spec_.limits.memory_bytes = 65536;
  load(binary_);
  spec_.limits.memory_bytes = 65535;
  const Error error = error_of(binary_);
  EXPECT_EQ(error.code, ErrorCode::kMemoryMinimum);
  EXPECT_THAT(error.detail, HasSubstr("64KiB"));
}

TEST_F(LoaderTest, TheCompilersErrorsArePassedOn) {
  compiler_.error = Error{ErrorCode::kCompileLimit, "too long", "smaller"};
  const Error error = error_of(binary_);
  EXPECT_EQ(error.code, ErrorCode::kCompileLimit);
  EXPECT_EQ(error.hint, "smaller");
}

TEST_F(LoaderTest, ACompilationMayBeGivenLessTime) {
  const Bytes module = ModuleBuilder::command().build();
  const Loader plain = loader(nullptr);
  ASSERT_TRUE(plain.load(spec_, module).has_value());
  EXPECT_EQ(compiler_.last_cpu_max, std::chrono::seconds::max());
  ASSERT_TRUE(plain.load(spec_, module, std::chrono::seconds(3)).has_value());
  EXPECT_EQ(compiler_.last_cpu_max, std::chrono::seconds(3));
}

}  // namespace
}  // namespace godwit::registry
