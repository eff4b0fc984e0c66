// Random operations with fixed seeds, against two references: the kernel, for what POSIX says, and
// a map from paths to contents, for what is charged.
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "capability/memory_file_system.h"
#include "capability/test_file_world.h"

namespace godwit::capability {
namespace {

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return engine_() % end; }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class T, std::size_t kSize>
  T pick(const T (&values)[kSize]) {
    return values[below(kSize)];
  }

 private:
  std::mt19937 engine_;
};

// --- the kernel ---------------------------------------------------------------------------------

// A few names, so that operations meet; every shape that a path can have.
std::string random_path(Dice& dice) {
  static constexpr const char* kNames[] = {"a", "b", "c", "d", "e", "lnk", "sym"};
  static constexpr const char* kStarts[] = {"1:", "2:"};
  std::string path = dice.one_in(4) ? dice.pick(kStarts) : "";
  const std::size_t steps = 1 + dice.below(dice.one_in(4) ? 5 : 2);
  for (std::size_t i = 0; i < steps; ++i) {
    if (i != 0) path += dice.one_in(12) ? "//" : "/";
    path += dice.one_in(14) ? "." : dice.one_in(9) ? ".." : dice.pick(kNames);
  }
  if (dice.one_in(10)) path += dice.one_in(3) ? "//" : "/";
  return path;
}

std::string random_line(Dice& dice) {
  static constexpr const char* kFlags[] = {"r",  "rd",  "rw",   "rwc",  "rwc",  "wc",
                                           "w",  "wcx", "rwct", "rt",   "rn",   "wcn",
                                           "wd", "rdn", "rwcx", "rwcn", "rwct", "wcxn"};
  static constexpr const char* kPathVerbs[] = {"mkdir", "mkdir", "mkdir", "rmdir",   "unlink",
                                               "stat",  "lstat", "stat",  "readlink"};
  const std::size_t file = 3 + dice.below(4);
  switch (dice.below(16)) {
    case 0:
    case 1:
    case 2: return fmt::format("open {} {} {}", file, dice.pick(kFlags), random_path(dice));
    case 3: return fmt::format("open {} rd {}", 1 + dice.below(2), random_path(dice));
    case 4:
    case 5: return fmt::format("rename {} {}", random_path(dice), random_path(dice));
    case 6: return fmt::format("link {} {}", random_path(dice), random_path(dice));
    case 7: {
      std::string target = random_path(dice);
      if (target[1] == ':') target.erase(0, 2);
      return fmt::format("symlink {} {}", target, random_path(dice));
    }
    case 8:
      return fmt::format("fill {} {} {} {}", file, dice.below(20'000), 1 + dice.below(9000),
                         static_cast<char>('a' + dice.below(26)));
    case 9: return fmt::format("read {} {} {}", file, dice.below(20'000), dice.below(9000));
    case 10: return fmt::format("resize {} {}", file, dice.below(20'000));
    case 11: return fmt::format("allocate {} {} {}", file, dice.below(20'000), dice.below(9000));
    case 12: return fmt::format("fstat {}", file);
    case 13: return fmt::format("list {}", 1 + dice.below(2));
    default: return fmt::format("{} {}", dice.pick(kPathVerbs), random_path(dice));
  }
}

// Whether the answer says that a path leads out of its folder: the kernel, which was not told to
// keep it inside, must then not be asked. "EPERM" also says that a folder can't be linked.
bool leads_out(FileWorld& memory, const std::string& line, const std::string& answer) {
  if (answer != "EPERM") return false;
  if (!line.starts_with("link ")) return true;
  const std::size_t space = line.find(' ', 5);
  return memory.run("lstat " + line.substr(5, space - 5)) == "EPERM" ||
         memory.run("lstat " + line.substr(space + 1)) == "EPERM";
}

void compare_with_kernel(std::uint32_t seed, int steps) {
  Dice dice(seed);
  auto files = MemoryFileSystem::create(
      {.bytes_max = std::uint64_t{1} << 30, .nodes_max = 1'000'000}, nullptr);
  FolderWorld memory(files->root());
  PosixWorld kernel;
  std::string script;
  for (int step = 0; step < steps; ++step) {
    const std::string line = random_line(dice);
    const std::string answer = memory.run(line);
    script += line + " -> " + (answer.size() < 60 ? answer : "…") + "\n";
    if (leads_out(memory, line, answer)) continue;
    ASSERT_EQ(answer, kernel.run(line)) << "seed " << seed << "\n" << script;
    if (step % 200 == 199) {
      ASSERT_EQ(memory.run("tree"), kernel.run("tree")) << "seed " << seed << "\n" << script;
    }
  }
  EXPECT_EQ(memory.run("tree"), kernel.run("tree"));
  EXPECT_LT(files->node_count(), 1000u) << "nothing piles up";
}

TEST(MemoryRandom, AnswersLikeTheKernel) {
  for (std::uint32_t seed = 1; seed <= 12 && !testing::Test::HasFailure(); ++seed) {
    compare_with_kernel(seed, 1500);
  }
}

// --- the books ----------------------------------------------------------------------------------

// Folders and files by their full path, one name a file or several; no links to follow. What it
// would be charged is computed anew each time.
class Model {
 public:
  explicit Model(const MemoryLimits& limits) : limits_(limits) {}

  struct Contents {
    std::string bytes;
  };
  using Node = std::shared_ptr<Contents>;  // null: a folder

  std::uint64_t used() const {
    std::uint64_t bytes = 0;
    for (const auto& [path, node] : names_) {
      bytes += MemoryFileSystem::kEntryBytes + path.size() - path.rfind('/') - 1;
    }
    for (const Node& file : files()) {
      bytes += (file->bytes.size() + kBlock - 1) / kBlock * kBlock;
    }
    return bytes + nodes() * MemoryFileSystem::kNodeBytes;
  }
  std::uint64_t nodes() const {
    std::uint64_t count = files().size();
    for (const auto& [path, node] : names_) count += node == nullptr ? 1 : 0;
    return count;
  }

  std::string mkdir(const std::string& path) { return make(path, nullptr); }
  std::string open(std::size_t slot, const std::string& path) {
    if (const std::string wrong = way(path); wrong != "ok") return wrong;
    if (const auto found = names_.find(path); found != names_.end()) {
      if (found->second == nullptr) return "EISDIR";
    } else if (const std::string said = make(path, std::make_shared<Contents>()); said != "ok") {
      return said;
    }
    open_[slot] = names_.at(path);
    return "file";
  }
  void close(std::size_t slot) { open_[slot] = nullptr; }
  std::string unlink(const std::string& path) {
    if (const std::string wrong = way(path); wrong != "ok") return wrong;
    const auto found = names_.find(path);
    if (found == names_.end()) return "ENOENT";
    if (found->second == nullptr) return "EISDIR";
    names_.erase(found);
    return "ok";
  }
  std::string rmdir(const std::string& path) {
    if (const std::string wrong = way(path); wrong != "ok") return wrong;
    const auto found = names_.find(path);
    if (found == names_.end()) return "ENOENT";
    if (found->second != nullptr) return "ENOTDIR";
    if (has_below(path)) return "ENOTEMPTY";
    names_.erase(found);
    return "ok";
  }
  std::string link(const std::string& from, const std::string& to) {
    if (const std::string wrong = way(from); wrong != "ok") return wrong;
    const auto found = names_.find(from);
    if (found == names_.end()) return "ENOENT";
    if (const std::string wrong = way(to); wrong != "ok") return wrong;
    if (names_.contains(to)) return "EEXIST";
    if (found->second == nullptr) return "EPERM";
    return change([&] { names_[to] = found->second; });
  }
  std::string rename(const std::string& from, const std::string& to) {
    if (const std::string wrong = way(from); wrong != "ok") return wrong;
    if (const std::string wrong = way(to); wrong != "ok") return wrong;
    const auto found = names_.find(from);
    if (found == names_.end()) return "ENOENT";
    const bool folder = found->second == nullptr;
    if (folder && to.starts_with(from + "/")) return "EINVAL";
    if (from == to) return "ok";
    if (const auto target = names_.find(to); target != names_.end()) {
      if (target->second == nullptr && from.starts_with(to + "/")) return "ENOTEMPTY";
      if (folder != (target->second == nullptr)) return folder ? "ENOTDIR" : "EISDIR";
      if (folder && has_below(to)) return "ENOTEMPTY";
      if (!folder && target->second == found->second) return "ok";
    }
    return change([&] {
      std::map<std::string, Node> moved;
      for (const auto& [path, node] : names_) {
        const bool below = path == from || path.starts_with(from + "/");
        if (below) {
          moved[to + path.substr(from.size())] = node;
        } else if (path != to) {
          moved.try_emplace(path, node);
        }
      }
      names_ = std::move(moved);
    });
  }
  std::string write(std::size_t slot, std::uint64_t offset, const std::string& text) {
    if (open_[slot] == nullptr) return "no file";
    std::string& bytes = open_[slot]->bytes;
    if (offset >= limits_.bytes_max) return "EFBIG";
    // As many bytes as fit, tried from the most.
    for (std::size_t size = text.size(); size > 0; --size) {
      const std::string before = bytes;
      if (bytes.size() < offset + size) bytes.resize(offset + size);
      bytes.replace(offset, size, text, 0, size);
      if (bytes.size() == before.size() || used() <= limits_.bytes_max) {
        return fmt::format("{}", size);
      }
      bytes = before;
      // Only whole blocks matter.
      const std::size_t behind = (offset + size) % kBlock;
      size -= std::min(size - 1, (behind == 0 ? kBlock : behind) - 1);
    }
    return "ENOSPC";
  }
  std::string resize(std::size_t slot, std::uint64_t size) {
    if (open_[slot] == nullptr) return "no file";
    if (size > limits_.bytes_max) return "EFBIG";
    return change([&] { open_[slot]->bytes.resize(size); });
  }
  std::string read(std::size_t slot) {
    return open_[slot] == nullptr ? "no file" : open_[slot]->bytes;
  }

 private:
  static constexpr std::uint64_t kBlock = MemoryFileSystem::kBlockBytes;

  std::vector<Node> files() const {
    std::map<Contents*, Node> found;
    for (const auto& [path, node] : names_) {
      if (node != nullptr) found[node.get()] = node;
    }
    for (const Node& node : open_) {
      if (node != nullptr) found[node.get()] = node;
    }
    std::vector<Node> result;
    for (auto& [address, node] : found) result.push_back(std::move(node));
    return result;
  }
  // What is wrong with the way to `path`; "ok": nothing.
  std::string way(const std::string& path) const {
    for (std::size_t end = path.find('/'); end != std::string::npos;
         end = path.find('/', end + 1)) {
      const auto found = names_.find(path.substr(0, end));
      if (found == names_.end()) return "ENOENT";
      if (found->second != nullptr) return "ENOTDIR";
    }
    return "ok";
  }
  bool has_below(const std::string& path) const {
    const auto next = names_.lower_bound(path + "/");
    return next != names_.end() && next->first.starts_with(path + "/");
  }
  std::string make(const std::string& path, Node node) {
    if (const std::string wrong = way(path); wrong != "ok") return wrong;
    if (names_.contains(path)) return "EEXIST";
    return change([&] { names_[path] = std::move(node); });
  }
  // What would grow beyond a limit does not happen. What makes it smaller always does.
  template <class Change>
  std::string change(Change&& change) {
    const auto names_before = names_;
    std::map<Node, std::string> bytes_before;
    for (const Node& file : files()) bytes_before[file] = file->bytes;
    const std::uint64_t used_before = used();
    const std::uint64_t nodes_before = nodes();
    change();
    const bool too_many = nodes() > nodes_before && nodes() > limits_.nodes_max;
    const bool too_much = used() > used_before && used() > limits_.bytes_max;
    if (!too_many && !too_much) return "ok";
    names_ = names_before;
    for (const auto& [file, bytes] : bytes_before) file->bytes = bytes;
    return "ENOSPC";
  }

  const MemoryLimits limits_;
  std::map<std::string, Node> names_;
  std::array<Node, FileWorld::kSlots> open_;
};

// Few names, some longer than others; files mostly have those of files.
std::string random_name(Dice& dice, bool folder) {
  static constexpr const char* kFolders[] = {"D", "EE"};
  static constexpr const char* kFiles[] = {"f", "g", "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh", "ii"};
  std::string path;
  for (std::size_t depth = dice.below(3); depth > 0; --depth) {
    path += std::string(dice.pick(kFolders)) + "/";
  }
  return path + (folder ? dice.pick(kFolders) : dice.pick(kFiles));
}

struct Answers {
  std::string line;
  std::string memory;
  std::string model;
};

Answers random_step(Dice& dice, FileWorld& memory, Model& model) {
  const std::size_t slot = dice.below(4);
  const bool folder = dice.one_in(3);
  const std::string path = random_name(dice, folder);
  const std::string other = random_name(dice, dice.one_in(5) ? !folder : folder);
  const auto run = [&](const std::string& line, const std::string& expected) {
    return Answers{line, memory.run(line), expected};
  };
  switch (dice.below(10)) {
    case 0: {
      const std::string name = random_name(dice, true);
      return run("mkdir " + name, model.mkdir(name));
    }
    case 1:
    case 2: return run(fmt::format("open {} rwc {}", slot, path), model.open(slot, path));
    case 3: return run("unlink " + path, model.unlink(path));
    case 4: return run("rmdir " + path, model.rmdir(path));
    case 5: return run("link " + path + " " + other, model.link(path, other));
    case 6: return run("rename " + path + " " + other, model.rename(path, other));
    case 7: {
      const std::size_t offset = dice.below(30'000);
      const std::string text(1 + dice.below(20'000), static_cast<char>('a' + dice.below(26)));
      return run(fmt::format("fill {} {} {} {}", slot, offset, text.size(), text[0]),
                 model.write(slot, offset, text));
    }
    case 8: {
      if (dice.one_in(3)) {
        model.close(slot);
        return run(fmt::format("close {}", slot), "ok");
      }
      const std::size_t size = dice.below(dice.one_in(8) ? 200'000 : 40'000);
      return run(fmt::format("resize {} {}", slot, size), model.resize(slot, size));
    }
    default: return run(fmt::format("read {} 0 1000000", slot), model.read(slot));
  }
}

void compare_with_model(std::uint32_t seed, int steps) {
  Dice dice(seed);
  constexpr MemoryLimits kLimits{.bytes_max = 120'000, .nodes_max = 12};
  auto budget = std::make_shared<MemoryBudget>(std::uint64_t{1} << 20);
  auto files = MemoryFileSystem::create(kLimits, budget);
  int refused = 0;
  {
    FolderWorld memory(files->root());
    Model model(kLimits);
    std::string script;
    for (int step = 0; step < steps; ++step) {
      const Answers answers = random_step(dice, memory, model);
      script += answers.line + " -> " +
                (answers.memory.size() < 60 ? answers.memory : std::string("…")) + "\n";
      ASSERT_EQ(answers.memory, answers.model) << "seed " << seed << "\n" << script;
      ASSERT_EQ(files->used_bytes(), model.used()) << "seed " << seed << "\n" << script;
      ASSERT_EQ(files->node_count(), model.nodes()) << "seed " << seed << "\n" << script;
      ASSERT_EQ(budget->used_bytes(), files->used_bytes());
      ASSERT_LE(files->used_bytes(), kLimits.bytes_max);
      if (answers.memory == "ENOSPC") ++refused;
    }
  }
  EXPECT_GT(refused, steps / 100) << "the limits are met";
  files.reset();
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(MemoryRandom, ChargesLikeTheModel) {
  for (std::uint32_t seed = 1; seed <= 10 && !testing::Test::HasFailure(); ++seed) {
    compare_with_model(seed, 1500);
  }
}

}  // namespace
}  // namespace godwit::capability
