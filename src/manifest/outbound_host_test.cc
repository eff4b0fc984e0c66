#include "manifest/outbound_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "manifest/grant_rules.h"
#include "manifest/manifest.h"

namespace godwit::manifest {
namespace {

using testing::HasSubstr;

OutboundHost host(std::string_view text) {
  auto parsed = parse_outbound_host(text);
  CHECK(parsed.has_value(), parsed ? "" : parsed.error().text());
  return std::move(*parsed);
}

bool allows(std::string_view entry, std::string_view scheme, std::string_view authority) {
  const auto target = parse_authority(scheme, authority);
  return target && host(entry).allows(scheme, *target);
}

TEST(OutboundHost, HasOneSpelling) {
  EXPECT_EQ(host("HTTPS://API.Example.COM:443/").text(), "https://api.example.com");
  EXPECT_EQ(host("http://api.example.com:443").text(), "http://api.example.com:443");
  EXPECT_EQ(host("https://*.Example.com:8443").text(), "https://*.example.com:8443");
  EXPECT_EQ(host("http://10.0.0.7:8080").text(), "http://10.0.0.7:8080");
  EXPECT_EQ(host("http://[0:0::1]:80").text(), "http://[::1]");
  EXPECT_EQ(host("https://localhost"), host("https://LOCALHOST:443"));
}

TEST(OutboundHost, AllowsSchemeHostAndPort) {
  EXPECT_TRUE(allows("https://a.test", "https", "A.test"));
  EXPECT_TRUE(allows("https://a.test", "https", "a.test:443"));
  EXPECT_FALSE(allows("https://a.test", "http", "a.test:443"));
  EXPECT_FALSE(allows("https://a.test", "https", "a.test:444"));
  EXPECT_FALSE(allows("https://a.test", "https", "b.a.test"));
  EXPECT_TRUE(allows("https://*.a.test", "https", "b.a.test"));
  EXPECT_TRUE(allows("https://*.a.test", "https", "c.b.a.test"));
  EXPECT_FALSE(allows("https://*.a.test", "https", "a.test"));
  EXPECT_FALSE(allows("https://*.a.test", "https", "ba.test"));
  EXPECT_TRUE(allows("http://[::1]", "http", "[0::1]"));
  EXPECT_FALSE(allows("http://127.0.0.1", "http", "[::ffff:127.0.0.1]"));
}

TEST(OutboundHost, CoversWhatIsWithinIt) {
  EXPECT_TRUE(host("https://*.a.test").covers(host("https://*.a.test")));
  EXPECT_TRUE(host("https://*.a.test").covers(host("https://*.b.a.test")));
  EXPECT_TRUE(host("https://*.a.test").covers(host("https://b.a.test")));
  EXPECT_FALSE(host("https://*.b.a.test").covers(host("https://*.a.test")));
  EXPECT_FALSE(host("https://b.a.test").covers(host("https://*.b.a.test")));
  EXPECT_FALSE(host("https://*.a.test").covers(host("https://a.test")));
  EXPECT_FALSE(host("https://*.a.test").covers(host("http://b.a.test")));
}

TEST(OutboundHost, ErrorsSayWhatIsWrongAndHowItIsWritten) {
  struct Case {
    const char* text;
    const char* why;
  };
  for (const Case& each : {Case{"a.test", "has no scheme"},
                           {"ftp://a.test", "is neither"},
                           {"https://", "names no host"},
                           {"https://a.test/path", "has a path"},
                           {"https://a.test?x", "has a path"},
                           {"https://u@a.test", "user information"},
                           {"https://a.test.", "ends with a dot"},
                           {"https://127.1", "no dotted quad"},
                           {"https://0x7f.1", "no dotted quad"},
                           {"https://[fe80::1%25lo]", "zone"},
                           {"https://[::1", "no \"]\""},
                           {"https://a.test:0", "no port"},
                           {"https://a.test:99999", "no port"},
                           {"https://*", "is not its first part"},
                           {"https://a.*.test", "is not its first part"},
                           {"https://*.test", "top-level"},
                           {"https://*.10.0.0.1", "before an address"},
                           {"https://b\xc3\xbc"
                            "cher.test",
                            "xn--"},
                           {"https://a..test", "empty part"}}) {
    const auto parsed = parse_outbound_host(each.text);
    ASSERT_FALSE(parsed.has_value()) << each.text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kConfigBadValue);
    EXPECT_THAT(parsed.error().detail, HasSubstr(each.why)) << each.text;
    EXPECT_THAT(parsed.error().hint, HasSubstr("https://*.example.com"));
  }
}

TEST(OutboundHost, TheSettingsNameTheLine) {
  const auto spec = parse_function_settings(
      "allowed-outbound-hosts = [\n  \"https://a.test\",\n  \"https://A.test:443\"]\n", "x.toml",
      {});
  ASSERT_TRUE(spec.has_value());
  ASSERT_EQ(spec->outbound_hosts.size(), 1U);
  EXPECT_EQ(spec->outbound_hosts[0].place, "x.toml:2:3");
  const auto bad = parse_function_settings("allowed-outbound-hosts = [\"a.test\"]\n", "x.toml", {});
  ASSERT_FALSE(bad.has_value());
  EXPECT_THAT(bad.error().detail, HasSubstr("x.toml:1:27: \"a.test\" has no scheme"));
  const auto typo = parse_function_settings("allowed-outbound-host = []\n", "x.toml", {});
  ASSERT_FALSE(typo.has_value());
  EXPECT_THAT(typo.error().detail, HasSubstr("allowed-outbound-hosts"));
}

TEST(OutboundHost, OnlyTheOperatorGrants) {
  const auto file = parse_manifest(
      "[bounds]\n\"shop/*\" = { allowed-outbound-hosts = [\"https://*.a.test\"] }\n"
      "\"shop/own\" = { allowed-outbound-hosts = [] }\n",
      {.filename = "godwit.toml"});
  ASSERT_TRUE(file.has_value()) << file.error().text();
  const auto refusal = [&](const Manifest* manifest, const char* name, const char* asked,
                           Origin origin) -> std::string {
    FunctionSpec spec{.name = name};
    spec.outbound_hosts.push_back(host(asked));
    spec.outbound_hosts.back().place = "x.toml:1:1";
    const auto checked = check_grants(manifest, spec, origin);
    return checked ? "" : checked.error().detail;
  };
  EXPECT_EQ(refusal(&*file, "any", "http://10.0.0.7", Origin::kOperator), "");
  EXPECT_EQ(refusal(nullptr, "any", "http://10.0.0.7", Origin::kOperator), "");
  EXPECT_EQ(refusal(&*file, "shop/cart", "https://b.a.test", Origin::kAsked), "");
  EXPECT_EQ(refusal(&*file, "shop/cart", "https://c.test", Origin::kAsked),
            "x.toml:1:1: asks for outbound HTTP to https://c.test; the operator allows it with "
            "allowed-outbound-hosts = [\"https://*.a.test\", \"https://c.test\"] in [bounds] "
            "\"shop/*\" (godwit.toml:2:14)");
  EXPECT_THAT(refusal(&*file, "shop/own", "https://b.a.test", Origin::kAsked),
              HasSubstr("[bounds] \"shop/own\""));
  EXPECT_EQ(refusal(&*file, "any", "https://b.a.test", Origin::kAsked),
            "x.toml:1:1: asks for outbound HTTP to https://b.a.test; the operator allows it with "
            "allowed-outbound-hosts = [\"https://b.a.test\"] in [bounds] \"any\"");
  EXPECT_THAT(refusal(nullptr, "any", "https://b.a.test", Origin::kAsked), HasSubstr("[bounds]"));
}

TEST(OutboundHost, TheLineThatWouldAllowIt) {
  EXPECT_EQ(allow_line({}, "https", *parse_authority("https", "api.example.com")),
            "allowed-outbound-hosts = [\"https://api.example.com\"]");
  EXPECT_EQ(allow_line({host("https://a.test")}, "http", *parse_authority("http", "[::1]:8080")),
            "allowed-outbound-hosts = [\"https://a.test\", \"http://[::1]:8080\"]");
}

}  // namespace
}  // namespace godwit::manifest
