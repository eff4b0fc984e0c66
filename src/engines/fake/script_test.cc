#include "engines/fake/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engines/fake/fake_engine.h"
#include "engines/fake/script_module.h"

namespace godwit::engines::fake {
namespace {

using ::testing::HasSubstr;

Script parsed(std::string_view text) {
  auto script = parse_script(text);
  EXPECT_TRUE(script.has_value()) << (script ? "" : script.error().text());
  return script ? std::move(*script) : Script{};
}

void expect_malformed(std::string_view text, std::string_view part_of_message) {
  const auto script = parse_script(text);
  ASSERT_FALSE(script.has_value()) << text;
  EXPECT_EQ(script.error().code, ErrorCode::kModuleMalformed);
  EXPECT_THAT(script.error().detail, HasSubstr(std::string(part_of_message))) << text;
}

TEST(Script, ReadsStepsCommentsAndEmptyLines) {
  const Script script = parsed("# nothing\n\n  memory 2\r\nwrite 1 hello there  \n\texit -1\n");
  EXPECT_EQ(script.pages, 2u);
  ASSERT_EQ(script.steps.size(), 2u);
  EXPECT_EQ(script.steps[0].kind, StepKind::kWrite);
  EXPECT_EQ(script.steps[0].text, "hello there");
  EXPECT_EQ(script.steps[0].line, 4u);
  EXPECT_EQ(script.steps[1].number, ~0ULL);
}

TEST(Script, QuotedTextHasEscapes) {
  const Script script = parsed(R"(write 1 " a\n\t\"\\\x41\0 ")");
  EXPECT_EQ(script.steps.at(0).text, std::string(" a\n\t\"\\A\0 ", 9));
}

TEST(Script, NamesEveryFunctionOnce) {
  const Script script = parsed("write 1 a\necho\ncall fd_write 1 2 3 4\ncall env.log 0x10\n");
  const std::vector<ImportName> expected = {{"wasi_snapshot_preview1", "fd_write"},
                                            {"wasi_snapshot_preview1", "fd_read"},
                                            {"env", "log"}};
  EXPECT_EQ(script.functions, expected);
  ASSERT_EQ(script.steps[3].arguments.size(), 1u);
  EXPECT_EQ(script.steps[3].arguments[0].number, 16u);
  EXPECT_EQ(script.steps[3].function, 2u);
}

TEST(Script, RefusesWhatIsNotExactlyAStep) {
  expect_malformed("dance\n", "line 1: unknown step \"dance\"");
  expect_malformed("wait\nwrite one hello\n", "line 2");
  expect_malformed("exit\n", "not a number");
  expect_malformed("exit 3 4\n", "left at the end");
  expect_malformed("exit 18446744073709551616\n", "not a number");
  expect_malformed("exit --3\n", "not a number");
  expect_malformed("exit 0x\n", "not a number");
  expect_malformed("exit -9223372036854775809\n", "not a number");
  expect_malformed("wait for it\n", "left at the end");
  expect_malformed("write 1 \"open\n", "quoted");
  expect_malformed("write 1 \"\n", "quoted");
  expect_malformed("write 1 \"a\"b\"\n", "quoted");
  expect_malformed("write 1 \"\\q\"\n", "quoted");
  expect_malformed("write 1 \"\\x4\"\n", "quoted");
  expect_malformed("write 1 \"\\\"\n", "quoted");
  expect_malformed("fill 1 10 xy\n", "one character");
  expect_malformed("call\n", "name");
  expect_malformed("trap sneeze\n", "unknown trap");
  expect_malformed("memory 0\n", "pages");
  expect_malformed("memory 65537\n", "pages");
  expect_malformed("wait\nmemory 1\n", "first");
  expect_malformed("memory 1\nmemory 1\n", "once");
}

TEST(Script, RepeatsAreNestedAndClosed) {
  const Script script = parsed("repeat 2\nrepeat 3\nwait\nend\nend\n");
  EXPECT_EQ(script.steps[0].other, 4u);
  EXPECT_EQ(script.steps[1].other, 3u);
  EXPECT_EQ(script.steps[3].other, 1u);
  expect_malformed("end\n", "without repeat");
  expect_malformed("repeat 1\n", "no end");
  std::string deep;
  for (std::size_t i = 0; i <= Script::kMaxNesting; ++i) deep += "repeat 1\n";
  expect_malformed(deep, "too many");
}

TEST(Script, EntriesBeginWhereTheyAreNamed) {
  EXPECT_EQ(parsed("wait\n").entries.at(0).name, "_start");
  EXPECT_EQ(parsed("entry run\nwait\n").entries.at(0).name, "run");
  const Script script = parsed("wait\nentry run\nspin\n");
  ASSERT_EQ(script.entries.size(), 2u);
  EXPECT_EQ(script.entries[0].name, "_start");
  EXPECT_EQ(script.entries[1].step, 2u);
  EXPECT_EQ(script.steps[1].kind, StepKind::kReturn);
  expect_malformed("entry\n", "one name");
  expect_malformed("entry a b\n", "one name");
  expect_malformed("wait\nentry _start\n", "there already");
  expect_malformed("repeat 2\nentry a\nend\n", "no end");
}

TEST(Script, RefusesWhatIsTooLong) {
  expect_malformed(std::string(Script::kMaxBytes + 1, '\n'), "too long");
}

TEST(ScriptModule, CarriesTheScript) {
  const std::string script = "write 1 " + std::string(1000, 'x') + "\n";
  const Bytes module = script_module(script);
  EXPECT_TRUE(is_wasm(module));
  EXPECT_EQ(script_section(module), script);
}

TEST(ScriptModule, BrokenOnesAreRefusedAtEveryLength) {
  const Bytes module = script_module("wait\n");
  for (std::size_t size = 0; size < module.size(); ++size) {
    EXPECT_EQ(script_section(ByteSpan(module).first(size)), std::nullopt) << size;
  }
  EXPECT_FALSE(is_wasm(as_bytes("wait\n")));
}

}  // namespace
}  // namespace godwit::engines::fake
