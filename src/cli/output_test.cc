#include "cli/output.h"

#include <gtest/gtest.h>

namespace godwit::cli {
namespace {

TEST(Output, PrintableTakesControlCharactersOut) {
  EXPECT_EQ(printable("plain\n\ttext"), "plain\n\ttext");
  EXPECT_EQ(printable("\x1b]0;title\x07"), "?]0;title?");
  EXPECT_EQ(printable("a\rb\x7f"), "a?b?");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // CSI as a C1 character
  EXPECT_EQ(printable("\xff\xfe"), "??");
  EXPECT_EQ(printable("\xc2"), "?");
  EXPECT_EQ(printable(""), "");
}

TEST(Output, ErrorHasCodeTextAndHint) {
  const Error error{ErrorCode::kUnknownImport, "env.foo", "Do this."};
  EXPECT_EQ(error_text(error),
            "godwit: error E2003: The module imports something that Godwit does not provide: "
            "env.foo\n  hint: Do this.\n");
}

TEST(Output, ErrorFallsBackToTheCataloguesHint) {
  const std::string text = error_text({ErrorCode::kUnknownImport, {}, {}});
  EXPECT_NE(text.find("\n  hint: Build for WASI"), std::string::npos) << text;
}

TEST(Output, ErrorCannotWriteToTheTerminal) {
  const std::string text = error_text({ErrorCode::kFileUnreadable, "\x1b[2Jx", {}});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Output, WrongUsageHasAnExitCodeOfItsOwn) {
  EXPECT_EQ(fail_with(usage_error("x")), 2);
  EXPECT_EQ(fail_with({ErrorCode::kFileUnreadable, "x", {}}), 1);
}

TEST(Output, RowIndentsFurtherLines) { EXPECT_EQ(row("a", "b\nc", 4), "  a   b\n      c\n"); }

}  // namespace
}  // namespace godwit::cli
