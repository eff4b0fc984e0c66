#include "wasm/contract.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wasm/test_module.h"

namespace godwit::wasm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr ProvidedImport kProvided[] = {{"wasi_snapshot_preview1", "fd_write"},
                                        {"wasi_snapshot_preview1", "proc_exit"}};

Result<Contract> classify_bytes(const Bytes& bytes) {
  auto info = read_module(bytes);
  if (!info) return fail(std::move(info.error()));
  return classify(*info, kProvided);
}

Error refusal(const ModuleBuilder& builder) {
  const auto contract = classify_bytes(builder.build());
  return contract ? Error{ErrorCode::kInternal, "accepted", {}} : contract.error();
}

TEST(Classify, ACommand) {
  const auto contract = classify_bytes(ModuleBuilder::command().build());
  ASSERT_TRUE(contract) << contract.error().text();
  EXPECT_EQ(*contract, Contract::kCommand);
  EXPECT_EQ(contract_text(*contract), "command");
}

TEST(Classify, ACommandWithoutImportsNeedsNoMemory) {
  ModuleBuilder builder;
  builder.type({}, {});
  builder.function(0);
  builder.export_item("_start", 0, 0);
  EXPECT_TRUE(classify_bytes(builder.build()));
}

TEST(Classify, AComponent) {
  const auto contract = classify_bytes(to_bytes(std::string_view("\0asm\x0D\0\1\0", 8)));
  ASSERT_FALSE(contract);
  EXPECT_EQ(contract.error().code, ErrorCode::kComponentUnsupported);
}

TEST(Classify, ALibraryIsToldToLinkAnExecutable) {
  ModuleBuilder builder;
  builder.type({}, {});
  builder.function(0);
  builder.export_item("_initialize", 0, 0);
  const Error error = refusal(builder);
  EXPECT_EQ(error.code, ErrorCode::kNoContract);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("it exports function _initialize"),
                                  HasSubstr("imports nothing"), HasSubstr("expected")));
  EXPECT_THAT(error.hint, HasSubstr("Link an executable"));
}

TEST(Classify, StartOfAnotherType) {
  ModuleBuilder builder;
  builder.type(std::string(1, ModuleBuilder::kI32), {});
  builder.function(0);
  builder.export_item("_start", 0, 0);
  EXPECT_THAT(refusal(builder).detail, HasSubstr("`_start` is a function (i32) -> ()"));
  ModuleBuilder memory;
  memory.memory(std::string("\x00\x01", 2));
  memory.export_item("_start", 2, 0);
  EXPECT_THAT(refusal(memory).detail, HasSubstr("`_start` is a memory"));
}

TEST(Classify, WasiWithoutAnExportedMemory) {
  ModuleBuilder builder;
  builder.type({}, {});
  builder.import_function("wasi_snapshot_preview1", "fd_write", 0);
  builder.function(0);
  builder.export_item("_start", 0, 1);
  EXPECT_EQ(refusal(builder).code, ErrorCode::kNoMemoryExport);
}

struct HintCase {
  const char* module;
  const char* name;
  const char* hint;
};

class ClassifyHint : public testing::TestWithParam<HintCase> {};

TEST_P(ClassifyHint, NamesTheToolchain) {
  ModuleBuilder builder = ModuleBuilder::command();
  builder.import_function(GetParam().module, GetParam().name, 0);
  const Error error = refusal(builder);
  EXPECT_EQ(error.code, ErrorCode::kUnknownImport);
  EXPECT_THAT(error.detail, HasSubstr(std::string(GetParam().module) + "." + GetParam().name +
                                      " (function () -> ())"));
  EXPECT_THAT(error.detail,
              Not(HasSubstr("preview1.fd_write (")));  // what is provided is no problem
  EXPECT_THAT(error.next_step(), HasSubstr(GetParam().hint));
}

INSTANTIATE_TEST_SUITE_P(
    Toolchains, ClassifyHint,
    testing::Values(HintCase{"env", "emscripten_resize_heap", "-sSTANDALONE_WASM"},
                    HintCase{"a", "b", "-sSTANDALONE_WASM"},
                    HintCase{"env", "abort", "AssemblyScript"},
                    HintCase{"env", "undefined_symbol", "symbols that the linker left undefined"},
                    HintCase{"gojs", "runtime.wasmExit", "GOOS=wasip1"},
                    HintCase{"go", "debug", "GOOS=wasip1"},
                    HintCase{"wbg", "__wbg_new", "wasm32-wasip1"},
                    HintCase{"__wbindgen_placeholder__", "x", "wasm32-wasip1"},
                    HintCase{"wasi_unstable", "fd_write", "wasi_unstable"},
                    HintCase{"wasi_snapshot_preview1", "sock_open", "extensions"},
                    HintCase{"host", "call", "WASI preview 1"}));

TEST(Classify, ImportsThatAreNoFunctionsAreNamed) {
  ModuleBuilder builder = ModuleBuilder::command();
  builder.raw_import("host", "memory", std::string("\x02\x00\x01", 3));
  builder.raw_import("host", "limit", std::string("\x03\x7F\x00", 3));
  builder.raw_import("host", "table", std::string("\x01\x70\x00\x01", 4));
  // The right name, but no function.
  builder.raw_import("wasi_snapshot_preview1", "proc_exit", std::string("\x03\x7F\x00", 3));
  EXPECT_THAT(refusal(builder).detail,
              AllOf(HasSubstr("host.memory (memory)"), HasSubstr("host.limit (global)"),
                    HasSubstr("host.table (table)"),
                    HasSubstr("wasi_snapshot_preview1.proc_exit (global)")));
}

TEST(Classify, ListsAreBoundedAndNamesEscaped) {
  ModuleBuilder builder = ModuleBuilder::command();
  for (int i = 0; i < 1000; ++i) {
    builder.import_function("host", "\x1B[2J" + std::string(5000, 'x'), 0);
    builder.export_item("e" + std::to_string(i), 0, 0);
  }
  const Error error = refusal(builder);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("and 992 more"), HasSubstr("and 994 more"),
                                  HasSubstr("\\x1B[2J"), Not(HasSubstr("\x1B"))));
  EXPECT_LT(error.detail.size(), 4096u);
}

}  // namespace
}  // namespace godwit::wasm
