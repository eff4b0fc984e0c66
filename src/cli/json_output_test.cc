#include "cli/json_output.h"

#include <gtest/gtest.h>

namespace godwit::cli {
namespace {

TEST(JsonOutput, Base64OfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(JsonOutput, BytesThatAreNoTextBecomeBase64) {
  Json object;
  set_bytes(object, "stdout", "text");
  set_bytes(object, "body", "\xff");
  EXPECT_EQ(object.dump(), R"({"stdout":"text","body_base64":"/w=="})");
}

TEST(JsonOutput, ErrorHasItsHint) {
  const Json json = error_json({ErrorCode::kNoRoute, "x", {}});
  EXPECT_EQ(json["code"], "E1008");
  EXPECT_EQ(json["detail"], "x");
  EXPECT_FALSE(json["hint"].get<std::string>().empty());
}

}  // namespace
}  // namespace godwit::cli
