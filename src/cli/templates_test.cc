#include "cli/templates.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "cli/provided_imports.h"
#include "engines/wasmtime/text.h"
#include "manifest/settings.h"
#include "wasm/contract.h"

namespace godwit::cli {
namespace {

std::string text_of(std::string_view language, std::string_view path) {
  for (const ProjectFile& file : project_files(language, "hello.x")) {
    if (file.path == path) return file.text;
  }
  return {};
}

TEST(Templates, EveryLanguageHasItsFiles) {
  for (const std::string_view language : template_languages()) {
    std::set<std::string> paths;
    for (const ProjectFile& file : project_files(language, "hello.x")) {
      EXPECT_TRUE(paths.insert(file.path).second) << file.path;
      EXPECT_EQ(file.text.find("@NAME@"), std::string::npos) << file.path;
      EXPECT_EQ(file.text.find("@CRATE@"), std::string::npos) << file.path;
      EXPECT_FALSE(file.text.empty()) << file.path;
    }
    for (const char* path : {"README.md", ".gitignore", "hello.x.toml"}) {
      EXPECT_TRUE(paths.contains(path)) << language << " " << path;
    }
    const bool has_source = std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
      return path.starts_with("src/main.") || path == "src/lib.rs";
    });
    EXPECT_TRUE(has_source) << language;
  }
}

TEST(Templates, ReadmesHaveThreeLines) {
  const std::string readme = text_of("c", "README.md");
  EXPECT_EQ(std::count(readme.begin(), readme.end(), '\n'), 3);
}

TEST(Templates, SettingsAreValid) {
  for (const std::string_view language : template_languages()) {
    const auto spec = manifest::parse_function_settings(text_of(language, "hello.x.toml"),
                                                        "hello.x.toml", {.name = "hello.x"});
    ASSERT_TRUE(spec) << language << ": " << spec.error().text();
    const bool holds_an_engine = language == "javascript" || language == "python";
    EXPECT_EQ(spec->limits.memory_bytes, std::uint64_t{holds_an_engine ? 64U : 16U} << 20);
  }
}

TEST(Templates, TextProgramFitsTheContract) {
  const auto binary = engines::wasmtime::text_to_binary(text_of("wat", "src/main.wat"));
  ASSERT_TRUE(binary) << binary.error().text();
  const auto info = wasm::read_module(*binary);
  ASSERT_TRUE(info);
  const auto contract = wasm::classify(*info, provided_imports());
  EXPECT_TRUE(contract) << contract.error().text();
}

TEST(Templates, CrateNamesAreWhatCargoAccepts) {
  EXPECT_EQ(crate_name("hello"), "hello");
  EXPECT_EQ(crate_name("a.b-c_d"), "a-b-c_d");
  EXPECT_EQ(crate_name("7up"), "f-7up");
  EXPECT_NE(text_of("rust", "Cargo.toml").find("name = \"hello-x\""), std::string::npos);
}

}  // namespace
}  // namespace godwit::cli
