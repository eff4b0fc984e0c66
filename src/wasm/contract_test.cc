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
constexpr std::string_view kInterfaces[] = {"wasi:http/types@0.2", "wasi:config/store@0.2.0-rc.1"};

Result<Contract> classify_bytes(const Bytes& bytes) {
  auto info = read_module(bytes);
  if (!info) return fail(std::move(info.error()));
  return classify(*info, {kProvided, kInterfaces});
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

// A component of imports and exports alone, all of them interfaces.
ModuleInfo component(std::vector<std::string> imports, std::vector<std::string> exports) {
  ModuleInfo info{.kind = ModuleKind::kComponent};
  for (std::string& name : imports) info.component_imports.push_back({std::move(name)});
  for (std::string& name : exports) info.component_exports.push_back({std::move(name)});
  return info;
}

Result<Contract> classify_component(const ModuleInfo& info) {
  return classify(info, {kProvided, kInterfaces});
}

TEST(ClassifyComponent, ByItsExports) {
  const auto contract_of = [](std::string name) {
    const auto contract = classify_component(component({}, {std::move(name)}));
    return contract ? std::string(contract_text(*contract)) : contract.error().text();
  };
  EXPECT_EQ(contract_of("wasi:http/incoming-handler@0.2.0"), "http");
  EXPECT_EQ(contract_of("wasi:http/incoming-handler@0.2.12"), "http");
  EXPECT_EQ(contract_of("wasi:http/handler@0.3.0"), "http");
  EXPECT_EQ(contract_of("wasi:cli/run@0.2.3"), "command");
  const auto both = component({}, {"wasi:cli/run@0.2.3", "wasi:http/incoming-handler@0.2.3"});
  EXPECT_EQ(*classify_component(both), Contract::kHttp);
  for (const char* const other : {"wasi:http/incoming-handler@0.1.0", "wasi:http/handler",
                                  "wasi:http/incoming-handler@0.2.0-rc-1", "acme:thing/run@0.2.0",
                                  "wasi:http/incoming-handler@0.2"}) {
    EXPECT_THAT(contract_of(other), HasSubstr("E2004")) << other;
  }
}

TEST(Insist, OnAContractThatItFits) {
  const auto handler = component({}, {"wasi:http/incoming-handler@0.2.3"});
  const auto command = component({}, {"wasi:cli/run@0.2.3"});
  const auto both = component({}, {"wasi:cli/run@0.2.3", "wasi:http/incoming-handler@0.2.3"});
  const ModuleInfo core{.kind = ModuleKind::kCore};
  EXPECT_TRUE(insist(handler, Contract::kHttp));
  EXPECT_TRUE(insist(command, Contract::kCommand));
  EXPECT_TRUE(insist(both, Contract::kHttp));
  EXPECT_TRUE(insist(both, Contract::kCommand));
  EXPECT_TRUE(insist(core, Contract::kCommand));
  for (const auto& [info, contract] :
       {std::pair{&handler, Contract::kCommand}, std::pair{&command, Contract::kHttp},
        std::pair{&core, Contract::kHttp}}) {
    const auto refused = insist(*info, contract);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNoContract);
    EXPECT_THAT(refused.error().hint, HasSubstr("contract"));
  }
}

TEST(ClassifyComponent, OneThatOffersNothing) {
  const auto contract = classify_bytes(to_bytes(std::string_view("\0asm\x0D\0\1\0", 8)));
  ASSERT_FALSE(contract);
  EXPECT_EQ(contract.error().code, ErrorCode::kNoContract);
  EXPECT_THAT(contract.error().detail, HasSubstr("wasi:http/incoming-handler@0.2.x"));
}

TEST(ClassifyComponent, UnknownImportsAreRefusedByName) {
  const std::vector<std::string> handler = {"wasi:http/incoming-handler@0.2.0"};
  for (const char* const known :
       {"wasi:http/types@0.2.0", "wasi:http/types@0.2.99", "wasi:config/store@0.2.0-rc.1"}) {
    EXPECT_TRUE(classify_component(component({known}, handler))) << known;
  }
  for (const char* const unknown :
       {"acme:thing/api@1.0.0", "wasi:http/types@0.3.0", "wasi:http/types@0.2.0-rc-1",
        "wasi:http/types", "wasi:config/store@0.2.0", "wasi:keyvalue/store@0.2.0"}) {
    const auto contract = classify_component(component({unknown}, handler));
    ASSERT_FALSE(contract) << unknown;
    EXPECT_EQ(contract.error().code, ErrorCode::kUnknownImport);
    EXPECT_THAT(contract.error().detail, HasSubstr(unknown));
    EXPECT_FALSE(contract.error().hint.empty());
  }
  ModuleInfo wrong_kind = component({"wasi:http/types@0.2.0"}, handler);
  wrong_kind.component_imports[0].kind = ComponentExternKind::kFunction;
  EXPECT_FALSE(classify_component(wrong_kind));
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
