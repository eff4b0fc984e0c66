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
metrics = "127.0.0.1:3"
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
  EXPECT_FALSE(without->metrics);
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
  ASSERT_TRUE(read->metrics);
  EXPECT_EQ(read->metrics->port, 3);
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
                            .metrics = "[::1]:4",
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
  ASSERT_TRUE(read->metrics);
  EXPECT_EQ(read->metrics->host, "::1");
  EXPECT_EQ(read->metrics->port, 4);
  EXPECT_EQ(read->state_dir, "elsewhere");
  EXPECT_EQ(read->threads, 1u);
  EXPECT_EQ(read->limits.queue, 3u);
  EXPECT_EQ(read->log_format, LogFormat::kText);
  EXPECT_EQ(read->log_level, LogLevel::kError);
  EXPECT_EQ(read->drain_timeout, std::chrono::seconds(1));
  EXPECT_TRUE(config({.dev = true})->watch);  // --dev implies it
}

TEST_F(ServeConfigTest, LimitsOfConnections) {
  constexpr const char* kText =
      "[server]\nmax-connections = 7\nmax-connections-per-client = 3\n"
      "max-requests-per-connection = 9\nconnection-memory = '8MiB'\nheader-timeout = '1s'\n"
      "idle-timeout = '2s'\nstall-timeout = '1500ms'\nmin-rate = '1KiB'\n";
  const auto read = config({}, kText);
  ASSERT_TRUE(read) << read.error().text();
  server::ConnectionLimits limits = read->connections;
  EXPECT_EQ(limits.connections, 7u);
  EXPECT_EQ(limits.connections_per_client, 3u);
  EXPECT_EQ(limits.requests_per_connection, 9u);
  EXPECT_EQ(limits.memory_bytes, 8u << 20);
  EXPECT_EQ(limits.head, std::chrono::seconds(1));
  EXPECT_EQ(limits.idle, std::chrono::seconds(2));
  EXPECT_EQ(limits.stall, std::chrono::milliseconds(1500));
  EXPECT_EQ(limits.min_rate_bytes, 1024u);
  ServeOptions flags;
  for (const manifest::ConnectionFlag& flag : manifest::connection_flags()) {
    const char* value = flag.value == "N" ? "5" : flag.value == "SIZE" ? "32MiB" : "3s";
    ASSERT_TRUE(manifest::set_connection_setting(flags.connections, flag.key, value)) << flag.key;
  }
  limits = config(flags, kText)->connections;
  EXPECT_EQ(limits.connections, 5u);
  EXPECT_EQ(limits.connections_per_client, 5u);
  EXPECT_EQ(limits.requests_per_connection, 5u);
  EXPECT_EQ(limits.memory_bytes, 32u << 20);
  EXPECT_EQ(limits.head, std::chrono::seconds(3));
  EXPECT_EQ(limits.idle, std::chrono::seconds(3));
  EXPECT_EQ(limits.stall, std::chrono::seconds(3));
  EXPECT_EQ(limits.min_rate_bytes, 32u << 20);
}

// What the reference says is what the server does when nothing is set.
TEST_F(ServeConfigTest, TheDefaultsOfConnectionsAreTheDocumentedOnes) {
  ServeOptions documented;
  for (const manifest::SettingInfo& row : manifest::connection_settings()) {
    const std::string text(row.key == "max-connections" ? "10000" : row.default_text);
    ASSERT_TRUE(manifest::set_connection_setting(documented.connections, row.key, text)) << text;
  }
  EXPECT_EQ(config(documented)->connections, server::ConnectionLimits());
  const server::ConnectionLimits found = config({})->connections;
  EXPECT_GE(found.connections, 1u);
  EXPECT_LE(found.connections, server::ConnectionLimits().connections);
}

TEST_F(ServeConfigTest, AWrongAddressNamesItsPlaceEvenWhenAFlagReplacesIt) {
  for (const ServeOptions& options : {ServeOptions(), ServeOptions{.listen = {"127.0.0.1:9"}}}) {
    const auto read = config(options, "[server]\nlisten = ['127.0.0.1:0', 'x']\n");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kConfigBadValue);
    EXPECT_THAT(read.error().detail, HasSubstr("godwit.toml:2:26: "));
  }
  EXPECT_FALSE(config({.listen = {"x"}}));
  for (const ServeOptions& options : {ServeOptions(), ServeOptions{.metrics = "127.0.0.1:9"}}) {
    const auto read = config(options, "[server]\nmetrics = 'x'\n");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kConfigBadValue);
    EXPECT_THAT(read.error().detail, HasSubstr("godwit.toml:2:11: metrics x: the port"));
  }
  const auto wrong = config({.metrics = "127.0.0.1"});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().detail, HasSubstr("--metrics 127.0.0.1: "));
}

}  // namespace
}  // namespace godwit::cli
