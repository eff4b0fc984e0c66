#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manifest/settings.h"

namespace godwit::manifest {
namespace {

using testing::HasSubstr;

Result<FunctionSpec> parse(const std::string& files) {
  return parse_function_settings("[files]\n" + files, "f.toml", {});
}

TEST(Files, VolumesAndTmpfs) {
  const auto spec = parse(R"("/data" = { volume = "pictures" }
"/out" = { mode = "write", volume = "My.Pictures-2" }
"/tmp" = { tmpfs = "16MiB" }
"/cache/x" = { tmpfs = "4KiB", files = 7, scope = "function" }
"/dev" = "stdio"
)");
  ASSERT_TRUE(spec) << spec.error().text();
  ASSERT_EQ(spec->files.size(), 4u);
  EXPECT_EQ(spec->files[0].path, "/data");
  EXPECT_EQ(spec->files[0].place, "f.toml:2:1");
  EXPECT_EQ(std::get<VolumeMount>(spec->files[0].what),
            (VolumeMount{.volume = "pictures", .access = FileAccess::kRead}));
  EXPECT_EQ(std::get<VolumeMount>(spec->files[1].what),
            (VolumeMount{.volume = "My.Pictures-2", .access = FileAccess::kWrite}));
  EXPECT_EQ(std::get<TmpfsMount>(spec->files[2].what),
            (TmpfsMount{.size_bytes = 16u << 20, .files = 1024, .scope = TmpfsScope::kInvocation}));
  EXPECT_EQ(std::get<TmpfsMount>(spec->files[3].what),
            (TmpfsMount{.size_bytes = 4096, .files = 7, .scope = TmpfsScope::kFunction}));
  EXPECT_EQ(spec->files[3].place, "f.toml:5:1");
  EXPECT_EQ(spec->devices, DeviceFolder::kStdio);
}

TEST(Files, TheRootMayBeAMountIfItIsTheOnlyOne) {
  EXPECT_TRUE(parse("\"/\" = { tmpfs = \"1MiB\" }"));
  EXPECT_FALSE(parse("\"/\" = { tmpfs = \"1MiB\" }\n\"/x\" = { tmpfs = \"1MiB\" }"));
  EXPECT_FALSE(parse("\"/x\" = { tmpfs = \"1MiB\" }\n\"/\" = { tmpfs = \"1MiB\" }"));
}

TEST(Files, NeighboursWithACommonBeginningAreNotNested) {
  EXPECT_TRUE(parse("\"/data\" = { tmpfs = \"1MiB\" }\n\"/data2\" = { tmpfs = \"1MiB\" }"));
  EXPECT_TRUE(parse("\"/a/b\" = { tmpfs = \"1MiB\" }\n\"/a/c\" = { tmpfs = \"1MiB\" }"));
  EXPECT_TRUE(parse("\"/..x\" = { tmpfs = \"1MiB\" }\n\"/x..\" = { tmpfs = \"1MiB\" }"));
}

struct WrongFiles {
  std::string text;
  ErrorCode code;
  const char* detail;
};
class WrongFilesTest : public testing::TestWithParam<WrongFiles> {};

TEST_P(WrongFilesTest, AreRefusedWithPlaceAndReason) {
  const auto spec = parse(GetParam().text);
  ASSERT_FALSE(spec) << GetParam().text;
  EXPECT_EQ(spec.error().code, GetParam().code) << spec.error().text();
  EXPECT_THAT(spec.error().detail, HasSubstr(GetParam().detail)) << GetParam().text;
  EXPECT_THAT(spec.error().detail, testing::StartsWith("f.toml:")) << GetParam().text;
}

constexpr ErrorCode kBad = ErrorCode::kConfigBadValue;
constexpr ErrorCode kUnknown = ErrorCode::kConfigUnknownKey;
INSTANTIATE_TEST_SUITE_P(
    Paths, WrongFilesTest,
    testing::Values(
        WrongFiles{"\"\" = { tmpfs = \"1MiB\" }", kBad, "does not begin"},
        WrongFiles{"\"data\" = { tmpfs = \"1MiB\" }", kBad, "does not begin"},
        WrongFiles{"\".\" = { tmpfs = \"1MiB\" }", kBad, "does not begin"},
        WrongFiles{"\"/data/\" = { tmpfs = \"1MiB\" }", kBad, "empty part"},
        WrongFiles{"\"//data\" = { tmpfs = \"1MiB\" }", kBad, "empty part"},
        WrongFiles{"\"//\" = { tmpfs = \"1MiB\" }", kBad, "empty part"},
        WrongFiles{"\"/a//b\" = { tmpfs = \"1MiB\" }", kBad, "empty part"},
        WrongFiles{"\"/a/../b\" = { tmpfs = \"1MiB\" }", kBad, "\"..\""},
        WrongFiles{"\"/..\" = { tmpfs = \"1MiB\" }", kBad, "\"..\""},
        WrongFiles{"\"/a/.\" = { tmpfs = \"1MiB\" }", kBad, "\".\""},
        WrongFiles{"\"/a\\u0000b\" = { tmpfs = \"1MiB\" }", kBad, "control character"},
        WrongFiles{"\"/a\\u001B[2J\" = { tmpfs = \"1MiB\" }", kBad, "control character"},
        WrongFiles{"\"/" + std::string(255, 'x') + "\" = { tmpfs = \"1MiB\" }", kBad,
                   "longer than 255 bytes"},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\" }\n\"/a/b/c\" = { volume = \"v\" }", kBad,
                   "f.toml:3:1: \"/a/b/c\" and \"/a\": one lies inside the other"},
        WrongFiles{"\"/a/b\" = { tmpfs = \"1MiB\" }\n\"/a\" = { volume = \"v\" }", kBad,
                   "one lies inside the other"},
        WrongFiles{"\"/dev\" = \"stdio\"\n\"/dev/shm\" = { tmpfs = \"1MiB\" }", kBad,
                   "one lies inside the other"},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\" }\n\"/a\" = { tmpfs = \"1MiB\" }",
                   ErrorCode::kConfigSyntax, "f.toml:3"}));

INSTANTIATE_TEST_SUITE_P(
    Entries, WrongFilesTest,
    testing::Values(
        WrongFiles{"\"/a\" = {}", kBad, "exactly one of `volume` and `tmpfs`"},
        WrongFiles{"\"/a\" = { volume = \"v\", tmpfs = \"1MiB\" }", kBad, "exactly one of"},
        WrongFiles{"\"/a\" = { mode = \"read\" }", kBad, "exactly one of"},
        WrongFiles{"\"/a\" = \"stdio\"", kBad, "only text here is \"/dev\""},
        WrongFiles{"\"/dev\" = \"all\"", kBad, "only text here is \"/dev\""},
        WrongFiles{"\"/a\" = 3", kBad, "it is { volume"},
        WrongFiles{"\"/a\" = { volume = 3 }", kBad, "volume must be a text"},
        WrongFiles{"\"/a\" = { volume = \"../etc\" }", kBad, "not a name of a volume"},
        WrongFiles{"\"/a\" = { volume = \"/etc\" }", kBad, "not a name of a volume"},
        WrongFiles{"\"/a\" = { volume = \"v\", mode = \"rw\" }", kBad, "\"read\" or \"write\""},
        WrongFiles{"\"/a\" = { volume = \"v\", files = 3 }", kBad, "of a tmpfs"},
        WrongFiles{"\"/a\" = { volume = \"v\", scope = \"function\" }", kBad, "of a tmpfs"},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\", mode = \"write\" }", kBad, "is of a volume"},
        WrongFiles{"\"/a\" = { tmpfs = \"4095B\" }", kBad, "outside of 4KiB to 4GiB"},
        WrongFiles{"\"/a\" = { tmpfs = \"4097MiB\" }", kBad, "outside of 4KiB to 4GiB"},
        WrongFiles{"\"/a\" = { tmpfs = 16 }", ErrorCode::kUnitMissing, "tmpfs: \"16\""},
        WrongFiles{"\"/a\" = { tmpfs = true }", kBad, "for instance \"16MiB\""},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\", files = 0 }", kBad, "from 1 to 1000000"},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\", files = 1000001 }", kBad, "from 1 to 1000000"},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\", files = -1 }", kBad, "from 1 to 1000000"},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\", files = \"9\" }", kBad, "whole number"},
        WrongFiles{"\"/a\" = { tmpfs = \"1MiB\", scope = \"server\" }", kBad, "\"function\""},
        WrongFiles{"\"/a\" = { tmpsf = \"1MiB\" }", kUnknown, "did you mean \"tmpfs\"?"},
        WrongFiles{"\"/a\" = { path = \"/etc\" }", kUnknown,
                   "f.toml:2:10: \"path\" is not known in an entry of [files]"}));

TEST(Files, CountIsBounded) {
  std::string many;
  for (int i = 0; i <= 100; ++i) many += "\"/" + std::to_string(i) + "\" = { tmpfs = \"1MiB\" }\n";
  const auto spec = parse(many);
  ASSERT_FALSE(spec);
  EXPECT_THAT(spec.error().detail, HasSubstr("more than 100 paths"));
  const auto text = parse_function_settings("files = \"/dev\"", "f.toml", {});
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().detail, HasSubstr("files is a table"));
}

TEST(Files, EveryKeyIsDocumented) {
  const std::string page = settings_reference_markdown();
  for (const SettingInfo& row : mount_settings()) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(row.key) + "` |"));
    EXPECT_FALSE(row.documentation.empty());
  }
}

}  // namespace
}  // namespace godwit::manifest
