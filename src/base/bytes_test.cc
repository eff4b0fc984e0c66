#include "base/bytes.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace godwit {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, WellFormed) {
  for (const std::string_view text : {
           ""sv,
           "plain"sv,
           "\0"sv,                // NUL is a character
           "\x7F"sv,              // the last of one byte
           "\xC2\x80"sv,          // U+0080, the first of two
           "\xDF\xBF"sv,          // U+07FF
           "\xE0\xA0\x80"sv,      // U+0800, the first of three
           "\xED\x9F\xBF"sv,      // U+D7FF, before the surrogates
           "\xEE\x80\x80"sv,      // U+E000, after them
           "\xEF\xBF\xBD"sv,      // U+FFFD
           "\xEF\xBF\xBF"sv,      // U+FFFF, a noncharacter but well-formed
           "\xF0\x90\x80\x80"sv,  // U+10000, the first of four
           "\xF4\x8F\xBF\xBF"sv,  // U+10FFFF, the last
           "na\xC3\xAFve \xF0\x9F\x90\xA6!"sv,
       }) {
    EXPECT_TRUE(is_utf8(text)) << to_hex(as_bytes(text));
    EXPECT_EQ(utf8_prefix(text), text.size());
  }
}

TEST(Utf8, IllFormed) {
  const struct {
    std::string_view text;
    std::size_t prefix;
  } rows[] = {
      {"\x80"sv, 0},  // a continuation alone
      {"a\xBF"sv, 1},
      {"\xC0\x80"sv, 0},                  // overlong NUL
      {"\xC0\xAF"sv, 0},                  // overlong '/'
      {"\xC1\xBF"sv, 0},                  // overlong U+007F
      {"\xE0\x80\xAF"sv, 0},              // overlong '/' in three
      {"\xE0\x9F\xBF"sv, 0},              // overlong U+07FF
      {"\xF0\x80\x80\xAF"sv, 0},          // overlong '/' in four
      {"\xF0\x8F\xBF\xBF"sv, 0},          // overlong U+FFFF
      {"\xED\xA0\x80"sv, 0},              // U+D800
      {"\xED\xBF\xBF"sv, 0},              // U+DFFF
      {"\xED\xA0\x80\xED\xB0\x80"sv, 0},  // a pair of them (CESU-8)
      {"\xF4\x90\x80\x80"sv, 0},          // U+110000
      {"\xF5\x80\x80\x80"sv, 0},
      {"\xF8\x88\x80\x80\x80"sv, 0},  // five bytes
      {"\xFE"sv, 0},
      {"\xFF\xFE"sv, 0},
      {"ok\xC3"sv, 2},  // cut
      {"ok\xE2\x82"sv, 2},
      {"ok\xF0\x9F\x90"sv, 2},
      {"ok\xC3("sv, 2},  // the continuation is something else
      {"ok\xE2(\x82"sv, 2},
      {"ok\xE2\x82("sv, 2},
      {"ok\xF0\x9F\x90("sv, 2},
      {"\xC3\xC3\xA9"sv, 0},
      {"\xC3\xA9\xC3"sv, 2},
  };
  for (const auto& row : rows) {
    EXPECT_FALSE(is_utf8(row.text)) << to_hex(as_bytes(row.text));
    EXPECT_EQ(utf8_prefix(row.text), row.prefix) << to_hex(as_bytes(row.text));
  }
}

// The plain definition, character by character, to compare with.
std::size_t slow_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xC0) || lead > 0xF7 || i + size > text.size()) return i;
    std::uint32_t value = size == 1 ? lead : lead & (0x7FU >> size);
    for (std::size_t k = 1; k < size; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte >> 6 != 2) return i;
      value = value << 6 | (byte & 0x3F);
    }
    constexpr std::uint32_t kFirst[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < kFirst[size] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return i;
    i += size;
  }
  return i;
}

TEST(Utf8, AgreesWithThePlainDefinitionOnRandomBytes) {
  constexpr unsigned char kBytes[] = {'a',  0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                      0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0,
                                      0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF};
  std::mt19937 random(1);
  int valid = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text(random() % 7, '\0');
    for (char& c : text) c = static_cast<char>(kBytes[random() % std::size(kBytes)]);
    const std::size_t expected = slow_prefix(text);
    ASSERT_EQ(utf8_prefix(text), expected) << to_hex(as_bytes(text));
    if (expected > 1) ++valid;
  }
  EXPECT_GT(valid, 1000);
}

TEST(Hex, IsLowerCase) {
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(to_hex(as_bytes("\x00\x0F\xA5\xFF"sv)), "000fa5ff");
}

// FIPS 180-4's examples.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Bytes, TextAndBytesAreViewsOfTheSame) {
  const std::string text("a\0b", 3);
  EXPECT_EQ(as_text(as_bytes(text)).data(), text.data());
  EXPECT_EQ(as_text(as_bytes(text)), text);
  EXPECT_EQ(as_text({}), "");
}

TEST(DeceptiveBytes, AreCountedPerCharacter) {
  const struct {
    std::string_view text;
    std::size_t bytes;
  } rows[] = {{"a", 0},      {"\n", 0},     {"\t", 0},     {"\x1b[2J", 1}, {"\x7f", 1},
              {"\u0085", 2}, {"\u00a0", 0}, {"\u061c", 2}, {"\u061b", 0},  {"\u200a", 0},
              {"\u200b", 3}, {"\u200f", 3}, {"\u2010", 0}, {"\u2028", 3},  {"\u202e", 3},
              {"\u202f", 0}, {"\u2066", 3}, {"\u2070", 0}, {"\ufeff", 3},  {"\U0001F600", 0}};
  for (const auto& row : rows) EXPECT_EQ(deceptive_bytes(row.text), row.bytes) << row.text;
}

}  // namespace
}  // namespace godwit
