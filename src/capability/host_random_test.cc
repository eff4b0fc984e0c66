// Random operations with fixed seeds on two folders of the kernel: one through a HostVolume, one
// with plain system calls. Both must answer the same, and in the end what was charged is what a
// fresh count finds.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "capability/host_test_volume.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

const HostVolumeOptions kCounted{.writable = true, .bytes_max = 1 << 30, .files_max = 1 << 20};

class Script final {
 public:
  explicit Script(std::uint32_t seed) : random_(seed) {}

  // Few names, so that operations meet; slots 1 and 2 hold folders, 3 to 5 files.
  std::string line() {
    const std::string file = std::to_string(3 + below(3));
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return "open " + file +
               one_of({" r ", " rw ", " rwc ", " wcx ", " rt ", " rwctn ", " rn ", " rd "}) +
               path();
      case 3: return "open " + std::to_string(1 + below(2)) + " rd " + path();
      case 4: return "rename " + path() + " " + path();
      case 5: return "link " + path() + " " + path();
      case 6: return "symlink " + steps() + " " + path();
      case 7: return "fill " + file + " " + number() + " " + number() + " x";
      case 8: return "resize " + file + " " + number();
      case 9: return "list " + std::to_string(1 + below(2));
      default:
        return one_of({"mkdir ", "mkdir ", "rmdir ", "unlink ", "stat ", "lstat ", "readlink "}) +
               path();
    }
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  std::string one_of(const std::vector<std::string>& choices) {
    return choices[below(choices.size())];
  }
  std::string number() { return std::to_string(1 + below(5000)); }
  // Without a slash at the end, which the target of a link must not have here: whether creating
  // through it fails as a folder or as none depends on what is looked at first.
  std::string steps() {
    std::string steps = one_of({"a", "b", "c", "d", "."});
    for (std::size_t more = below(4); more > 1; --more) {
      steps += one_of({"/", "/", "//"}) + one_of({"a", "b", "c", "d", "..", "."});
    }
    return steps;
  }
  std::string path() {
    return one_of({"", "", "", "1:", "2:"}) + steps() + one_of({"", "", "", "", "/", "//"});
  }

  std::mt19937 random_;
};

// Renames anywhere on the machine, those of tests that run beside this one too, make the kernel ask
// for another try, and in the end the answer is EBUSY, before anything was done.
std::string run_granted(FileWorld& world, const std::string& line) {
  std::string answer = world.run(line);
  for (int tries = 0; answer == "EBUSY" && tries < 1000; ++tries) answer = world.run(line);
  return answer;
}

// EPERM also says that a folder can't be linked. Only where it means that a path leads out must the
// plain calls, which nothing holds back, not be made.
bool leads_out(FileWorld& world, const std::string& line, const std::string& answer) {
  if (answer != "EPERM") return false;
  if (!line.starts_with("link ")) return true;
  const std::size_t second = line.find(' ', 5);
  return run_granted(world, "lstat " + line.substr(5, second - 5)) == "EPERM" ||
         run_granted(world, "lstat " + line.substr(second + 1)) == "EPERM";
}

TEST(HostRandom, AnswersLikePlainSystemCallsAndCountsWhatIsThere) {
  int refused = 0;
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    const TestTree tree;
    const auto volume = tree.volume(kCounted);
    Script script(seed);
    std::string log;
    {
      FolderWorld granted(volume->root(Access::kWrite));
      PosixWorld plain;
      for (int step = 0; step < 1200; ++step) {
        const std::string line = script.line();
        const std::string answer = run_granted(granted, line);
        log += line + " -> " + answer.substr(0, 60) + "\n";
        if (leads_out(granted, line, answer)) {
          ++refused;
          continue;
        }
        ASSERT_EQ(answer, plain.run(line)) << "seed " << seed << "\n" << log;
      }
      ASSERT_EQ(granted.run("tree"), plain.run("tree")) << "seed " << seed;
    }
    const HostUsage counted = tree.volume(kCounted)->usage();
    ASSERT_EQ(volume->usage().bytes, counted.bytes) << "seed " << seed;
    ASSERT_EQ(volume->usage().files, counted.files) << "seed " << seed;
    EXPECT_TRUE(tree.canary_untouched());
  }
  EXPECT_GT(refused, 100) << "ways out were tried, too";
}

}  // namespace
}  // namespace godwit::capability
