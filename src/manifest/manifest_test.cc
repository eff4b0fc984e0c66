#include "manifest/manifest.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::manifest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Result<Manifest> parse(std::string_view text) {
  return parse_manifest(text, {.filename = "godwit.toml"});
}

TEST(Manifest, ReadsEverySection) {
  const auto file = parse(R"([server]
listen = ["127.0.0.1:8080", "[::1]:0"]
folder = "functions"
threads = 3
state-dir = "state"
log-format = "json"
log-level = "warning"
drain-timeout = "3s"
watch = true
dev = false
allow-unsafe-files = true
confinement = "required"
limit = { memory = "64MiB", cpu = "2s" }

[function.resize]
source = "resize.wasm"
routes = ["/img/{id}"]
limits = { cpu = "200ms" }
[function.resize.files]
"/data" = { volume = "pictures" }

[function."shop/cart"]
source = "../build/cart.wat"
secrets = ["API_KEY"]

[volume.pictures]
path = "./data"
modes = ["read", "write"]
functions = ["resize", "shop/*"]
max-size = "2GiB"
max-files = 50
[volume]
other = { path = "/srv/other" }

[secret.API_KEY]
file = "api.key"
functions = ["*"]
[secret.TOKEN]
environment = "GODWIT_TOKEN"

[bounds]
"*" = { memory = "128MiB", tmpfs = "16MiB" }
"shop/*" = { concurrency = 5 }
)");
  ASSERT_TRUE(file) << file.error().text();
  const ServerSettings& server = file->server;
  ASSERT_EQ(server.listen->size(), 2u);
  EXPECT_EQ((*server.listen)[1].text, "[::1]:0");
  EXPECT_EQ((*server.listen)[1].place, "godwit.toml:2:29");
  EXPECT_EQ(server.folder, "functions");
  EXPECT_EQ(server.threads, 3u);
  EXPECT_EQ(server.state_dir, "state");
  EXPECT_EQ(server.log_format, "json");
  EXPECT_EQ(server.log_level, "warning");
  EXPECT_EQ(server.drain_timeout, std::chrono::seconds(3));
  EXPECT_EQ(server.watch, true);
  EXPECT_EQ(server.dev, false);
  EXPECT_EQ(server.allow_unsafe_files, true);
  EXPECT_EQ(server.limits.memory_bytes, 64u << 20);

  ASSERT_EQ(file->functions.size(), 2u);
  const FunctionSpec& resize = file->functions[0];
  EXPECT_EQ(resize.name, "resize");
  EXPECT_EQ(resize.source, "resize.wasm");
  EXPECT_EQ(resize.limits.memory_bytes, 64u << 20);
  EXPECT_EQ(resize.limits.cpu, std::chrono::milliseconds(200));
  EXPECT_EQ(resize.files[0].place, "godwit.toml:20:1");
  const FunctionSpec& cart = file->functions[1];
  EXPECT_EQ(cart.name, "shop/cart");
  EXPECT_EQ(cart.source, "../build/cart.wat");
  EXPECT_EQ(cart.limits.cpu, std::chrono::seconds(2));
  EXPECT_THAT(cart.asked_limits, IsEmpty());

  ASSERT_EQ(file->volumes.size(), 2u);
  const VolumeSpec* const pictures = find_volume(*file, "pictures");
  ASSERT_NE(pictures, nullptr);
  EXPECT_EQ(pictures->path, "./data");
  EXPECT_TRUE(pictures->may_read && pictures->may_write);
  EXPECT_THAT(*pictures->functions, ElementsAre("resize", "shop/*"));
  EXPECT_EQ(pictures->max_size_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(pictures->max_files, 50u);
  EXPECT_EQ(pictures->place, "godwit.toml:26:1");
  const VolumeSpec* const other = find_volume(*file, "other");
  ASSERT_NE(other, nullptr);
  EXPECT_TRUE(other->may_read && !other->may_write);
  EXPECT_FALSE(other->functions);
  EXPECT_EQ(other->max_size_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(other->max_files, 100'000u);
  EXPECT_EQ(other->place, "godwit.toml:33:1");
  EXPECT_EQ(find_volume(*file, "none"), nullptr);

  EXPECT_EQ(std::get<SecretFile>(find_secret(*file, "API_KEY")->source).path, "api.key");
  EXPECT_EQ(std::get<SecretVariable>(find_secret(*file, "TOKEN")->source).name, "GODWIT_TOKEN");
  ASSERT_EQ(file->bounds.size(), 2u);
  EXPECT_EQ(file->bounds[0].tmpfs_bytes, 16u << 20);
  EXPECT_EQ(file->bounds[0].tmpfs_place, "godwit.toml:42:28");
  EXPECT_EQ(file->bounds[1].limits.concurrency, 5u);
  EXPECT_EQ(file->bounds[1].set[0].place, "godwit.toml:43:14");
}

TEST(Manifest, AnEmptyFileIsAnEmptyManifest) {
  const auto file = parse("");
  ASSERT_TRUE(file);
  EXPECT_THAT(file->functions, IsEmpty());
  EXPECT_EQ(file->server, ServerSettings());
}

TEST(Manifest, FlagsWinOverTheServersLimitsAndSettingsOverBoth) {
  const std::vector<std::string> flags = {"cpu=5s", "queue=3"};
  const auto file = parse_manifest(
      "[function.a]\nsource='a'\n[server]\nlimit = { cpu='2s', log='1KiB' }\n"
      "[function.b]\nsource='b'\nlimits={cpu='9s'}",
      {.filename = "godwit.toml", .limits = flags});
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->functions[0].limits.cpu, std::chrono::seconds(5));
  EXPECT_EQ(file->functions[0].limits.queue, 3u);
  EXPECT_EQ(file->functions[0].limits.log_bytes, 1024u);
  EXPECT_EQ(file->functions[1].limits.cpu, std::chrono::seconds(9));
  const std::vector<std::string> wrong = {"cpu"};
  EXPECT_FALSE(parse_manifest("", {.filename = "godwit.toml", .limits = wrong}));
}

TEST(Manifest, WhereMetricsAreTold) {
  const auto file = parse("[server]\nmetrics = '127.0.0.1:9100'\n");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->server.metrics->text, "127.0.0.1:9100");
  EXPECT_EQ(file->server.metrics->place, "godwit.toml:2:11");
  EXPECT_FALSE(parse("")->server.metrics);
}

TEST(Manifest, SaysWhatNeedsARestart) {
  const auto before = parse("[server]\nlisten=['a:1']\nlimit={cpu='1s'}");
  const auto moved = parse("\n\n[server]\nlimit={cpu='2s'}\nlisten=['a:1']");
  const auto after = parse("[server]\nlisten=['a:2']\nmetrics='a:3'\nthreads=2\nlog-level='debug'");
  ASSERT_TRUE(before && moved && after);
  EXPECT_THAT(keys_that_need_restart(before->server, moved->server), IsEmpty());
  EXPECT_THAT(keys_that_need_restart(before->server, after->server),
              ElementsAre("listen", "metrics", "threads", "log-level"));
}

TEST(Manifest, LimitsOfConnectionsNeedARestart) {
  const auto before = parse("[server]\nmax-connections=5\nmin-rate='1KiB'\nidle-timeout='1m'");
  const auto after = parse("[server]\nmax-connections=6\nmin-rate='1024B'\nheader-timeout='1s'");
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->server.connections.max_connections, 5u);
  EXPECT_EQ(before->server.connections.idle_timeout_ns, 60'000'000'000u);
  EXPECT_THAT(keys_that_need_restart(before->server, after->server),
              ElementsAre("max-connections", "header-timeout", "idle-timeout"));
}

TEST(Manifest, ALineThatMovedIsNoChange) {
  const auto before = parse("[function.a]\nsource='a'\nsecrets=['K']\nfiles={'/x'={volume='v'}}");
  const auto after =
      parse("\n[function.a]\n\nsource='a'\nfiles={'/x'={volume='v'}}\nsecrets=['K']");
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->functions, after->functions);
}

struct WrongManifest {
  const char* text;
  ErrorCode code;
  const char* detail;
};
class WrongManifestTest : public testing::TestWithParam<WrongManifest> {};

TEST_P(WrongManifestTest, AreRefusedWithPlaceAndReason) {
  const auto file = parse(GetParam().text);
  ASSERT_FALSE(file) << GetParam().text;
  EXPECT_EQ(file.error().code, GetParam().code) << file.error().text();
  EXPECT_THAT(file.error().detail, StartsWith("godwit.toml:"));
  EXPECT_THAT(file.error().detail, HasSubstr(GetParam().detail)) << GetParam().text;
}

constexpr ErrorCode kBad = ErrorCode::kConfigBadValue;
constexpr ErrorCode kUnknown = ErrorCode::kConfigUnknownKey;
constexpr const char* kNotYet = "is not supported by this version yet";
constexpr ErrorCode kUnit = ErrorCode::kUnitMissing;
INSTANTIATE_TEST_SUITE_P(
    Connections, WrongManifestTest,
    testing::Values(
        WrongManifest{"[server]\nmax-connections=0", kBad, "2:17: max-connections: 0 is outside"},
        WrongManifest{"[server]\nmax-connections=-1", kBad, "whole number"},
        WrongManifest{"[server]\nmax-connections='5'", kBad, "without quotes"},
        WrongManifest{"[server]\nmax-connections=1000001", kBad, "1 to 1000000"},
        WrongManifest{"[server]\nconnection-memory='1MiB'", kBad, "4MiB to 1TiB"},
        WrongManifest{"[server]\nconnection-memory=5000000", kUnit, "connection-memory"},
        WrongManifest{"[server]\nidle-timeout=5", kUnit, "idle-timeout"},
        WrongManifest{"[server]\nidle-timeout='0s'", kBad, "1ms to 24h"},
        WrongManifest{"[server]\nstall-timeout='1KiB'", kBad, "stall-timeout"},
        WrongManifest{"[server]\nmin-rate=true", kBad, "min-rate"},
        WrongManifest{"[server]\nheader-timeuot='1s'", kUnknown, "header-timeout"}));

INSTANTIATE_TEST_SUITE_P(
    Top, WrongManifestTest,
    testing::Values(
        WrongManifest{"[", ErrorCode::kConfigSyntax, "godwit.toml:1:"},
        WrongManifest{"\n[fucntion.a]\nsource='a'", kUnknown,
                      "godwit.toml:2:2: \"fucntion\" is not known; did you mean \"function\"?"},
        WrongManifest{"x = 1", kUnknown, "known are server, volume, secret, bounds, function"},
        WrongManifest{"listen = ['a:1']", kUnknown, "stands under [server]"},
        WrongManifest{"source = 'a'", kUnknown, "stands under [function.NAME]"},
        WrongManifest{"routes = ['/a']", kUnknown, "stands under [function.NAME]"},
        WrongManifest{"function = 3", kBad, "function is a table of tables"},
        WrongManifest{"[[function]]\nsource='a'", kBad, "function is a table of tables"},
        WrongManifest{"[function]\na = 'a.wasm'", kBad, "\"a\" is a table: [function.NAME]"}));

INSTANTIATE_TEST_SUITE_P(
    Functions, WrongManifestTest,
    testing::Values(
        WrongManifest{"[function.a]", kBad, "godwit.toml:1:1: the function \"a\" has no `source`"},
        WrongManifest{"[function.a]\nsource = ''", kBad, "source is not a path"},
        WrongManifest{"[function.a]\nsource = \"a\\u0000\"", kBad, "source is not a path"},
        WrongManifest{"[function.a]\nsoruce = 'a'", kUnknown,
                      "godwit.toml:2:1: \"soruce\" is not known; did you mean \"source\"?"},
        WrongManifest{"[function.shop.cart]\nsource = 'a'", kUnknown, "[function.\"shop/cart\"]"},
        WrongManifest{"[function.\"../a\"]\nsource = 'a'", kBad, "is not a name of a function"},
        WrongManifest{"[function.\"\"]\nsource = 'a'", kBad, "is not a name of a function"},
        WrongManifest{"[function.a]\nsource='a'\ninstances = 'x'", kBad,
                      "instances is \"fresh\" or \"reused\""},
        WrongManifest{"[function.a]\nsource='a'\nmax-requests = 1", kBad,
                      "godwit.toml:3:16: max-requests is of `instances = \"reused\"`"},
        WrongManifest{"[function.a]\nsource='a'\nmax-idle = '1s'", kBad,
                      "max-idle is of `instances = \"reused\"`"},
        WrongManifest{"[function.a]\nsource='a'\nexpose-versions = true", kUnknown, kNotYet},
        WrongManifest{"[function.a]\nsource='a'\n[function.a.limits]\nmemroy='1MiB'", kUnknown,
                      "godwit.toml:4:1: there is no limit \"memroy\"; did you mean \"memory\"?"},
        WrongManifest{"[function.a]\nsource='a'\n[function.a.files]\n'x'={tmpfs='1MiB'}", kBad,
                      "godwit.toml:4:1: the path"}));

INSTANTIATE_TEST_SUITE_P(
    Server, WrongManifestTest,
    testing::Values(WrongManifest{"server = 3", kBad, "server is a table"},
                    WrongManifest{"[server]\nlisen = []", kUnknown,
                                  "\"lisen\" is not known in [server]; did you mean \"listen\"?"},
                    WrongManifest{"[server]\nlisten = []", kBad, "at least one"},
                    WrongManifest{"[server]\nlisten = 'a:1'", kBad, "a list of at most 100"},
                    WrongManifest{"[server]\nmetrics = 9100", kBad,
                                  "metrics must be a text in quotes"},
                    WrongManifest{"[server]\nthreads = 0", kBad, "from 1 to 1024"},
                    WrongManifest{"[server]\nthreads = '2'", kBad, "from 1 to 1024"},
                    WrongManifest{"[server]\nlog-format = 'xml'", kBad, "\"text\" or \"json\""},
                    WrongManifest{"[server]\nlog-level = 'loud'", kBad, "\"debug\""},
                    WrongManifest{"[server]\ndrain-timeout = 10", ErrorCode::kUnitMissing, "10"},
                    WrongManifest{"[server]\ndrain-timeout = '10'", ErrorCode::kUnitMissing, "10"},
                    WrongManifest{"[server]\nwatch = 'yes'", kBad, "true or false"},
                    WrongManifest{"[server]\nlimits = {}", kUnknown, "did you mean \"limit\"?"},
                    WrongManifest{"[server]\nadmin = 'x'", kUnknown, kNotYet},
                    WrongManifest{"[server]\ncpu = '1s'", kUnknown, "stands under limit"},
                    WrongManifest{"[server]\nlimit = { cpu = 3 }", ErrorCode::kUnitMissing, "cpu"},
                    WrongManifest{"[server]\nfolder = ''", kBad, "folder is not a path"}));

INSTANTIATE_TEST_SUITE_P(
    Grants, WrongManifestTest,
    testing::Values(
        WrongManifest{"[volume.v]", kBad, "godwit.toml:1:1: the volume \"v\" has no `path`"},
        WrongManifest{"[volume.\"a b\"]\npath='x'", kBad, "is not a name of a volume"},
        WrongManifest{"[volume.v]\npath='x'\nmode=['read']", kUnknown, "did you mean \"modes\"?"},
        WrongManifest{"[volume.v]\npath='x'\nmodes='read'", kBad, "modes is a list"},
        WrongManifest{"[volume.v]\npath='x'\nmodes=['rw']", kBad, "\"read\" or \"write\""},
        WrongManifest{"[volume.v]\npath='x'\nfunctions='a'", kBad, "functions is a list"},
        WrongManifest{"[volume.v]\npath='x'\nfunctions=['a*']", kBad,
                      "godwit.toml:3:12: \"a*\" names no functions"},
        WrongManifest{"[volume.v]\npath='x'\nfunctions=['a','a']", kBad, "stands twice"},
        WrongManifest{"[volume.v]\npath='x'\nmax-size=5", ErrorCode::kUnitMissing, "max-size"},
        WrongManifest{"[volume.v]\npath='x'\nmax-files='5'", kBad, "whole number"},
        WrongManifest{"[secret.K]", kBad, "godwit.toml:1:1: the secret \"K\" has exactly one of"},
        WrongManifest{"[secret.K]\nfile='a'\nenvironment='B'", kBad, "has exactly one of"},
        WrongManifest{"[secret.K]\nenvironment='A-B'", kBad, "the name of a variable"},
        WrongManifest{"[secret.a-b]\nfile='x'", kBad, "is not a name of an environment variable"},
        WrongManifest{"[secret.K]\nvalue='hunter2'", kUnknown,
                      "a value does not stand in this file"},
        WrongManifest{"[secret.K]\nfiles='x'", kUnknown, "did you mean \"file\"?"},
        WrongManifest{"[bounds]\n'x*' = {}", kBad, "names no functions"},
        WrongManifest{"[bounds]\n'*' = 3", kBad, "is a table"},
        WrongManifest{"[bounds]\n'*' = { memroy = '1MiB' }", kUnknown,
                      "godwit.toml:2:9: there is no limit \"memroy\"; did you mean \"memory\"?"},
        WrongManifest{"[bounds]\n'*' = { tmpfs = 3 }", ErrorCode::kUnitMissing, "tmpfs"}));

// A typed secret must not come back in a message, which goes to a log.
TEST(Manifest, AValueOfASecretIsNotRepeated) {
  const auto file = parse("[secret.K]\nvalue='hunter2'");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().text(), testing::Not(HasSubstr("hunter2")));
}

TEST(Manifest, CountsAreBounded) {
  std::string functions;
  for (int i = 0; i <= 10'000; ++i)
    functions += "[function.f" + std::to_string(i) + "]\nsource='a'\n";
  const auto file = parse(functions);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().detail, HasSubstr("more than 10000 of [function.NAME]"));
  std::string volumes;
  for (int i = 0; i <= 1000; ++i) volumes += "[volume.v" + std::to_string(i) + "]\npath='a'\n";
  EXPECT_THAT(parse(volumes).error().detail, HasSubstr("more than 1000 of [volume.NAME]"));
  std::string patterns = "[volume.v]\npath='a'\nfunctions=[";
  for (int i = 0; i <= 1000; ++i) patterns += "'f" + std::to_string(i) + "',";
  EXPECT_THAT(parse(patterns + "]").error().detail, HasSubstr("at most 1000 texts"));
  EXPECT_THAT(parse(std::string(kMaxSettingsBytes + 1, '#')).error().detail,
              HasSubstr("larger than 1048576 bytes"));
}

TEST(Manifest, EveryKeyIsDocumented) {
  const std::string page = settings_reference_markdown();
  for (const auto rows : {manifest_function_settings(), server_settings(), volume_settings(),
                          secret_settings(), bounds_settings()}) {
    EXPECT_FALSE(rows.empty());
    for (const SettingInfo& row : rows) {
      EXPECT_THAT(page, HasSubstr("| `" + std::string(row.key) + "` |"));
      EXPECT_FALSE(row.documentation.empty());
    }
  }
}

}  // namespace
}  // namespace godwit::manifest
