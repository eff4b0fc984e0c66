#include "registry/grantor.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::registry {
namespace {

using capability::Grants;
using capability::Patience;
using testing::HasSubstr;

class GrantorTest : public testing::Test {
 protected:
  GrantorTest() {
    files_.write("pictures/a.txt", "a picture");
    std::filesystem::create_directory(files_.path("out"));
    files_.write("key", "hunter2\n");
    files_.chmod("key", 0600);
  }
  void adopt(const std::string& text) {
    auto file = manifest::parse_manifest(text, {.filename = "godwit.toml"});
    CHECK(file.has_value(), text);
    grantor_.adopt(std::make_shared<const manifest::Manifest>(std::move(*file)), files_.path());
  }
  static manifest::FunctionSpec asking(const std::string& name, const std::string& settings) {
    auto spec = manifest::parse_function_settings(settings, "f.toml", {.name = name});
    CHECK(spec.has_value(), settings);
    return std::move(*spec);
  }
  std::shared_ptr<const Grants> grants(const std::string& name, const std::string& settings) {
    auto made = grantor_.grants(asking(name, settings));
    EXPECT_TRUE(made) << made.error().text();
    return made ? *made : nullptr;
  }
  static bool write(const capability::FileGrant& grant, const std::string& path) {
    const auto opened =
        grant.source->root()->open(path, {.write = true, .create = true}, Patience::kMayBlock);
    return opened && opened->file->write(0, as_bytes("x"), Patience::kMayBlock) == 1u;
  }
  static bool has(const capability::FileGrant& grant, const std::string& path) {
    return grant.source->root()
        ->info_of(path, capability::Follow::kNo, Patience::kMayBlock)
        .has_value();
  }

  const TestFolder files_;
  Grantor grantor_{{.tmpfs_bytes_max = std::uint64_t{64} << 20}};
};

constexpr const char* kManifest = R"(
[volume.pictures]
path = "pictures"
[volume.out]
path = "out"
modes = ["read", "write"]
[secret.KEY]
file = "key"
)";

TEST_F(GrantorTest, WhoAsksForNothingGetsNothing) {
  adopt(kManifest);
  EXPECT_EQ(grants("f", ""), nullptr);
  EXPECT_EQ(grants("f", "[files]\n'/dev' = 'stdio'"), nullptr);
}

TEST_F(GrantorTest, OutboundHostsStayTheSameObjectWhileTheyAreTheSame) {
  adopt(kManifest);
  constexpr const char* kAsks = "allowed-outbound-hosts = ['https://a.test', 'http://b.test']";
  const auto first = grants("f", kAsks);
  ASSERT_NE(first->outbound, nullptr);
  EXPECT_EQ(first->outbound->function, "f");
  EXPECT_EQ(first->outbound->hosts.size(), 2U);
  adopt(kManifest);
  EXPECT_TRUE(same_grants(first.get(), grants("f", kAsks).get()));
  // Neither another function's nor another list's: connections are kept per grant.
  EXPECT_FALSE(same_grants(first.get(), grants("g", kAsks).get()));
  EXPECT_FALSE(
      same_grants(first.get(), grants("f", "allowed-outbound-hosts = ['https://a.test']").get()));
  EXPECT_TRUE(same_grants(first.get(), grants("f", kAsks).get()));
  const std::weak_ptr<const capability::OutboundGrant> gone = grants("h", kAsks)->outbound;
  EXPECT_FALSE(gone.expired());
  grantor_.purge();
  EXPECT_TRUE(gone.expired());
  EXPECT_EQ(grants("f", kAsks)->outbound, first->outbound);
}

TEST_F(GrantorTest, VolumesInTheModeThatWasAskedFor) {
  adopt(kManifest);
  const auto given = grants("f",
                            "[files]\n'/p' = { volume = 'pictures' }\n"
                            "'/w' = { volume = 'out', mode = 'write' }\n"
                            "'/r' = { volume = 'out' }");
  ASSERT_NE(given, nullptr);
  ASSERT_EQ(given->files.size(), 3u);
  EXPECT_EQ(given->files[0].path, "/p");
  EXPECT_TRUE(has(given->files[0], "a.txt"));
  EXPECT_FALSE(write(given->files[0], "b.txt"));
  EXPECT_TRUE(write(given->files[1], "b.txt"));
  EXPECT_TRUE(has(given->files[2], "b.txt"));
  EXPECT_FALSE(write(given->files[2], "b.txt"));
  EXPECT_FALSE(write(given->files[2], "c.txt"));
  EXPECT_TRUE(std::filesystem::exists(files_.path("out/b.txt")));
}

TEST_F(GrantorTest, AVolumeIsOpenedOnceAndStaysTheSame) {
  adopt(kManifest);
  constexpr const char* kAsks = "[files]\n'/p' = { volume = 'pictures' }";
  const auto first = grants("f", kAsks);
  const auto second = grants("g", kAsks);
  EXPECT_TRUE(same_grants(first.get(), second.get()));
  adopt(std::string("\n\n") + kManifest);
  EXPECT_TRUE(same_grants(first.get(), grants("f", kAsks).get()));
  adopt("[volume.pictures]\npath='out'");
  const auto moved = grants("f", kAsks);
  EXPECT_FALSE(same_grants(first.get(), moved.get()));
  EXPECT_FALSE(has(moved->files[0], "a.txt"));
  EXPECT_TRUE(has(first->files[0], "a.txt"));  // what runs keeps what it has
}

TEST_F(GrantorTest, AnotherFolderAtTheSamePathIsOpenedAtAReload) {
  adopt(kManifest);
  constexpr const char* kAsks = "[files]\n'/p' = { volume = 'pictures' }";
  const auto first = grants("f", kAsks);
  std::filesystem::rename(files_.path("pictures"), files_.path("old"));
  files_.write("pictures/new.txt", "");
  EXPECT_TRUE(same_grants(first.get(), grants("f", kAsks).get()));
  adopt(kManifest);
  EXPECT_TRUE(has(grants("f", kAsks)->files[0], "new.txt"));
}

TEST_F(GrantorTest, QuotasOfAVolume) {
  adopt("[volume.out]\npath='out'\nmodes=['read','write']\nmax-files=1");
  const auto given = grants("f", "[files]\n'/w' = { volume = 'out', mode = 'write' }");
  EXPECT_TRUE(write(given->files[0], "one"));
  EXPECT_FALSE(write(given->files[0], "two"));
}

TEST_F(GrantorTest, WhatCannotBeOpenedIsRefused) {
  adopt("[volume.none]\npath='missing'\n[secret.NONE]\nfile='missing'");
  const auto volume = grantor_.grants(asking("f", "[files]\n'/p' = { volume = 'none' }"));
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code, ErrorCode::kVolumeUnusable);
  EXPECT_THAT(volume.error().detail, HasSubstr("\"none\""));
  const auto secret = grantor_.grants(asking("f", "secrets = ['NONE']"));
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, ErrorCode::kSecretUnusable);
}

// check_grants() stands before; if it were ever forgotten, nothing is given away.
TEST_F(GrantorTest, WhatIsNotDefinedIsNeverGranted) {
  for (const char* const asks : {"[files]\n'/p' = { volume = 'pictures', mode = 'write' }",
                                 "secrets = ['OTHER']", "[files]\n'/p' = { volume = 'other' }"}) {
    adopt(kManifest);
    const auto refused = grantor_.grants(asking("f", asks));
    ASSERT_FALSE(refused) << asks;
    EXPECT_EQ(refused.error().code, ErrorCode::kNotGranted);
  }
  grantor_.adopt(nullptr, files_.path());
  EXPECT_FALSE(grantor_.grants(asking("f", "[files]\n'/p' = { volume = 'pictures' }")));
  EXPECT_FALSE(grantor_.grants(asking("f", "secrets = ['KEY']")));
}

TEST_F(GrantorTest, SecretsStayTheSameObjectWhileTheyAreTheSame) {
  adopt(kManifest);
  const auto first = grants("f", "secrets = ['KEY']");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->secrets[0].name, "KEY");
  EXPECT_EQ(first->secrets[0].value->reveal(), "hunter2");
  adopt(kManifest);
  EXPECT_TRUE(same_grants(first.get(), grants("f", "secrets = ['KEY']").get()));
  files_.write("key", "changed");
  files_.chmod("key", 0600);
  adopt(kManifest);
  EXPECT_FALSE(same_grants(first.get(), grants("f", "secrets = ['KEY']").get()));
}

TEST_F(GrantorTest, ATmpfsOfAnInvocationIsItsOwn) {
  const auto given = grants("f", "[files]\n'/tmp' = { tmpfs = '64KiB', files = 3 }");
  const auto& grant = given->files[0];
  const auto one = grant.source->root();
  const auto two = grant.source->root();
  ASSERT_TRUE(one->make_folder("x", Patience::kNone));
  EXPECT_FALSE(two->info_of("x", capability::Follow::kNo, Patience::kNone));
  ASSERT_TRUE(one->make_folder("y", Patience::kNone));
  ASSERT_TRUE(one->make_folder("z", Patience::kNone));
  EXPECT_FALSE(one->make_folder("w", Patience::kNone));
  EXPECT_TRUE(same_grants(
      given.get(), grants("other", "[files]\n'/tmp' = { tmpfs = '64KiB', files = 3 }").get()));
}

TEST_F(GrantorTest, ATmpfsOfAFunctionOutlivesItsVersions) {
  const auto first =
      grants("f", "[files]\n'/cache' = { tmpfs = '64KiB', files = 1, scope = 'function' }");
  EXPECT_TRUE(write(first->files[0], "one"));
  EXPECT_FALSE(write(first->files[0], "two"));
  grantor_.purge();
  const auto second =
      grants("f", "[files]\n'/cache' = { tmpfs = '64KiB', files = 2, scope = 'function' }");
  EXPECT_TRUE(has(second->files[0], "one"));
  EXPECT_TRUE(write(second->files[0], "two"));  // the new size
  // Another function, or another path, is another folder.
  EXPECT_FALSE(has(
      grants("g", "[files]\n'/cache' = { tmpfs = '64KiB', scope = 'function' }")->files[0], "one"));
  EXPECT_FALSE(has(
      grants("f", "[files]\n'/other' = { tmpfs = '64KiB', scope = 'function' }")->files[0], "one"));
}

TEST_F(GrantorTest, ARefusedVersionDoesNotResizeTheCache) {
  const auto first =
      grants("f", "[files]\n'/cache' = { tmpfs = '64KiB', files = 1, scope = 'function' }");
  EXPECT_FALSE(grantor_.grants(asking("f",
                                      "[files]\n'/cache' = { tmpfs = '64KiB', files = 9, scope = "
                                      "'function' }\n'/v' = { volume = 'none' }")));
  EXPECT_TRUE(write(first->files[0], "one"));
  EXPECT_FALSE(write(first->files[0], "two"));
}

TEST_F(GrantorTest, WhatNobodyHoldsIsLetGo) {
  constexpr const char* kAsks = "[files]\n'/cache' = { tmpfs = '64KiB', scope = 'function' }";
  EXPECT_TRUE(write(grants("f", kAsks)->files[0], "one"));
  EXPECT_TRUE(has(grants("f", kAsks)->files[0], "one"));
  grantor_.purge();
  EXPECT_FALSE(has(grants("f", kAsks)->files[0], "one"));
}

TEST_F(GrantorTest, AllTmpfsTogetherAreBounded) {
  Grantor small({.tmpfs_bytes_max = 64 << 10});
  const auto given = small.grants(asking("f", "[files]\n'/tmp' = { tmpfs = '1GiB' }"));
  ASSERT_TRUE(given);
  const auto root = (*given)->files[0].source->root();
  const auto opened = root->open("a", {.write = true, .create = true}, Patience::kNone);
  ASSERT_TRUE(opened);
  const std::string much(1 << 20, 'x');
  const auto written = opened->file->write(0, as_bytes(much), Patience::kNone);
  ASSERT_TRUE(written);
  EXPECT_LT(*written, std::size_t{64} << 10);
}

TEST_F(GrantorTest, AUserGivesFoldersByHand) {
  const auto given = grantor_.grants_of_user(
      asking("f",
             "[files]\n'/p' = { volume = 'pictures' }\n"
             "'/tmp' = { tmpfs = '64KiB' }\n'/x' = { tmpfs = '64KiB' }"),
      {{"/p", files_.path("pictures")}, {"/tmp", files_.path("out")}, {".", files_.path("out")}});
  ASSERT_TRUE(given) << given.error().text();
  ASSERT_EQ((*given)->files.size(), 4u);
  EXPECT_EQ((*given)->files[0].path, "/x");
  EXPECT_TRUE(has((*given)->files[1], "a.txt"));
  EXPECT_TRUE(write((*given)->files[2], "b.txt"));
  EXPECT_TRUE(std::filesystem::exists(files_.path("out/b.txt")));
  EXPECT_EQ((*given)->files[3].path, ".");
  EXPECT_EQ(*grantor_.grants_of_user(asking("f", ""), {}), nullptr);
}

TEST_F(GrantorTest, AVolumeWithoutAFolderIsRefusedWithTheFlag) {
  const auto refused =
      grantor_.grants_of_user(asking("f", "[files]\n'/p' = { volume = 'pictures' }"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotGranted);
  EXPECT_THAT(refused.error().hint, HasSubstr("--dir /p=FOLDER"));
  EXPECT_THAT(refused.error().detail, HasSubstr("f.toml:2:1"));
  EXPECT_FALSE(grantor_.grants_of_user(asking("f", ""), {{"/p", files_.path("missing")}}));
}

TEST_F(GrantorTest, AUsersSecretsAreVariables) {
  ::setenv("GODWIT_TEST_USER_KEY", "hunter2", 1);
  const auto given = grantor_.grants_of_user(asking("f", "secrets = ['GODWIT_TEST_USER_KEY']"), {});
  ASSERT_TRUE(given);
  EXPECT_EQ((*given)->secrets[0].value->reveal(), "hunter2");
  const auto missing = grantor_.grants_of_user(asking("f", "secrets = ['GODWIT_TEST_UNSET']"), {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kSecretUnusable);
  EXPECT_THAT(missing.error().detail, HasSubstr("f.toml:1:12"));
}

}  // namespace
}  // namespace godwit::registry
