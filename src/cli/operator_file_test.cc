#include "cli/operator_file.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::cli {
namespace {

using registry::TestFolder;
using testing::HasSubstr;

class OperatorFileTest : public testing::Test {
 protected:
  OperatorFile locate(const std::string& path,
                      registry::UnsafeFiles unsafe_files = registry::UnsafeFiles::kRefuse) const {
    auto file = OperatorFile::locate({.path = path, .limits = {}, .unsafe_files = unsafe_files});
    CHECK(file.has_value(), path);
    return std::move(*file);
  }
  static ErrorCode code_of(const OperatorFile& file) {
    const auto manifest = file.read();
    return manifest ? ErrorCode::kInternal : manifest.error().code;
  }

  const TestFolder files_;
};

TEST_F(OperatorFileTest, AFolderMayHaveAFileOrNot) {
  const OperatorFile folder = locate(files_.path());
  const auto none = folder.read();
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
  EXPECT_EQ(folder.functions_folder(nullptr), files_.path());
  files_.write("godwit.toml", "[server]\nthreads = 3\n");
  const auto some = folder.read();
  ASSERT_TRUE(some);
  EXPECT_EQ((*some)->server.threads, 3u);
  EXPECT_EQ(folder.functions_folder(some->get()), files_.path());
  files_.write("godwit.toml", "[server]\nfolder = 'functions'\n");
  EXPECT_EQ(folder.functions_folder(folder.read()->get()), files_.path("functions"));
}

TEST_F(OperatorFileTest, AFileIsRequiredWhenItWasNamed) {
  files_.write("site.toml", "");
  const OperatorFile file = locate(files_.path("site.toml"));
  const auto manifest = file.read();
  ASSERT_TRUE(manifest);
  ASSERT_NE(*manifest, nullptr);
  EXPECT_EQ((*manifest)->filename, "site.toml");
  EXPECT_EQ(file.functions_folder(manifest->get()), "");
  std::filesystem::remove(files_.path("site.toml"));
  EXPECT_EQ(code_of(file), ErrorCode::kFileUnreadable);
  EXPECT_FALSE(OperatorFile::locate({.path = files_.path("none.toml"), .limits = {}}));
  files_.write("a.wasm", "");
  EXPECT_FALSE(OperatorFile::locate({.path = files_.path("a.wasm"), .limits = {}}));
}

TEST_F(OperatorFileTest, WhoCanWriteItIsTheOperator) {
  const OperatorFile folder = locate(files_.path());
  files_.write("godwit.toml", "");
  files_.chmod("godwit.toml", 0664);
  EXPECT_EQ(code_of(folder), ErrorCode::kUnsafeFile);
  EXPECT_TRUE(locate(files_.path(), registry::UnsafeFiles::kAllow).read());
  files_.chmod("godwit.toml", 0644);
  files_.chmod("", 0777);
  EXPECT_EQ(code_of(folder), ErrorCode::kUnsafeFile);
  files_.chmod("", 0700);
  std::filesystem::rename(files_.path("godwit.toml"), files_.path("real.toml"));
  std::filesystem::create_symlink("real.toml", files_.path("godwit.toml"));
  EXPECT_EQ(code_of(folder), ErrorCode::kUnsafeFile);
  std::filesystem::remove(files_.path("real.toml"));  // a link that leads nowhere is no absence
  EXPECT_EQ(code_of(folder), ErrorCode::kUnsafeFile);
}

TEST_F(OperatorFileTest, BrokenAndEndlessFiles) {
  const OperatorFile folder = locate(files_.path());
  files_.write("godwit.toml", "[");
  EXPECT_EQ(code_of(folder), ErrorCode::kConfigSyntax);
  files_.write("godwit.toml", std::string(manifest::kMaxSettingsBytes + 1, '#'));
  EXPECT_EQ(code_of(folder), ErrorCode::kConfigBadValue);
}

TEST_F(OperatorFileTest, SourcesBelowAndElsewhere) {
  files_.write("conf/godwit.toml", "");
  files_.write("conf/bin/a.wasm", "below");
  files_.write("b.wasm", "above");
  const OperatorFile file = locate(files_.path("conf"));
  for (const auto& [source, text] : {std::pair<std::string, std::string>{"bin/a.wasm", "below"},
                                     {"../b.wasm", "above"},
                                     {"./bin/../bin/a.wasm", "below"},
                                     {files_.path("b.wasm"), "above"}}) {
    const auto bytes = file.read_source(source, 100);
    ASSERT_TRUE(bytes) << source << bytes.error().text();
    EXPECT_EQ(as_text(*bytes), text);
    EXPECT_EQ(file.stamp_source(source), registry::stamp_of(file.resolve(source)));
  }
  EXPECT_FALSE(file.read_source("bin/a.wasm", 3));
  EXPECT_FALSE(file.read_source("bin", 100));
  EXPECT_FALSE(file.read_source("../none/b.wasm", 100));
  EXPECT_EQ(file.stamp_source("none.wasm"), registry::FileStamp());
}

TEST_F(OperatorFileTest, SourcesObeyTheRulesOfAServedFolder) {
  files_.write("conf/godwit.toml", "");
  files_.write("conf/a.wasm", "");
  files_.write("open/b.wasm", "");
  std::filesystem::create_symlink("a.wasm", files_.path("conf/link.wasm"));
  std::filesystem::create_symlink("../open", files_.path("conf/folder"));
  files_.chmod("open", 0777);
  const OperatorFile file = locate(files_.path("conf"));
  for (const char* const source : {"link.wasm", "folder/b.wasm", "../open/b.wasm"}) {
    const auto bytes = file.read_source(source, 100);
    ASSERT_FALSE(bytes) << source;
    EXPECT_EQ(bytes.error().code, ErrorCode::kUnsafeFile) << source;
  }
  const OperatorFile trusting = locate(files_.path("conf"), registry::UnsafeFiles::kAllow);
  EXPECT_TRUE(trusting.read_source("link.wasm", 100));
  EXPECT_TRUE(trusting.read_source("../open/b.wasm", 100));
}

}  // namespace
}  // namespace godwit::cli
