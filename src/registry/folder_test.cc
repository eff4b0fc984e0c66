#include "registry/folder.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class FolderTest : public testing::Test {
 protected:
  Folder open(const FolderOptions& options = {}) const {
    auto folder = Folder::open(files_.path(), options);
    CHECK(folder.has_value());
    return std::move(*folder);
  }
  FolderListing scan(const FolderOptions& options = {}) const {
    auto listing = open(options).scan();
    CHECK(listing.has_value());
    return std::move(*listing);
  }
  // "name=path" of every function.
  static std::vector<std::string> functions(const FolderListing& listing) {
    std::vector<std::string> found;
    for (const FolderFunction& function : listing.functions) {
      found.push_back(function.name + "=" + function.path);
    }
    return found;
  }
  // "path CODE name" of every problem.
  static std::vector<std::string> problems(const FolderListing& listing) {
    std::vector<std::string> found;
    for (const FolderProblem& problem : listing.problems) {
      found.push_back(problem.path + " " + error_code_text(problem.error.code) + " " +
                      problem.name);
    }
    return found;
  }

  const TestFolder files_;
};

TEST_F(FolderTest, FindsFunctionsInNestedFolders) {
  files_.write("greet.wasm", "");
  files_.write("index.wat", "");
  files_.write("shop/cart.wat", "");
  files_.write("shop/index.wasm", "");
  files_.write("shop/deep/x.wasm", "");
  files_.write("README.md", "");
  files_.write("no-extension", "");
  const FolderListing listing = scan();
  EXPECT_THAT(functions(listing),
              ElementsAre("=index.wat", "greet=greet.wasm", "shop=shop/index.wasm",
                          "shop/cart=shop/cart.wat", "shop/deep/x=shop/deep/x.wasm"));
  EXPECT_TRUE(listing.functions[0].is_text);
  EXPECT_FALSE(listing.functions[1].is_text);
  EXPECT_THAT(problems(listing), IsEmpty());
  EXPECT_THAT(listing.folders, UnorderedElementsAre("", "shop", "shop/deep"));
}

TEST_F(FolderTest, JoinsFunctionsWithTheirSettings) {
  files_.write("a.wasm", "");
  files_.write("a.toml", "x");
  files_.write("shop/index.wasm", "");
  files_.write("shop/index.toml", "xy");
  const FolderListing listing = scan();
  ASSERT_EQ(listing.functions.size(), 2u);
  EXPECT_EQ(listing.functions[0].settings_path, "a.toml");
  EXPECT_EQ(listing.functions[0].settings_stamp.size_bytes, 1u);
  EXPECT_EQ(listing.functions[1].settings_path, "shop/index.toml");
  EXPECT_THAT(problems(listing), IsEmpty());
}

TEST_F(FolderTest, SettingsWithoutAFunctionAreAProblem) {
  files_.write("a.wasm", "");
  files_.write("b.toml", "");
  files_.write("Cargo.toml", "");
  files_.write("sources/b.toml", "");  // no functions there: a folder of sources
  EXPECT_THAT(problems(scan()), ElementsAre("b.toml E6003 "));
}

TEST_F(FolderTest, TheOperatorsFileIsNoFunctionsSettings) {
  files_.write("godwit.wasm", "");
  files_.write("godwit.toml", "");
  const FolderListing listing = scan();
  ASSERT_EQ(listing.functions.size(), 1u);
  EXPECT_EQ(listing.functions[0].settings_path, "");
  EXPECT_THAT(problems(listing), IsEmpty());
}

TEST_F(FolderTest, StampsOfSingleFiles) {
  files_.write("sub/a.wasm", "12345");
  const Folder folder = open();
  const auto stamp = folder.stamp("sub/a.wasm");
  ASSERT_TRUE(stamp);
  EXPECT_EQ(*stamp, scan().functions[0].stamp);
  EXPECT_EQ(*stamp, stamp_of(files_.path("sub/a.wasm")));
  EXPECT_FALSE(folder.stamp("sub/b.wasm"));
  EXPECT_FALSE(folder.stamp("../x"));
  EXPECT_EQ(stamp_of(files_.path("none")), FileStamp());
}

TEST_F(FolderTest, SkipsDotFiles) {
  files_.write(".hidden.wasm", "");
  files_.write(".git/x.wasm", "");
  files_.write("a/.b/x.wasm", "");
  EXPECT_THAT(functions(scan()), IsEmpty());
  EXPECT_THAT(problems(scan()), IsEmpty());
}

TEST_F(FolderTest, RefusesNamesThatAreNone) {
  files_.write("my function.wasm", "");
  files_.write("-x.wasm", "");
  files_.write(std::string(64, 'a') + ".wasm", "");
  files_.write("__pycache__/x.wasm", "");
  files_.write("bad\x1B[2Jname.wat", "");
  files_.write("_sources/notes.txt", "");  // a folder without functions may have any name
  const FolderListing listing = scan();
  EXPECT_THAT(functions(listing), IsEmpty());
  ASSERT_EQ(listing.problems.size(), 5u);
  for (const FolderProblem& problem : listing.problems) {
    EXPECT_EQ(problem.error.code, ErrorCode::kBadFunctionName) << problem.path;
    EXPECT_EQ(problem.name, "");
    EXPECT_EQ(problem.error.detail.find('\x1B'), std::string::npos);
  }
}

TEST_F(FolderTest, RefusesBothOfTwoFilesOfOneFunction) {
  files_.write("a.wasm", "");
  files_.write("a.wat", "");
  files_.write("shop.wasm", "");
  files_.write("shop/index.wasm", "");
  files_.write("b.wasm", "");
  const FolderListing listing = scan();
  EXPECT_THAT(functions(listing), ElementsAre("b=b.wasm"));
  EXPECT_THAT(problems(listing), ElementsAre("a.wasm E5005 a", "a.wat E5005 a",
                                             "shop.wasm E5005 shop", "shop/index.wasm E5005 shop"));
  EXPECT_THAT(listing.problems[0].error.detail, HasSubstr("a.wat"));
}

TEST_F(FolderTest, RefusesSymbolicLinks) {
  const TestFolder outside;
  outside.write("secret.wasm", "secret");
  files_.write("real.wasm", "");
  files_.write("real.toml", "");
  files_.write("settled.wasm", "");
  std::filesystem::create_symlink(outside.path("secret.wasm"), files_.path("link.wasm"));
  std::filesystem::create_symlink(outside.path(), files_.path("folder"));
  std::filesystem::create_symlink(files_.path("real.toml"), files_.path("settled.toml"));
  std::filesystem::create_symlink("nowhere", files_.path("README"));
  const FolderListing listing = scan();
  EXPECT_THAT(functions(listing), ElementsAre("real=real.wasm"));
  // A function must not run without the settings that it was given.
  EXPECT_THAT(problems(listing),
              UnorderedElementsAre("link.wasm E5003 link", "folder E5003 ", "settled.toml E5003 ",
                                   "settled.toml E5003 settled"));
  EXPECT_FALSE(open().read("link.wasm", 100));
  EXPECT_FALSE(open().read("folder/secret.wasm", 100));
  const FolderListing allowed = scan({.unsafe_files = UnsafeFiles::kAllow});
  EXPECT_THAT(functions(allowed), ElementsAre("folder/secret=folder/secret.wasm", "link=link.wasm",
                                              "real=real.wasm", "settled=settled.wasm"));
  const auto bytes = open({.unsafe_files = UnsafeFiles::kAllow}).read("link.wasm", 100);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), "secret");
}

TEST_F(FolderTest, RefusesWhatOthersCanWrite) {
  files_.write("a.wasm", "");
  files_.write("b.wasm", "");
  files_.write("open/c.wasm", "");
  files_.write("d.wasm", "");
  files_.write("d.toml", "");
  files_.chmod("a.wasm", 0664);
  files_.chmod("b.wasm", 0646);
  files_.chmod("open", 0777);
  files_.chmod("d.toml", 0666);
  EXPECT_THAT(problems(scan()),
              ElementsAre("a.wasm E5003 a", "b.wasm E5003 b", "d.toml E5003 d", "open E5003 "));
  EXPECT_FALSE(open().read("a.wasm", 100));
  EXPECT_FALSE(open().read("open/c.wasm", 100));
  EXPECT_EQ(scan({.unsafe_files = UnsafeFiles::kAllow}).functions.size(), 4u);
  files_.chmod("", 0777);
  const auto root = Folder::open(files_.path(), {});
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().code, ErrorCode::kUnsafeFile);
  files_.chmod("", 0700);
}

TEST_F(FolderTest, RefusesWhatIsNoFile) {
  ASSERT_EQ(::mkfifo(files_.path("pipe.wasm").c_str(), 0600), 0);
  std::filesystem::create_directory(files_.path("folder.wasm"));  // a folder of that name is fine
  files_.write("folder.wasm/x.wasm", "");
  EXPECT_THAT(problems(scan()), ElementsAre("pipe.wasm E5006 pipe"));
  EXPECT_THAT(functions(scan()), ElementsAre("folder.wasm/x=folder.wasm/x.wasm"));
  const auto bytes = open().read("pipe.wasm", 100);  // must not wait for a writer
  ASSERT_FALSE(bytes);
  EXPECT_THAT(bytes.error().detail, HasSubstr("not a regular file"));
}

TEST_F(FolderTest, DepthAndCountAreBounded) {
  files_.write("1/2/3/4/5/6/7/x.wasm", "");
  files_.write("1/2/3/4/5/6/7/8/x.wasm", "");
  files_.write("1/2/3/4/5/6/7/8/9/x.wasm", "");
  FolderListing listing = scan({.depth_max = 7});
  EXPECT_THAT(functions(listing), ElementsAre("1/2/3/4/5/6/7/x=1/2/3/4/5/6/7/x.wasm"));
  EXPECT_THAT(problems(listing), ElementsAre("1/2/3/4/5/6/7/8 E5006 "));
  std::filesystem::remove_all(files_.path("1"));
  for (int i = 0; i < 20; ++i) files_.write("many/f" + std::to_string(i) + ".wasm", "");
  listing = scan({.entries_max = 15});
  EXPECT_LE(listing.functions.size(), 15u);
  ASSERT_EQ(listing.problems.size(), 1u);
  EXPECT_THAT(listing.problems[0].error.detail, HasSubstr("more than 15 files"));
}

TEST_F(FolderTest, StampsTellChanges) {
  files_.write("a.wasm", "one");
  const FolderListing before = scan();
  EXPECT_EQ(before.functions, scan().functions);
  files_.write("a.wasm", "three");
  EXPECT_NE(before.functions, scan().functions);
}

TEST_F(FolderTest, ReadsFilesUpToALimit) {
  files_.write("shop/a.wasm", "content");
  const Folder folder = open();
  const auto bytes = folder.read("shop/a.wasm", 7);
  ASSERT_TRUE(bytes) << bytes.error().text();
  EXPECT_EQ(as_text(*bytes), "content");
  const auto too_large = folder.read("shop/a.wasm", 6);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::kModuleTooLarge);
  const auto missing = folder.read("shop/b.wasm", 100);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kFileUnreadable);
}

TEST_F(FolderTest, NothingLeadsOutside) {
  files_.write("a.wasm", "content");
  std::filesystem::create_directory(files_.path("sub"));
  const Folder folder = open();
  for (const char* const path : {"../a.wasm", "sub/../a.wasm", "/etc/passwd", "./a.wasm", "sub//a",
                                 "a.wasm/", "sub/", "", "a.wasm/x"}) {
    EXPECT_FALSE(folder.read(path, 1000)) << path;
  }
  EXPECT_FALSE(folder.read(std::string("a.wasm\0x", 8), 1000));
}

TEST_F(FolderTest, AFolderThatIsNotThere) {
  const auto folder = Folder::open(files_.path("none"), {});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kFileUnreadable);
  files_.write("file", "");
  EXPECT_FALSE(Folder::open(files_.path("file"), {}));
}

TEST_F(FolderTest, ReadFileFollowsWhatTheUserNamed) {
  files_.write("a.wasm", "content");
  std::filesystem::create_symlink(files_.path("a.wasm"), files_.path("link"));
  EXPECT_TRUE(read_file(files_.path("link"), 100));
  EXPECT_FALSE(read_file(files_.path("link"), 3));
  EXPECT_FALSE(read_file(files_.path(), 100));
  EXPECT_FALSE(read_file(files_.path("none"), 100));
}

}  // namespace
}  // namespace godwit::registry
