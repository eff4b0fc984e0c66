#include "cli/function_file.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "cli/check_report.h"
#include "cli/compile_function.h"
#include "engines/wasmtime/text.h"

namespace godwit::cli {
namespace {

class FunctionFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/godwit_function_XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  std::string folder_;
};

TEST_F(FunctionFiles, SettingsLieBesideTheModule) {
  const std::string path = write("cart.wasm", "bytes");
  write("cart.toml", "limits = { memory = \"1MiB\" }\n");
  const auto file = read_function_file(path);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->spec.name, "cart");
  EXPECT_EQ(file->spec.limits.memory_bytes, 1U << 20);
  EXPECT_EQ(file->settings_path, folder_ + "/cart.toml");
  EXPECT_TRUE(file->servable_name);
  EXPECT_EQ(as_text(file->bytes), "bytes");
}

TEST_F(FunctionFiles, OtherNamesHaveNoSettings) {
  write("x.bin.toml", "nonsense");
  write("x.toml", "nonsense");
  const auto file = read_function_file(write("x.bin", "bytes"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->spec.name, "x.bin");
  EXPECT_FALSE(file->servable_name);
  const auto spaced = read_function_file(write("a b.wasm", "bytes"));
  ASSERT_TRUE(spaced);
  EXPECT_FALSE(spaced->servable_name);
}

TEST_F(FunctionFiles, BadSettingsAreAnError) {
  write("cart.toml", "memroy = 1\n");
  const auto file = read_function_file(write("cart.wasm", "bytes"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kConfigUnknownKey);
  EXPECT_FALSE(read_function_file(folder_ + "/none.wasm"));
}

TEST(CompileFunction, RefusesBeforeItCompiles) {
  const auto code_of = [](std::string_view input) {
    const auto output = compile_function(as_bytes(input));
    return output ? ErrorCode::kInternal : output.error().code;
  };
  EXPECT_EQ(code_of("(module (func"), ErrorCode::kTextMalformed);
  EXPECT_EQ(code_of("not a module"), ErrorCode::kModuleMalformed);
  EXPECT_EQ(code_of("(module (import \"env\" \"f\" (func)) (func (export \"_start\")))"),
            ErrorCode::kUnknownImport);
  EXPECT_EQ(code_of("(module)"), ErrorCode::kNoContract);
  EXPECT_EQ(code_of("(component)"), ErrorCode::kNoContract);
  EXPECT_EQ(code_of("(module (func (export \"_start\") (drop)))"), ErrorCode::kModuleMalformed);
}

TEST(CompileFunction, KeepsTheBinaryOfTexts) {
  const auto text = compile_function(as_bytes("(module (func (export \"_start\")))"));
  ASSERT_TRUE(text) << text.error().text();
  EXPECT_FALSE(text->wasm.empty());
  EXPECT_FALSE(text->artifact.empty());
  const auto binary = compile_function(text->wasm);
  ASSERT_TRUE(binary);
  EXPECT_TRUE(binary->wasm.empty());
}

TEST(CheckReport, ShowsWhatFindsNothing) {
  const auto binary = engines::wasmtime::text_to_binary(
      "(module (import \"env\" \"f\\1b[2J\" (func (param i32)))"
      "(import \"wasi_snapshot_preview1\" \"fd_read\" (func (param i32 i32 i32 i32) (result i32)))"
      "(memory (export \"memory\") 1 2))");
  ASSERT_TRUE(binary);
  auto info = wasm::read_module(*binary);
  ASSERT_TRUE(info);
  CheckReport report{.file = "x.wasm", .size_bytes = binary->size(), .info = std::move(*info)};
  report.spec.name = "x";
  report.refusal = Error{ErrorCode::kUnknownImport, "env.f", {}};
  const std::string text = check_text(report);
  EXPECT_NE(text.find("x.wasm: refused\n"), std::string::npos) << text;
  EXPECT_NE(text.find("not provided: env.f"), std::string::npos) << text;
  EXPECT_NE(text.find("1 pages (64KiB), at most 2"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const Json json = check_json(report);
  EXPECT_EQ(json["accepted"], false);
  EXPECT_EQ(json["module"]["imports"][0]["provided"], false);
  EXPECT_EQ(json["module"]["imports"][1]["provided"], true);
  EXPECT_EQ(json["limits"]["cpu"], "10s");
}

}  // namespace
}  // namespace godwit::cli
