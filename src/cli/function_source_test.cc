#include "cli/function_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_folder.h"

namespace godwit::cli {
namespace {

using manifest::Origin;
using registry::TestFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FunctionSourceTest : public testing::Test {
 protected:
  // Looks at the folder as `godwit serve` would.
  void list() {
    auto file = OperatorFile::locate({.path = files_.path(), .limits = {}});
    CHECK(file.has_value());
    file_.emplace(std::move(*file));
    auto manifest = file_->read();
    CHECK(manifest.has_value(), manifest ? "" : manifest.error().text());
    manifest_ = *manifest;
    auto folder = registry::Folder::open(files_.path(), {});
    CHECK(folder.has_value());
    folder_.emplace(std::move(*folder));
    auto listing = list_sources(place());
    CHECK(listing.has_value());
    listing_ = std::move(*listing);
  }
  SourcePlace place() const {
    SourcePlace place{.file = *file_, .manifest = manifest_.get(), .folder = &*folder_};
    place.default_limits.queue = 7;
    return place;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const FunctionSource& source : listing_.sources) {
      found.push_back(source.name + (source.origin == Origin::kOperator ? " operator" : " asked"));
    }
    return found;
  }
  std::vector<std::string> problems() const {
    std::vector<std::string> found;
    for (const registry::FolderProblem& problem : listing_.problems) {
      found.push_back(problem.path + " " + error_code_text(problem.error.code) + problem.name);
    }
    return found;
  }

  const TestFolder files_;
  std::optional<OperatorFile> file_;
  std::shared_ptr<const manifest::Manifest> manifest_;
  std::optional<registry::Folder> folder_;
  SourceListing listing_;
};

TEST_F(FunctionSourceTest, AFolderWithoutAFileIsTheOperatorsWord) {
  files_.write("a.wasm", "module");
  files_.write("a.toml", "limits = { cpu = '1s' }");
  list();
  EXPECT_THAT(names(), ElementsAre("a operator"));
  const auto spec = read_spec(place(), listing_.sources[0]);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->limits.cpu, std::chrono::seconds(1));
  EXPECT_EQ(spec->limits.queue, 7u);
  EXPECT_EQ(as_text(*read_module(place(), listing_.sources[0])), "module");
}

TEST_F(FunctionSourceTest, BesideAFileItOnlyAsks) {
  files_.write("a.wasm", "");
  files_.write("own.wat", "text");
  files_.write("godwit.toml",
               "[server]\nlimit={queue=9}\n[function.first]\nsource='own.wat'\n"
               "[bounds]\n'a'={memory='1MiB'}\n");
  list();
  EXPECT_THAT(names(), ElementsAre("first operator", "a asked"));
  EXPECT_THAT(problems(), IsEmpty());
  const auto spec = read_spec(place(), listing_.sources[1]);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->limits.queue, 9u);               // of [server]
  EXPECT_EQ(spec->limits.memory_bytes, 1u << 20);  // lowered to its bound
  EXPECT_EQ(as_text(*read_module(place(), listing_.sources[0])), "text");
  EXPECT_EQ(read_spec(place(), listing_.sources[0])->limits.memory_bytes, 128u << 20);
}

TEST_F(FunctionSourceTest, WhatTheFileDefinesAFolderCannotDefineAgain) {
  files_.write("a.wasm", "");
  files_.write("mine.wat", "");
  files_.write("mine.toml", "");
  files_.write("b.wasm", "");
  files_.write("b.wat", "");
  files_.write("godwit.toml", "[function.a]\nsource='mine.wat'\n[function.b]\nsource='none.wat'\n");
  list();
  EXPECT_THAT(names(), ElementsAre("a operator", "b operator"));
  // Both files of b are a problem of the folder; neither takes the operator's route.
  EXPECT_THAT(problems(), testing::UnorderedElementsAre("a.wasm E5005", "mine.toml E5005",
                                                        "b.wasm E5005", "b.wat E5005"));
}

TEST_F(FunctionSourceTest, SourcesAreEqualUntilSomethingChanges) {
  files_.write("a.wasm", "");
  files_.write("m.wasm", "");
  files_.write("godwit.toml", "[function.m]\nsource='m.wasm'\n");
  list();
  const std::vector<FunctionSource> before = listing_.sources;
  files_.write("godwit.toml", "# moved\n\n[function.m]\nsource='m.wasm'\n");
  list();
  EXPECT_EQ(listing_.sources, before);
  files_.write("godwit.toml", "[function.m]\nsource='m.wasm'\narguments=['x']\n");
  list();
  EXPECT_NE(listing_.sources[0], before[0]);
  EXPECT_EQ(listing_.sources[1], before[1]);
  files_.write("godwit.toml", "[function.m]\nsource='m.wasm'\n[bounds]\n'*'={cpu='1s'}\n");
  list();
  EXPECT_EQ(listing_.sources[0], before[0]);
  EXPECT_NE(listing_.sources[1], before[1]);  // its defaults are others
  files_.write("m.wasm", "changed");
  list();
  EXPECT_NE(listing_.sources[0], before[0]);
}

}  // namespace
}  // namespace godwit::cli
