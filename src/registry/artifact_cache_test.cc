#include "registry/artifact_cache.h"

#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "registry/artifact_format.h"
#include "registry/test_folder.h"

namespace godwit::registry {
namespace {

using testing::HasSubstr;

constexpr std::string_view kEngine = "engine 1.0, avx2";

std::string content(const engine::Artifact& artifact) {
  std::string text(artifact.size, '\0');
  EXPECT_EQ(::pread(artifact.code.get(), text.data(), text.size(), 0),
            static_cast<ssize_t>(text.size()));
  return text;
}

class ArtifactCacheTest : public testing::Test {
 protected:
  ArtifactCacheTest() : state_(open_state(folder_.path())), cache_(open_cache({})) {}

  static StateDir open_state(const std::string& path) {
    auto state = StateDir::open({.path = path});
    CHECK(state.has_value());
    return std::move(*state);
  }
  ArtifactCache open_cache(const ArtifactCacheOptions& options) {
    auto cache = ArtifactCache::open(state_, options);
    CHECK(cache.has_value());
    return std::move(*cache);
  }
  std::string file(const Digest& module, std::string_view engine = kEngine) {
    return "artifacts/" + ArtifactCache::entry_name(module, engine);
  }
  void store(const Digest& module, std::string_view code, std::string_view wasm = "") {
    const auto stored =
        cache_.store(module, kEngine, {.code = as_bytes(code), .wasm = as_bytes(wasm)});
    ASSERT_TRUE(stored) << stored.error().text();
  }
  // The reason of a refused entry, which must be gone afterwards.
  std::string refusal(const Digest& module, std::string_view engine = kEngine) {
    const auto entry = cache_.load(module, engine);
    if (entry) return *entry ? "accepted" : "nothing there";
    EXPECT_EQ(entry.error().code, ErrorCode::kArtifactInvalid) << entry.error().text();
    EXPECT_FALSE(std::filesystem::exists(folder_.path(file(module, engine))));
    return entry.error().detail;
  }

  const TestFolder folder_;
  const StateDir state_;
  const ArtifactCache cache_;
  const Digest a_ = sha256(as_bytes("module a"));
  const Digest b_ = sha256(as_bytes("module b"));
};

TEST_F(ArtifactCacheTest, WhatWasStoredIsLoaded) {
  const auto before = cache_.load(a_, kEngine);
  ASSERT_TRUE(before);
  EXPECT_FALSE(before->has_value());
  const std::string code(100'000, 'c');
  store(a_, code, "binary of a text");
  const auto entry = cache_.load(a_, kEngine);
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->artifact.size, code.size());
  EXPECT_EQ(content((*entry)->artifact), code);
  EXPECT_EQ(as_text((*entry)->wasm), "binary of a text");
  const auto other_engine = cache_.load(a_, "engine 2.0");
  ASSERT_TRUE(other_engine);
  EXPECT_FALSE(other_engine->has_value());
}

TEST_F(ArtifactCacheTest, ReplacingAnEntryIsNoError) {
  store(a_, "one");
  store(a_, "another");
  const auto entry = cache_.load(a_, kEngine);
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ(content((*entry)->artifact), "another");
}

TEST_F(ArtifactCacheTest, TheCodeIsSealedAndHoldsNothingElse) {
  store(a_, "native code", "binary");
  const auto entry = cache_.load(a_, kEngine);
  ASSERT_TRUE(entry && *entry);
  const int fd = (*entry)->artifact.code.get();
  EXPECT_EQ(::fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  struct stat status{};
  ASSERT_EQ(::fstat(fd, &status), 0);
  EXPECT_EQ(status.st_size, 11);
  EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
  EXPECT_EQ(::ftruncate(fd, 0), -1);
  EXPECT_EQ(::mmap(nullptr, 11, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  // The file may change now; what was loaded does not.
  folder_.write(file(a_), "overwritten");
  EXPECT_EQ(content((*entry)->artifact), "native code");
}

TEST_F(ArtifactCacheTest, EveryFlippedByteIsFound) {
  store(a_, std::string(300, 'c'), std::string(100, 'w'));
  const std::string good = folder_.read(file(a_));
  ASSERT_EQ(good.size(), 300 + 100 + sizeof(ArtifactTrailer));
  for (std::size_t position = 0; position < good.size(); ++position) {
    for (const unsigned bit : {0x01u, 0x80u}) {
      std::string bad = good;
      bad[position] = static_cast<char>(static_cast<unsigned char>(bad[position]) ^ bit);
      folder_.write(file(a_), bad);
      const std::string reason = refusal(a_);
      ASSERT_THAT(reason, testing::AnyOf(HasSubstr("authentication code does not match"),
                                         HasSubstr("sizes do not match")))
          << position;
    }
  }
  folder_.write(file(a_), good);
  EXPECT_EQ(refusal(a_), "accepted");
}

TEST_F(ArtifactCacheTest, EveryTruncationAndExtensionIsFound) {
  store(a_, std::string(64, 'c'), "w");
  const std::string good = folder_.read(file(a_));
  for (std::size_t size = 0; size < good.size(); ++size) {
    folder_.write(file(a_), good.substr(0, size));
    ASSERT_NE(refusal(a_), "accepted") << size;
  }
  folder_.write(file(a_), good + "x");
  EXPECT_THAT(refusal(a_), HasSubstr("sizes do not match"));
  folder_.write(file(a_), "x" + good);
  EXPECT_THAT(refusal(a_), HasSubstr("sizes do not match"));
}

TEST_F(ArtifactCacheTest, BytesMovedBetweenCodeAndModuleAreFound) {
  store(a_, "codeX", "wasm");
  std::string moved = folder_.read(file(a_));
  ArtifactTrailer trailer;
  std::memcpy(&trailer, moved.data() + 9, sizeof(trailer));
  trailer.code_bytes -= 1;
  trailer.wasm_bytes += 1;
  std::memcpy(moved.data() + 9, &trailer, sizeof(trailer));
  folder_.write(file(a_), moved);
  EXPECT_THAT(refusal(a_), HasSubstr("authentication code does not match"));
}

TEST_F(ArtifactCacheTest, AnEntryUnderAnotherNameIsFound) {
  store(a_, "code of a");
  store(b_, "code of b");
  std::filesystem::rename(folder_.path(file(a_)), folder_.path("swap"));
  std::filesystem::rename(folder_.path(file(b_)), folder_.path(file(a_)));
  std::filesystem::rename(folder_.path("swap"), folder_.path(file(b_)));
  EXPECT_THAT(refusal(a_), HasSubstr("of another module"));
  EXPECT_THAT(refusal(b_), HasSubstr("of another module"));
}

TEST_F(ArtifactCacheTest, AnEntryOfAnotherEngineIsFound) {
  store(a_, "code");
  std::filesystem::rename(folder_.path(file(a_)), folder_.path(file(a_, "engine 2.0")));
  EXPECT_THAT(refusal(a_, "engine 2.0"), HasSubstr("of another engine"));
}

TEST_F(ArtifactCacheTest, AnEntryOfAnotherNodeIsFound) {
  const TestFolder other_folder;
  auto other_state = StateDir::open({.path = other_folder.path()});
  ASSERT_TRUE(other_state);
  auto other = ArtifactCache::open(*other_state, {});
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->store(a_, kEngine, {.code = as_bytes("code"), .wasm = {}}));
  std::filesystem::copy_file(other_folder.path(file(a_)), folder_.path(file(a_)));
  EXPECT_THAT(refusal(a_), HasSubstr("authentication code does not match"));
}

TEST_F(ArtifactCacheTest, AnEntryOfAnotherFormatIsFound) {
  ArtifactTrailer trailer = make_trailer(a_, kEngine, as_bytes("code"), {});
  trailer.format = 999;
  trailer.hmac = artifact_hmac(state_.key(), as_bytes("code"), {}, trailer);
  folder_.write(file(a_),
                "code" + std::string(reinterpret_cast<const char*>(&trailer), sizeof(trailer)));
  EXPECT_THAT(refusal(a_), HasSubstr("another version"));
}

TEST_F(ArtifactCacheTest, SizesThatOverflowAreFound) {
  ArtifactTrailer trailer = make_trailer(a_, kEngine, {}, {});
  trailer.code_bytes = ~std::uint64_t{0};
  trailer.wasm_bytes = 1;  // together they are zero, as the file says
  trailer.hmac = artifact_hmac(state_.key(), {}, {}, trailer);
  folder_.write(file(a_), std::string(reinterpret_cast<const char*>(&trailer), sizeof(trailer)));
  EXPECT_THAT(refusal(a_), HasSubstr("sizes do not match"));
}

TEST_F(ArtifactCacheTest, LinksAndForeignWritersAreRefused) {
  store(a_, "code");
  std::filesystem::rename(folder_.path(file(a_)), folder_.path("elsewhere"));
  std::filesystem::create_symlink(folder_.path("elsewhere"), folder_.path(file(a_)));
  EXPECT_THAT(refusal(a_), HasSubstr("symbolic link"));
  store(a_, "code");
  folder_.chmod(file(a_), 0666);
  EXPECT_THAT(refusal(a_), HasSubstr("can be written by everybody"));
  store(a_, "code");
  folder_.chmod(file(a_), 0620);
  EXPECT_THAT(refusal(a_), HasSubstr("can be written by its group"));
  ASSERT_EQ(::mkfifo(folder_.path(file(a_)).c_str(), 0600), 0);
  EXPECT_THAT(refusal(a_), HasSubstr("not a regular file"));
}

TEST_F(ArtifactCacheTest, AnEntryBeyondTheSizeLimitIsNotRead) {
  const ArtifactCache small = open_cache({.entry_bytes_max = 1000});
  EXPECT_FALSE(small.store(a_, kEngine, {.code = as_bytes(std::string(1000, 'c')), .wasm = {}}));
  store(a_, std::string(1000, 'c'));
  const auto entry = small.load(a_, kEngine);
  ASSERT_FALSE(entry);
  EXPECT_THAT(entry.error().detail, HasSubstr("too large"));
}

TEST_F(ArtifactCacheTest, TheLeastRecentlyUsedGoFirst) {
  const ArtifactCache small = open_cache({.total_bytes_max = 3000});
  const std::string code(1000, 'c');
  std::vector<Digest> modules;
  for (const char* const name : {"0", "1"}) {
    modules.push_back(sha256(as_bytes(name)));
    store(modules.back(), code);
  }
  // Used long ago: the second one longer ago.
  const timespec hour_ago[2] = {{::time(nullptr) - 3600, 0}, {::time(nullptr) - 3600, 0}};
  const timespec day_ago[2] = {{::time(nullptr) - 86400, 0}, {::time(nullptr) - 86400, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, folder_.path(file(modules[0])).c_str(), day_ago, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, folder_.path(file(modules[1])).c_str(), hour_ago, 0), 0);
  ASSERT_TRUE(small.load(modules[0], kEngine));  // now it is the latest
  const Digest third = sha256(as_bytes("2"));
  ASSERT_TRUE(small.store(third, kEngine, {.code = as_bytes(code), .wasm = {}}));
  EXPECT_TRUE(std::filesystem::exists(folder_.path(file(modules[0]))));
  EXPECT_FALSE(std::filesystem::exists(folder_.path(file(modules[1]))));
  EXPECT_TRUE(std::filesystem::exists(folder_.path(file(third))));
  EXPECT_LE(small.collect().value_or(9999), 3000u);
}

TEST_F(ArtifactCacheTest, LeftOversOfInterruptedStoresAreRemoved) {
  folder_.write("artifacts/tmp-1-2-3", "half");
  folder_.write("artifacts/tmp-4-5-6", "half");
  const timespec old[2] = {{::time(nullptr) - 7200, 0}, {::time(nullptr) - 7200, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, folder_.path("artifacts/tmp-1-2-3").c_str(), old, 0), 0);
  ASSERT_TRUE(cache_.collect());
  EXPECT_FALSE(std::filesystem::exists(folder_.path("artifacts/tmp-1-2-3")));
  EXPECT_TRUE(
      std::filesystem::exists(folder_.path("artifacts/tmp-4-5-6")));  // may be in the making
}

TEST_F(ArtifactCacheTest, AFolderInTheWayIsAnErrorNotAHang) {
  std::filesystem::create_directories(folder_.path(file(a_)) + "/x");
  EXPECT_FALSE(cache_.load(a_, kEngine));
  EXPECT_FALSE(cache_.store(a_, kEngine, {.code = as_bytes("code"), .wasm = {}}));
  std::size_t left = 0;
  for (const auto& item : std::filesystem::directory_iterator(folder_.path("artifacts"))) {
    if (item.path().filename().string().starts_with("tmp-")) ++left;
  }
  EXPECT_EQ(left, 0u);
}

// Several processes store and load the same entries; whatever is loaded is whole.
TEST_F(ArtifactCacheTest, ProcessesMayShareTheFolder) {
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const std::string code(50'000, static_cast<char>('a' + child));
      for (int round = 0; round < 20; ++round) {
        if (!cache_.store(a_, kEngine, {.code = as_bytes(code), .wasm = {}})) ::_exit(1);
        const auto entry = cache_.load(a_, kEngine);
        if (!entry) ::_exit(2);
        if (!*entry) continue;
        const std::string text = content((*entry)->artifact);
        if (text.size() != code.size() || text != std::string(text.size(), text[0])) ::_exit(3);
      }
      ::_exit(0);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
}

TEST(SealArtifact, KeepsCodeInMemoryOnly) {
  const auto artifact = seal_artifact(as_bytes("native code"));
  ASSERT_TRUE(artifact);
  EXPECT_EQ(content(*artifact), "native code");
  EXPECT_EQ(::fcntl(artifact->code.get(), F_GET_SEALS),
            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

}  // namespace
}  // namespace godwit::registry
