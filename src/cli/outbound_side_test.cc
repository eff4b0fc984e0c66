#include "cli/outbound_side.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kWhenAsked = OutboundSide::Setup::kWhenAsked;

class OutboundSideTest : public testing::Test {
 protected:
  OutboundSideTest() {
    files_.write("site/a.wasm", "");
    files_.write("site/a.toml",
                 "allowed-outbound-hosts = [\"https://a.test\", \"http://b.test:81\"]");
    files_.write("site/broken.wasm", "");
    files_.write("site/broken.toml", "allowed-outbound-hosts = [\"nonsense\"]");
    auto file = OperatorFile::locate({.path = files_.path("site"), .limits = {}});
    CHECK(file.has_value());
    file_.emplace(std::move(*file));
    auto folder = registry::Folder::open(files_.path("site"), {});
    CHECK(folder.has_value());
    folder_.emplace(std::move(*folder));
  }

  std::vector<std::uint16_t> ports(const std::string& manifest_text) const {
    if (manifest_text.empty()) {
      return OutboundSide({.file = *file_, .folder = &*folder_}, kWhenAsked).ports();
    }
    const auto manifest = manifest::parse_manifest(manifest_text, {.filename = "godwit.toml"});
    CHECK(manifest.has_value(), manifest ? "" : manifest.error().text());
    return OutboundSide({.file = *file_, .manifest = &*manifest, .folder = &*folder_}, kWhenAsked)
        .ports();
  }

  const registry::TestFolder files_;
  std::optional<OperatorFile> file_;
  std::optional<registry::Folder> folder_;
};

TEST_F(OutboundSideTest, InAServedFolderWhatIsWrittenThereCounts) {
  EXPECT_THAT(ports(""), ElementsAre(81, 443));
}

TEST_F(OutboundSideTest, BesideAnOperatorsFileOnlyThatFileDoes) {
  EXPECT_THAT(ports("[server]\n"), IsEmpty());
  EXPECT_THAT(ports("[bounds]\n\"*\" = { allowed-outbound-hosts = [\"https://*.x.test\"] }\n"
                    "[function.f]\nsource = \"f.wasm\"\n"
                    "allowed-outbound-hosts = [\"http://10.0.0.7:8080\", \"https://y.test\"]\n"),
              ElementsAre(443, 8080));
}

TEST_F(OutboundSideTest, NothingIsMadeWhereNobodyAsks) {
  const auto manifest = manifest::parse_manifest("", {.filename = "godwit.toml"});
  OutboundSide side({.file = *file_, .manifest = &*manifest}, kWhenAsked);
  EXPECT_FALSE(side.ready());
  EXPECT_THAT(side.roots(), IsEmpty());
  manifest::FunctionSpec spec{.name = "late"};
  EXPECT_TRUE(side.check(spec).has_value());
  spec.outbound_hosts.push_back(*manifest::parse_outbound_host("https://a.test"));
  ASSERT_FALSE(side.check(spec).has_value());
  EXPECT_EQ(side.check(spec).error().code, ErrorCode::kRestartNeeded);
  const OutboundSide open({.file = *file_, .manifest = &*manifest}, OutboundSide::Setup::kAlways);
  EXPECT_TRUE(open.check(spec).has_value());
}

}  // namespace
}  // namespace godwit::cli
