#include "cli/serve_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::cli {
namespace {

using testing::HasSubstr;

class ServeConfigTest : public testing::Test {
 protected:
  ServeConfigTest() {
    auto file = OperatorFile::locate({.path = files_.path(), .limits = {}});
    CHECK(file.has_value());
    file_.emplace(std::move(*file));
  }
  Result<ServeConfig> config(const ServeOptions& options, const std::string& text = "") {
    auto manifest = manifest::parse_manifest(text, {.filename = "godwit.toml"});
    CHECK(manifest.has_value(), text);
    return serve_config(options, &*manifest, *file_);
  }

  const registry::TestFolder files_;
  std::optional<OperatorFile> file_;
};

constexpr const char* kAll = R"([server]
listen = ["127.0.0.1:1", "127.0.0.1:2"]
state-dir = "state"
threads = 3
log-format = "json"
log-level = "debug"
drain-timeout = "3s"
watch = true
allow-unsafe-files = true
confinement = "required"
)";

TEST_F(ServeConfigTest, Defaults) {
  const auto without = serve_config({}, nullptr, *file_);
  ASSERT_TRUE(without);
  ASSERT_EQ(without->listen.size(), 1u);
  EXPECT_EQ(without->listen[0].port, 8080);
  EXPECT_EQ(without->state_dir, "");
  EXPECT_EQ(without->threads, 0u);
  EXPECT_EQ(without->log_format, LogFormat::kText);
  EXPECT_EQ(without->log_level, LogLevel::kInfo);
  EXPECT_FALSE(without->watch || without->dev);
  EXPECT_EQ(without->unsafe_files, registry::UnsafeFiles::kRefuse);
  EXPECT_EQ(without->drain_timeout, std::chrono::seconds(10));
  EXPECT_EQ(without->confinement, ConfinementMode::kBestEffort);
}

TEST_F(ServeConfigTest, WhatTheFileSays) {
  const auto read = config({}, kAll);
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read->listen.size(), 2u);
  EXPECT_EQ(read->listen[1].port, 2);
  EXPECT_EQ(read->state_dir, files_.path("state"));
  EXPECT_EQ(read->threads, 3u);
  EXPECT_EQ(read->log_format, LogFormat::kJson);
  EXPECT_EQ(read->log_level, LogLevel::kDebug);
  EXPECT_TRUE(read->watch);
  EXPECT_FALSE(read->dev);
  EXPECT_EQ(read->unsafe_files, registry::UnsafeFiles::kAllow);
  EXPECT_EQ(read->drain_timeout, std::chrono::seconds(3));
  EXPECT_EQ(read->confinement, ConfinementMode::kRequired);
}

TEST_F(ServeConfigTest, FlagsWin) {
  const auto read = config({.listen = {"127.0.0.1:9"},
                            .state_dir = "elsewhere",
                            .threads = 1,
                            .limits = {"queue=3"},
                            .log_format = "text",
                            .log_level = "error",
                            .dev = true,
                            .confinement = "off",
                            .drain_timeout = std::chrono::seconds(1)},
                           kAll);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->listen.size(), 1u);
  EXPECT_EQ(read->listen[0].port, 9);
  EXPECT_EQ(read->state_dir, "elsewhere");
  EXPECT_EQ(read->threads, 1u);
  EXPECT_EQ(read->limits.queue, 3u);
  EXPECT_EQ(read->log_format, LogFormat::kText);
  EXPECT_EQ(read->log_level, LogLevel::kError);
  EXPECT_EQ(read->drain_timeout, std::chrono::seconds(1));
  EXPECT_TRUE(config({.dev = true})->watch);  // --dev implies it
}

TEST_F(ServeConfigTest, AWrongAddressNamesItsPlaceEvenWhenAFlagReplacesIt) {
  for (const ServeOptions& options : {ServeOptions(), ServeOptions{.listen = {"127.0.0.1:9"}}}) {
    const auto read = config(options, "[server]\nlisten = ['127.0.0.1:0', 'x']\n");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kConfigBadValue);
    EXPECT_THAT(read.error().detail, HasSubstr("godwit.toml:2:26: "));
  }
  EXPECT_FALSE(config({.listen = {"x"}}));
}

}  // namespace
}  // namespace godwit::cli
