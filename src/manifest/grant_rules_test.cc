#include "manifest/grant_rules.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"

namespace godwit::manifest {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kFile = R"([function.own]
source = "own.wasm"
[function.own.files]
"/data" = { volume = "mine", mode = "write" }
[volume.mine]
path = "mine"
modes = ["read", "write"]
[volume.pictures]
path = "data"
functions = ["resize", "shop/*"]
[volume."photos.raw"]
path = "raw"
modes = []
functions = ["*"]
[secret.API_KEY]
environment = "KEY"
functions = ["shop/cart"]
[secret.OWN]
environment = "OWN"
[bounds]
"*" = { memory = "64MiB", tmpfs = "16MiB" }
"shop/*" = { memory = "32MiB", concurrency = 5 }
"shop/cart" = { cpu = "1s" }
)";

Manifest manifest() {
  auto file = parse_manifest(kFile, {.filename = "godwit.toml"});
  CHECK(file.has_value(), file ? "" : file.error().text());
  return std::move(*file);
}

FunctionSpec asking(std::string_view name, std::string_view settings) {
  auto spec = parse_function_settings(settings, "cart.toml", {.name = std::string(name)});
  CHECK(spec.has_value(), spec ? "" : spec.error().text());
  return std::move(*spec);
}

// The reason of a refusal; empty when all is granted.
std::string refusal(std::string_view name, std::string_view settings,
                    Origin origin = Origin::kAsked) {
  const Manifest file = manifest();
  const auto checked = check_grants(&file, asking(name, settings), origin);
  if (checked) return {};
  EXPECT_EQ(checked.error().code, ErrorCode::kNotGranted);
  return checked.error().detail;
}

TEST(GrantRules, WhoAsksForNothingGetsIt) {
  EXPECT_EQ(refusal("any", ""), "");
  EXPECT_TRUE(check_grants(nullptr, asking("any", ""), Origin::kAsked));
}

TEST(GrantRules, AVolumeForNamedFunctionsAndPrefixes) {
  constexpr const char* kAsks = "[files]\n\"/d\" = { volume = \"pictures\" }";
  EXPECT_EQ(refusal("resize", kAsks), "");
  EXPECT_EQ(refusal("shop/cart", kAsks), "");
  EXPECT_EQ(refusal("shop/deep/x", kAsks), "");
  EXPECT_EQ(refusal("shop", kAsks),
            "cart.toml:2:1: asks for the volume \"pictures\" in mode \"read\"; the operator allows "
            "it with functions = [\"resize\", \"shop/*\", \"shop\"] in [volume.pictures] "
            "(godwit.toml:8:1)");
  EXPECT_THAT(refusal("", kAsks), HasSubstr("\"shop/*\", \"/\"]"));
  // A list names all who get it: the operator's own functions are no exception.
  EXPECT_NE(refusal("shop", kAsks, Origin::kOperator), "");
}

TEST(GrantRules, AModeThatTheVolumeDoesNotHave) {
  EXPECT_EQ(
      refusal("shop/cart", "[files]\n\n\"/d\" = { volume = \"pictures\", mode = \"write\" }"),
      "cart.toml:3:1: asks for the volume \"pictures\" in mode \"write\"; the operator allows "
      "it with modes = [\"read\", \"write\"] in [volume.pictures] (godwit.toml:8:1)");
  EXPECT_THAT(refusal("x", "[files]\n\"/d\" = { volume = \"photos.raw\" }"),
              HasSubstr("modes = [\"read\"] in [volume.\"photos.raw\"]"));
  EXPECT_THAT(refusal("x", "[files]\n\"/d\" = { volume = \"pictures\", mode = \"write\" }"),
              HasSubstr("with modes = [\"read\", \"write\"] and functions = [\"resize\", "));
}

TEST(GrantRules, WithoutAListTheOperatorsOwnFunctionsOnly) {
  constexpr const char* kAsks = "[files]\n\"/d\" = { volume = \"mine\", mode = \"write\" }";
  EXPECT_EQ(refusal("own", kAsks, Origin::kOperator), "");
  EXPECT_EQ(refusal("other", kAsks, Origin::kOperator), "");
  // The name alone does not make it the operator's; and who has it now keeps it.
  EXPECT_THAT(refusal("other", kAsks), HasSubstr("functions = [\"own\", \"other\"]"));
  EXPECT_NE(refusal("own", kAsks), "");
}

TEST(GrantRules, WhatIsNotDefined) {
  EXPECT_EQ(
      refusal("cart", "[files]\n\"/d\" = { volume = \"pictues\", mode = \"write\" }"),
      "cart.toml:2:1: asks for the volume \"pictues\" in mode \"write\"; godwit.toml does not "
      "define it (did you mean \"pictures\"?): it would have to have a section "
      "[volume.pictues] with its path, modes = [\"read\", \"write\"] and functions = "
      "[\"cart\"]");
  EXPECT_THAT(refusal("cart", "secrets = [\"NONE\"]"),
              HasSubstr("a section [secret.NONE] with `file` or `environment` and functions"));
}

TEST(GrantRules, WithoutAnOperatorsFileThereIsNoVolumeAndNoSecret) {
  for (const char* const settings :
       {"[files]\n\"/d\" = { volume = \"pictures\" }", "secrets = [\"API_KEY\"]"}) {
    const auto checked = check_grants(nullptr, asking("cart", settings), Origin::kOperator);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kNotGranted);
    EXPECT_THAT(checked.error().detail, HasSubstr("a godwit.toml has to define it"));
  }
  EXPECT_TRUE(check_grants(nullptr,
                           asking("cart",
                                  "limits = { memory = \"4GiB\" }\n[files]\n\"/t\" = { "
                                  "tmpfs = \"1GiB\" }"),
                           Origin::kOperator));
}

TEST(GrantRules, SecretsForNamedFunctions) {
  constexpr const char* kAsks = "secrets = [\"API_KEY\"]";
  EXPECT_EQ(refusal("shop/cart", kAsks), "");
  EXPECT_EQ(refusal("shop/other", kAsks),
            "cart.toml:1:12: asks for the secret API_KEY; the operator allows it with functions = "
            "[\"shop/cart\", \"shop/other\"] in [secret.API_KEY] (godwit.toml:15:1)");
  EXPECT_EQ(refusal("x", "secrets = [\"OWN\"]", Origin::kOperator), "");
  EXPECT_NE(refusal("x", "secrets = [\"OWN\"]"), "");
}

TEST(GrantRules, LimitsWithinTheMostSpecificBound) {
  EXPECT_EQ(refusal("x", "limits = { memory = \"64MiB\" }"), "");
  EXPECT_EQ(refusal("x", "limits = { memory = \"65MiB\" }"),
            "cart.toml:1:12: asks for the limit memory = \"65MiB\"; the operator allows it with "
            "memory = \"65MiB\" in [bounds] \"*\" (godwit.toml:21:9)");
  EXPECT_THAT(refusal("shop/x", "limits = { memory = \"64MiB\" }"), HasSubstr("\"shop/*\""));
  EXPECT_THAT(refusal("shop/cart", "limits = { memory = \"64MiB\" }"), HasSubstr("\"shop/*\""));
  EXPECT_THAT(refusal("shop/cart", "limits = { concurrency = 6 }"),
              HasSubstr("with concurrency = 6 in"));
  EXPECT_THAT(refusal("shop/cart", "limits = { cpu = \"1500ms\" }"), HasSubstr("\"shop/cart\""));
  EXPECT_EQ(refusal("shop/x", "limits = { cpu = \"20s\" }"), "");  // nothing bounds it there
  EXPECT_EQ(refusal("x", "limits = { memory = \"4GiB\" }", Origin::kOperator), "");
  // What is told to write is exact even where a size has no round unit.
  EXPECT_THAT(refusal("x", "limits = { memory = \"67108865B\" }"),
              HasSubstr("with memory = \"67108865B\" in"));
}

TEST(GrantRules, TheSumOfAllTmpfsIsBounded) {
  EXPECT_EQ(refusal("x", "[files]\n\"/a\" = { tmpfs = \"8MiB\" }\n\"/b\" = { tmpfs = \"8MiB\" }"),
            "");
  EXPECT_EQ(refusal("x",
                    "[files]\n\"/a\" = { tmpfs = \"8MiB\" }\n\"/b\" = { tmpfs = \"8MiB\" }\n"
                    "\"/c\" = { tmpfs = \"4KiB\" }\n\"/d\" = { tmpfs = \"4KiB\" }"),
            "cart.toml:4:1: asks for 16392KiB of tmpfs altogether; the operator allows it with "
            "tmpfs = \"16392KiB\" in [bounds] \"*\" (godwit.toml:21:27)");
}

TEST(GrantRules, DefaultsAreLoweredToTheBounds) {
  const Manifest file = manifest();
  Limits limits;
  limits.queue = 7;
  const Limits bounded = bounded_limits(file, "shop/x", limits);
  EXPECT_EQ(bounded.memory_bytes, 32u << 20);
  EXPECT_EQ(bounded.concurrency, 5u);
  EXPECT_EQ(bounded.queue, 7u);
  EXPECT_EQ(bounded.cpu, limits.cpu);
  limits.memory_bytes = 1u << 20;
  EXPECT_EQ(bounded_limits(file, "shop/x", limits).memory_bytes, 1u << 20);
  // A default beyond the bound is nobody's request.
  FunctionSpec spec{.name = "x"};
  spec.limits.memory_bytes = std::uint64_t{1} << 30;
  EXPECT_TRUE(check_grants(&file, spec, Origin::kAsked));
}

TEST(GrantRules, LongListsAreNotRepeated) {
  std::string text = "[volume.v]\npath='v'\nfunctions=[";
  for (int i = 0; i < 500; ++i) text += "'f" + std::to_string(i) + "',";
  const auto file = parse_manifest(text + "]", {.filename = "godwit.toml"});
  ASSERT_TRUE(file);
  const auto checked = check_grants(
      &*file, asking("cart", "files = { \"/v\" = { volume = \"v\" } }"), Origin::kAsked);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().detail, HasSubstr("with \"cart\" added to functions in [volume.v]"));
  EXPECT_THAT(checked.error().detail, Not(HasSubstr("f17")));
}

}  // namespace
}  // namespace godwit::manifest
