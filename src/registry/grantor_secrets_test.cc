#include "registry/grantor_secrets.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/test_folder.h"

namespace godwit::registry {
namespace {

using testing::HasSubstr;
using testing::Not;

manifest::Manifest parse(const std::string& text) {
  auto file = manifest::parse_manifest(text, {.filename = "godwit.toml"});
  CHECK(file.has_value(), text);
  return std::move(*file);
}

class SecretFileTest : public testing::Test {
 protected:
  void write(const std::string& text, mode_t mode = 0600) {
    files_.write("key", text);
    files_.chmod("key", mode);
  }
  Result<std::shared_ptr<const Secret>> read() const {
    return read_secret_file(files_.path("key"));
  }
  // Why it can't be used.
  Error refusal() const {
    const auto value = read();
    if (value) return {ErrorCode::kInternal, "accepted", {}};
    EXPECT_EQ(value.error().code, ErrorCode::kSecretUnusable);
    return value.error();
  }

  const TestFolder files_;
};

TEST_F(SecretFileTest, OneNewlineAtItsEndIsNotPartOfIt) {
  write("hunter2\n");
  EXPECT_EQ((*read())->reveal(), "hunter2");
  write("hunter2\n\n", 0400);
  EXPECT_EQ((*read())->reveal(), "hunter2\n");
  write("a\nb");
  EXPECT_EQ((*read())->reveal(), "a\nb");
  write("");
  EXPECT_EQ((*read())->reveal(), "");
}

TEST_F(SecretFileTest, WhatOthersCanReadOrWriteIsNoSecret) {
  for (const mode_t mode : {0640, 0620, 0604, 0602, 0644, 0666, 0610}) {
    write("hunter2", mode);
    const Error error = refusal();
    EXPECT_THAT(error.detail, HasSubstr("its group or others have access"));
    EXPECT_EQ(error.hint, "chmod 600 " + files_.path("key"));
    EXPECT_THAT(error.text(), Not(HasSubstr("hunter2")));
  }
}

TEST_F(SecretFileTest, OnlyRegularFiles) {
  EXPECT_THAT(refusal().detail, HasSubstr("No such file"));
  files_.write("real", "hunter2");
  files_.chmod("real", 0600);
  std::filesystem::create_symlink(files_.path("real"), files_.path("key"));
  EXPECT_THAT(refusal().detail, HasSubstr("symbolic link"));
  std::filesystem::remove(files_.path("key"));
  std::filesystem::create_directory(files_.path("key"));
  files_.chmod("key", 0700);
  EXPECT_THAT(refusal().detail, HasSubstr("not a regular file"));
  std::filesystem::remove(files_.path("key"));
  ASSERT_EQ(::mkfifo(files_.path("key").c_str(), 0600), 0);  // must not wait for a writer
  EXPECT_THAT(refusal().detail, HasSubstr("not a regular file"));
}

TEST_F(SecretFileTest, LengthAndBytesAreBounded) {
  write(std::string(kMaxSecretBytes, 'x') + "\n");
  ASSERT_TRUE(read());
  EXPECT_EQ((*read())->size(), kMaxSecretBytes);
  write(std::string(kMaxSecretBytes + 1, 'x'));
  EXPECT_THAT(refusal().detail, HasSubstr("longer than 65536 bytes"));
  write(std::string(kMaxSecretBytes * 4, 'x'));
  EXPECT_THAT(refusal().detail, HasSubstr("longer than 65536 bytes"));
  write(std::string("a\0b", 3));
  EXPECT_THAT(refusal().detail, HasSubstr("NUL"));
}

TEST_F(SecretFileTest, AnothersFileIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  write("hunter2");
  ASSERT_EQ(::chown(files_.path("key").c_str(), 12345, static_cast<gid_t>(-1)), 0);
  EXPECT_THAT(refusal().detail, HasSubstr("belongs to another user (uid 12345)"));
}

TEST_F(SecretFileTest, AFileIsReadAgainAfterAReloadOnly) {
  write("one");
  const manifest::Manifest file = parse("[secret.KEY]\nfile = 'key'");
  SecretStore store;
  const auto first = store.get(file.secrets[0], files_.path());
  ASSERT_TRUE(first) << first.error().text();
  write("two");
  EXPECT_EQ(*store.get(file.secrets[0], files_.path()), *first);
  store.reload();
  const auto second = store.get(file.secrets[0], files_.path());
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->reveal(), "two");
  EXPECT_EQ((*first)->reveal(), "one");  // who holds it keeps it
  store.reload();
  EXPECT_EQ(*store.get(file.secrets[0], files_.path()), *second);  // the same value and object
  files_.chmod("key", 0644);
  store.reload();
  const auto refused = store.get(file.secrets[0], files_.path());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("KEY: "));
}

TEST(SecretStore, AVariableIsTakenOutOfTheEnvironment) {
  ::setenv("GODWIT_TEST_SECRET", "hunter2", 1);
  char* const where = ::getenv("GODWIT_TEST_SECRET");
  const manifest::Manifest file = parse(
      "[secret.KEY]\nenvironment = 'GODWIT_TEST_SECRET'\n"
      "[secret.NONE]\nenvironment = 'GODWIT_TEST_NONE'");
  SecretStore store;
  store.take_environment(file);
  EXPECT_EQ(::getenv("GODWIT_TEST_SECRET"), nullptr);
  EXPECT_EQ(std::string_view(where), "");  // overwritten where it stood
  const auto value = store.get(file.secrets[0], ".");
  ASSERT_TRUE(value);
  EXPECT_EQ((*value)->reveal(), "hunter2");
  store.reload();
  store.take_environment(file);
  EXPECT_EQ(*store.get(file.secrets[0], "."), *value);  // there is nothing to read again
  const auto none = store.get(file.secrets[1], ".");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kSecretUnusable);
  EXPECT_THAT(none.error().detail, HasSubstr("GODWIT_TEST_NONE: it is not set"));
}

#ifndef GODWIT_SANITIZED
TEST_F(SecretFileTest, WhoHoldsSecretsLeavesNoCoreDump) {
  ASSERT_EQ(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
  write("hunter2");
  ASSERT_TRUE(read());
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
  ::setenv("GODWIT_TEST_DUMP", "hunter2", 1);
  SecretStore store;
  ASSERT_TRUE(store.variable("GODWIT_TEST_DUMP"));
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}
#endif

TEST(SecretStore, AVariableThatIsTooLong) {
  ::setenv("GODWIT_TEST_LONG", std::string(kMaxSecretBytes + 1, 'x').c_str(), 1);
  SecretStore store;
  const auto value = store.variable("GODWIT_TEST_LONG");
  ASSERT_FALSE(value);
  EXPECT_THAT(value.error().text(), Not(HasSubstr("xxx")));
  EXPECT_EQ(::getenv("GODWIT_TEST_LONG"), nullptr);
}

}  // namespace
}  // namespace godwit::registry
