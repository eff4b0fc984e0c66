#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Fixture {
  Fixture() : arguments({.verb = "try", .usage = "FILE", .summary = "Tries.", .example = "try x"}) {
    arguments.positional("FILE", file, "the file", Presence::kRequired);
    arguments.positional("MORE", more, "the rest");
    arguments.flag("--watch", watch, "watch");
    arguments.option({"-o,--output", "OUT", "output"}, output);
    arguments.option({"--limit", "K=V", "limits"}, limits);
  }
  Result<bool> read(const std::vector<std::string>& words) { return arguments.read(words); }

  std::string file;
  std::vector<std::string> more;
  bool watch = false;
  std::string output;
  std::vector<std::string> limits;
  Arguments arguments;
};

TEST(Arguments, TakesOptionsAnywhere) {
  Fixture f;
  ASSERT_TRUE(f.read(
      {"a.wasm", "--limit", "cpu=1s", "x=1", "--watch", "--limit=log=1KiB", "y=2", "-o", "out"}));
  EXPECT_EQ(f.file, "a.wasm");
  EXPECT_THAT(f.more, ElementsAre("x=1", "y=2"));
  EXPECT_THAT(f.limits, ElementsAre("cpu=1s", "log=1KiB"));
  EXPECT_TRUE(f.watch);
  EXPECT_EQ(f.output, "out");
}

TEST(Arguments, LeavesBracketsAlone) {
  Fixture f;
  ASSERT_TRUE(f.read({"[a,b]", "[c,d]", "--limit", "[e,f]", "-"}));
  EXPECT_EQ(f.file, "[a,b]");
  EXPECT_THAT(f.more, ElementsAre("[c,d]", "-"));
  EXPECT_THAT(f.limits, ElementsAre("[e,f]"));
}

TEST(Arguments, HelpWinsOverWhatIsMissing) {
  Fixture f;
  const auto help = f.read({"--help"});
  ASSERT_TRUE(help);
  EXPECT_TRUE(*help);
  EXPECT_THAT(f.arguments.help(),
              testing::AllOf(HasSubstr("usage: godwit try FILE"), HasSubstr("--limit K=V"),
                             HasSubstr("example:\n  try x"), HasSubstr("  Tries.")));
}

TEST(Arguments, NamesTheNearestOption) {
  Fixture f;
  const auto read = f.read({"--wacth"});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUsage);
  EXPECT_EQ(read.error().detail, "`try` has no option --wacth");
  EXPECT_EQ(read.error().hint, "Did you mean --watch?");
}

TEST(Arguments, DoesNotGuessWildly) {
  Fixture f;
  const auto read = f.read({"x", "--banana=1"});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().detail, "`try` has no option --banana");
  EXPECT_THAT(read.error().hint, HasSubstr("--help"));
}

TEST(Arguments, SaysWhatIsMissing) {
  Fixture f;
  const auto read = f.read({});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().detail, HasSubstr("FILE is missing"));
  const auto value = f.read({"x", "--output"});
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ErrorCode::kUsage);
}

TEST(Arguments, RefusesWordsThatNobodyTakes) {
  std::string one;
  Arguments arguments({.verb = "one", .usage = "X", .summary = "", .example = ""});
  arguments.positional("X", one, "");
  const std::vector<std::string> words = {"a", "b"};
  const auto read = arguments.read(words);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().detail, HasSubstr("\"b\""));
}

}  // namespace
}  // namespace godwit::cli
