#include "manifest/settings.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/units.h"

namespace godwit::manifest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Error error_of(std::string_view text) {
  const auto spec = parse_function_settings(text, "f.toml", {});
  return spec ? Error{ErrorCode::kInternal, "accepted", {}} : spec.error();
}

TEST(Settings, ReadsEveryKey) {
  const auto spec = parse_function_settings(R"(
contract = "command"
response = "cgi"
content-type = "text/html; charset=utf-8"
arguments = ["--fast", ""]
environment = { ZULU = "1", ALPHA = "zwei" }
secrets = ["API_KEY", "OTHER"]
routes = ["/img/{id}", "GET host.example/x"]
query-environment = ["NAME", "_x"]
[limits]
memory = "64MiB"
cpu = "200ms"
timeout = "1m"
request-body = "0B"
response-body = "1GiB"
concurrency = 7
queue = 0
queue-timeout = "0s"
log = "1KiB"
)",
                                            "f.toml", {.name = "f", .source = "f.wasm"});
  ASSERT_TRUE(spec) << spec.error().text();
  EXPECT_EQ(spec->name, "f");
  EXPECT_EQ(spec->source, "f.wasm");
  EXPECT_EQ(spec->contract, ContractChoice::kCommand);
  EXPECT_EQ(spec->response, ResponseMode::kCgi);
  EXPECT_EQ(spec->content_type, "text/html; charset=utf-8");
  EXPECT_THAT(spec->arguments, ElementsAre("--fast", ""));
  EXPECT_THAT(spec->environment,
              ElementsAre(EnvironmentVariable{"ZULU", "1"}, EnvironmentVariable{"ALPHA", "zwei"}));
  EXPECT_EQ(spec->query_environment.policy, QueryEnvironment::Policy::kListed);
  EXPECT_THAT(spec->query_environment.names, ElementsAre("NAME", "_x"));
  ASSERT_EQ(spec->secrets.size(), 2u);
  EXPECT_EQ(spec->secrets[1].text, "OTHER");
  EXPECT_EQ(spec->secrets[1].place, "f.toml:7:23");
  ASSERT_EQ(spec->routes.size(), 2u);
  EXPECT_EQ(spec->routes[0].text, "/img/{id}");
  EXPECT_EQ(spec->routes[0].place, "f.toml:8:11");
  ASSERT_EQ(spec->asked_limits.size(), 9u);
  EXPECT_EQ(spec->asked_limits[1].text, "cpu");
  EXPECT_EQ(spec->asked_limits[1].place, "f.toml:12:1");
  EXPECT_EQ(spec->limits, (Limits{.memory_bytes = 64u << 20,
                                  .cpu = std::chrono::milliseconds(200),
                                  .timeout = std::chrono::minutes(1),
                                  .request_body_bytes = 0,
                                  .response_body_bytes = 1u << 30,
                                  .concurrency = 7,
                                  .queue = 0,
                                  .queue_timeout = std::chrono::nanoseconds(0),
                                  .log_bytes = 1024}));
}

TEST(Settings, WhatIsNotSetKeepsItsDefault) {
  FunctionSpec defaults{.name = "f"};
  ASSERT_TRUE(set_limit(defaults.limits, "cpu", "3s"));
  ASSERT_TRUE(set_environment(defaults, "A", "given"));
  const auto empty = parse_function_settings("", "f.toml", defaults);
  ASSERT_TRUE(empty);
  EXPECT_EQ(*empty, defaults);
  const auto some = parse_function_settings("[limits]\nmemory='1MiB'", "f.toml", defaults);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->limits.cpu, std::chrono::seconds(3));
  EXPECT_EQ(some->limits.memory_bytes, 1u << 20);
}

TEST(Settings, QueryEnvironmentMayBeAFlag) {
  const auto none = parse_function_settings("query-environment = false", "f.toml", {});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->query_environment.policy, QueryEnvironment::Policy::kNone);
  const auto all = parse_function_settings("query-environment = true", "f.toml", {});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->query_environment.policy, QueryEnvironment::Policy::kAll);
}

TEST(Settings, SyntaxErrorsNameThePlace) {
  const Error error = error_of("response = \"cgi\"\nlimits = {\n");
  EXPECT_EQ(error.code, ErrorCode::kConfigSyntax);
  EXPECT_THAT(error.detail, StartsWith("f.toml:2:"));
  EXPECT_EQ(error_of("[=").code, ErrorCode::kConfigSyntax);     // an assertion of toml++ 3.3
  EXPECT_EQ(error_of("é = 1").code, ErrorCode::kConfigSyntax);  // an unreachable of toml++ 3.3
  EXPECT_EQ(error_of("\uFEF2==4").code, ErrorCode::kConfigSyntax);
  EXPECT_EQ(error_of("[\x03").code, ErrorCode::kConfigSyntax);
  EXPECT_EQ(error_of("a = \"\xFF\"").code, ErrorCode::kConfigSyntax);
  EXPECT_EQ(error_of("response = \"cgi\"\nresponse = \"cgi\"").code, ErrorCode::kConfigSyntax);
}

struct WrongCase {
  const char* text;
  ErrorCode code;
  const char* detail;
};

class WrongSettings : public testing::TestWithParam<WrongCase> {};

TEST_P(WrongSettings, AreRefusedWithPlaceAndReason) {
  const Error error = error_of(GetParam().text);
  EXPECT_EQ(error.code, GetParam().code) << error.text();
  EXPECT_THAT(error.detail, HasSubstr(GetParam().detail));
}

TEST(Settings, TheRequestCanBeLeftOutOfTheEnvironment) {
  EXPECT_EQ(parse_function_settings("", "f.toml", {})->request_environment,
            RequestEnvironment::kGiven);
  EXPECT_EQ(
      parse_function_settings("request-environment = false", "f.toml", {})->request_environment,
      RequestEnvironment::kLeftOut);
  EXPECT_FALSE(parse_function_settings("request-environment = \"no\"", "f.toml", {}));
}

TEST(Settings, TheDeviceFolderIsAskedForByName) {
  EXPECT_EQ(parse_function_settings("", "f.toml", {})->devices, DeviceFolder::kNo);
  const auto spec = parse_function_settings("[files]\n\"/dev\" = \"stdio\"", "f.toml", {});
  ASSERT_TRUE(spec) << spec.error().text();
  EXPECT_EQ(spec->devices, DeviceFolder::kStdio);
}

constexpr ErrorCode kUnknown = ErrorCode::kConfigUnknownKey;
constexpr ErrorCode kBad = ErrorCode::kConfigBadValue;
INSTANTIATE_TEST_SUITE_P(
    Cases, WrongSettings,
    testing::Values(
        WrongCase{"\nrepsonse = \"cgi\"", kUnknown,
                  "f.toml:2:1: \"repsonse\" is not known; did "
                  "you mean \"response\"?"},
        WrongCase{"banana = 1", kUnknown, "known are contract, routes"},
        WrongCase{"[limits]\nmemroy = \"1MiB\"", kUnknown,
                  "f.toml:2:1: there is no limit "
                  "\"memroy\"; did you mean \"memory\"?"},
        WrongCase{"memory = \"1MiB\"", kUnknown, "stands under [limits]"},
        WrongCase{"secrets = \"K\"", kBad, "secrets is a list of at most 100 texts"},
        WrongCase{"secrets = [\"A\", \"\"]", kBad, "f.toml:1:17: each of secrets"},
        WrongCase{"secrets = [\"A\", \"A\"]", kBad, "\"A\" stands twice in secrets"},
        WrongCase{"secrets = [\"a-b\"]", kBad, "\"a-b\" is not a name of an environment variable"},
        WrongCase{"secrets = [\"K\"]\nenvironment = { K = \"v\" }", kBad,
                  "f.toml:1:12: K is a secret and stands in `environment` too"},
        WrongCase{"routes = [\"\"]", kBad, "each of routes"},
        WrongCase{"routes = [\"/x\", 3]", kBad, "each of routes"},
        WrongCase{"server = { }", kUnknown, "belongs to the operator's godwit.toml"},
        WrongCase{"[volume.x]\npath = \".\"", kUnknown, "belongs to the operator's godwit.toml"},
        WrongCase{"tmpfs = \"1MiB\"", kUnknown, "stands under [files]"},
        WrongCase{"expose-versions = true", kUnknown, "not supported by this version yet"},
        WrongCase{"instances = true", kBad, "instances must be a text"},
        WrongCase{"instances = \"reused\"\nmax-requests = 0", kBad, "max-requests"},
        WrongCase{"instances = \"reused\"\nmax-idle = 10", ErrorCode::kUnitMissing, "max-idle"},
        WrongCase{"instances = \"reused\"\nmax-idle = \"2h\"", kBad,
                  "max-idle: 2h is outside of 1ms to 1h"},
        WrongCase{"max-idle = \"1s\"", kBad, "is of `instances = \"reused\"`"},
        WrongCase{"source = \"x.wasm\"", kUnknown, "the file's own name"},
        WrongCase{"[function.f]\nresponse = \"cgi\"", kUnknown, "belongs to a godwit.toml"},
        WrongCase{"contract = \"x\"", kBad, "\"auto\", \"command\" or \"http\""},
        WrongCase{"response = true", kBad, "f.toml:1:12: response must be a text"},
        WrongCase{"content-type = \"text\"", kBad, "is not a media type"},
        WrongCase{"content-type = \"text/plain\\r\\nX: y\"", kBad, "is not a media type"},
        WrongCase{"arguments = \"x\"", kBad, "list of texts"},
        WrongCase{"arguments = [1]", kBad, "must be a text"},
        WrongCase{"arguments = [\"a\\u0000b\"]", kBad, "NUL"},
        WrongCase{"environment = [\"A\"]", kBad, "table of texts"},
        WrongCase{"environment = { A = 1 }", kBad, "A must be a text in quotes"},
        WrongCase{"environment = { \"A B\" = \"1\" }", kBad, "\"A B\" is not a name"},
        WrongCase{"environment = { A = \"\\u0000\" }", kBad, "NUL"},
        WrongCase{"query-environment = \"all\"", kBad, "true, false, or a list"},
        WrongCase{"query-environment = [\"A-B\"]", kBad, "\"A-B\" is not a name"},
        WrongCase{"limits = 3", kBad, "limits is a table"},
        WrongCase{"limits = { memory = 64 }", ErrorCode::kUnitMissing,
                  "memory: \"64\" has no unit"},
        WrongCase{"limits = { cpu = \"10\" }", ErrorCode::kUnitMissing, "cpu: "},
        WrongCase{"limits = { cpu = 0.5 }", kBad, "cpu is a text with its unit"},
        WrongCase{"limits = { memory = \"64KB\" }", kBad, "outside of 64KiB to 4GiB"},
        WrongCase{"limits = { memory = \"5GiB\" }", kBad, "outside of 64KiB to 4GiB"},
        WrongCase{"limits = { timeout = \"25h\" }", kBad, "outside of 1ms to 24h"},
        WrongCase{"limits = { timeout = \"0s\" }", kBad, "outside of 1ms to 24h"},
        WrongCase{"limits = { concurrency = 0 }", kBad, "outside of 1 to 1000000"},
        WrongCase{"limits = { concurrency = 1000001 }", kBad, "outside of 1 to 1000000"},
        WrongCase{"limits = { queue = -1 }", kBad, "\"-1\" is not a whole number"},
        WrongCase{"limits = { queue = \"5\" }", kBad, "without quotes"}));

TEST(Settings, SizesAreBounded) {
  const std::string huge(kMaxSettingsBytes + 1, '#');
  EXPECT_EQ(error_of(huge).code, kBad);
  std::string many = "environment = { ";
  for (int i = 0; i < 9; ++i) {
    many += "A" + std::to_string(i) + " = \"" + std::string(8000, 'x') + "\", ";
  }
  EXPECT_THAT(error_of(many + "B = \"\" }").detail, HasSubstr("larger than 65536 bytes"));
  std::string routes = "routes = [";
  for (int i = 0; i < 101; ++i) routes += "\"/" + std::to_string(i) + "\",";
  EXPECT_THAT(error_of(routes + "]").detail, HasSubstr("at most 100 texts"));
  EXPECT_THAT(error_of("routes = [\"/" + std::string(1024, 'x') + "\"]").detail,
              HasSubstr("longer than 1024 bytes"));
  std::string arguments = "arguments = [";
  for (int i = 0; i < 10'001; ++i) arguments += "\"\",";
  EXPECT_EQ(error_of(arguments + "]").code, kBad);
  std::string deep = "environment = ";
  for (int i = 0; i < 100'000; ++i) deep += '[';
  EXPECT_EQ(error_of(deep).code, ErrorCode::kConfigSyntax);
}

TEST(Limits, AssignmentsOfTheCommandLine) {
  Limits limits;
  EXPECT_TRUE(set_limit_assignment(limits, "memory=64MiB"));
  EXPECT_EQ(limits.memory_bytes, 64u << 20);
  EXPECT_TRUE(set_limit_assignment(limits, "concurrency=5"));
  EXPECT_EQ(limits.concurrency, 5u);
  const auto no_value = set_limit_assignment(limits, "memory");
  ASSERT_FALSE(no_value);
  EXPECT_EQ(no_value.error().code, ErrorCode::kUsage);
  const auto no_unit = set_limit_assignment(limits, "memory=64");
  ASSERT_FALSE(no_unit);
  EXPECT_EQ(no_unit.error().code, ErrorCode::kUnitMissing);
  const auto unknown = set_limit_assignment(limits, "cpus=1s");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().detail, HasSubstr("did you mean \"cpu\"?"));
  EXPECT_FALSE(set_limit_assignment(limits, "=1s"));
  EXPECT_FALSE(set_limit_assignment(limits, "queue=1e3"));
  EXPECT_FALSE(set_limit_assignment(limits, "queue=99999999999999999999"));
}

TEST(Limits, EveryDefaultIsWithinItsBoundsAndReadsBack) {
  for (const SettingInfo& row : limit_settings()) {
    Limits limits;
    EXPECT_EQ(limit_text(limits, row.key), row.default_text);
    EXPECT_TRUE(set_limit(limits, row.key, row.default_text)) << row.key;
    EXPECT_EQ(limits, Limits{}) << row.key;
    EXPECT_FALSE(row.documentation.empty());
  }
  EXPECT_EQ(limit_text({}, "none"), "");
}

TEST(ContentType, MediaTypesOnly) {
  for (const char* const good : {"text/html", "application/problem+json",
                                 "text/plain;charset=utf-8", "a/b ; q=\"x \\\" y\"; z=1"}) {
    EXPECT_TRUE(is_content_type(good)) << good;
  }
  for (const char* const bad : {"", "text", "text/", "/html", "text/html;", "text/html; a", "a/b c",
                                "a/b\r\nX: y", "a/b; c=\"open", "a/b; c=\"\\", "a/ä", "a/b; =c"}) {
    EXPECT_FALSE(is_content_type(bad)) << bad;
  }
  EXPECT_FALSE(is_content_type("a/" + std::string(300, 'b')));
}

TEST(Reference, NamesEverySetting) {
  const std::string page = settings_reference_markdown();
  for (const SettingInfo& row : function_settings()) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(row.key) + "` |"));
  }
  EXPECT_THAT(page, HasSubstr("| `memory` | size | `128MiB` | 64KiB to 4GiB |"));
}

}  // namespace
}  // namespace godwit::manifest
