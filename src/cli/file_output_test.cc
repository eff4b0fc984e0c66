#include "cli/file_output.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/process.h"

namespace godwit::cli {
namespace {

class FileOutput : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/godwit_output_XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }

  std::string folder_;
};

TEST_F(FileOutput, ReplacesInOneStepAndKeepsTheMode) {
  ASSERT_TRUE(write_file(path("a"), as_bytes("one")));
  ASSERT_EQ(::chmod(path("a").c_str(), 0600), 0);
  std::ifstream before(path("a"));
  ASSERT_TRUE(write_file(path("a"), as_bytes("second")));
  EXPECT_EQ(read(path("a")), "second");
  // Who has the old file open still sees the old bytes.
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(before), {}), "one");
  struct stat status{};
  ASSERT_EQ(::stat(path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(FileOutput, ReplacesWhatALinkLeadsTo) {
  ASSERT_TRUE(write_file(path("target"), as_bytes("one")));
  ASSERT_EQ(::symlink("target", path("link").c_str()), 0);
  ASSERT_TRUE(write_file(path("link"), as_bytes("two")));
  EXPECT_EQ(read(path("target")), "two");
  struct stat status{};
  ASSERT_EQ(::lstat(path("link").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
}

TEST_F(FileOutput, SaysWhyNot) {
  const auto folder = write_file(folder_, as_bytes("x"));
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kFileUnwritable);
  const auto missing = write_file(path("no/such/folder"), as_bytes("x"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kFileUnwritable);
  const auto full = write_file("/dev/full", as_bytes("x"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kFileUnwritable);
}

TEST_F(FileOutput, WritesIntoDevices) { EXPECT_TRUE(write_file("/dev/null", as_bytes("x"))); }

TEST_F(FileOutput, BinaryNeverGoesToATerminal) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || ::grantpt(terminal) != 0 || ::unlockpt(terminal) != 0) {
    GTEST_SKIP() << "no pseudo-terminals here";
  }
  const std::string name = ::ptsname(terminal);
  const auto written = write_output(name, as_bytes("x"), Content::kBinary);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kUsage);
  EXPECT_TRUE(write_output(name, as_bytes("x"), Content::kText));
  ::close(terminal);
}

TEST(Process, TakesTheToolsOutput) {
  const auto output =
      run_tool({.command = {"sh", "-c", "cat; pwd; echo $0", "a b"}, .folder = "/"});
  ASSERT_TRUE(output) << output.error().text();
  EXPECT_EQ(*output, "/\na b\n");  // stdin is empty
}

TEST(Process, TellsMissingFromFailed) {
  const auto missing =
      run_tool({.command = {"no-such-tool-anywhere"}, .install_hint = "Install it."});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kToolMissing);
  EXPECT_EQ(missing.error().hint, "Install it.");
  const auto failed = run_tool({.command = {"sh", "-c", "exit 3"}, .failure_hint = "Look."});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kToolFailed);
  EXPECT_NE(failed.error().detail.find("exit code 3"), std::string::npos);
  EXPECT_EQ(failed.error().hint, "Look.");
  const auto killed = run_tool({.command = {"sh", "-c", "kill -9 $$"}});
  ASSERT_FALSE(killed);
  EXPECT_NE(killed.error().detail.find("signal 9"), std::string::npos);
}

TEST(Process, FindsPrograms) {
  EXPECT_EQ(find_program({"no-such-tool-anywhere", "sh"}), "sh");
  EXPECT_EQ(find_program({"no-such-tool-anywhere"}), "");
}

}  // namespace
}  // namespace godwit::cli
