// MemoryWalker: finds the way of a path through the nodes of a file system in memory, starting at a
// folder and never leaving it: every ".." undoes a step that the walk itself made, since the tree's
// mutex is held from the first step to the last. Where the starting folder hangs does not matter.
//
//   MemoryWalker walker(start, "a/link/new.txt");
//   auto place = walker.walk();                      // the last step: looked up, not followed
//   if (MemoryLinkNode* link = …place->node) { walker.follow(*link); place = walker.walk(); }
//
// Not thread-safe: the tree's mutex is held as long as it lives. Allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "capability/file_system.h"
#include "capability/memory_file_system_nodes.h"

namespace godwit::capability {

// Where the last step of a path leads.
struct MemoryPlace {
  enum class Kind : std::uint8_t {
    kName,  // `name` in `folder`
    kSelf,  // "."
    kUp,    // ".."
  };
  Kind kind = Kind::kName;
  MemoryFolderNode* folder = nullptr;  // in which the last step is made
  std::string_view name;               // as long as the path, or the link that was followed, lives
  bool slash = false;                  // slashes followed: only a folder will do
  MemoryNode* node = nullptr;          // what stands there; null: nothing
};

class MemoryWalker final {
 public:
  // `path` must outlive this.
  MemoryWalker(MemoryFolderNode& start, std::string_view path);

  // Goes on to the last step of what is left of the path and looks there, both in one.
  // Errors: of approach() and of look_up().
  FileResult<MemoryPlace> walk();
  // Goes there, but does not look yet: `node` is null where the step is a name.
  // Errors: those of the path itself and of what is passed on the way.
  FileResult<MemoryPlace> approach();
  // Errors: the name is too long, or its folder was removed. Not that nothing is there.
  static FileResult<void> look_up(MemoryPlace& place);
  // The last step was a symbolic link: what walk() finds next is where that leads.
  // REQUIRES: `link` was just found there.
  FileResult<void> follow(const MemoryLinkNode& link);

 private:
  struct Step {
    std::string_view name;
    bool slash;
  };

  Step take_step();
  FileResult<MemoryPlace> place_of(const Step& step);
  FileResult<void> enter(MemoryNode& node);

  MemoryFolderNode* const start_;
  MemoryFolderNode* at_;
  // What is left: of the path, and of the link in it, and of the link in that. The last is next.
  // None is empty or begins with a slash, once walk() has judged the path.
  std::array<std::string_view, kMaxLinksFollowed + 1> left_;
  int pieces_ = 1;
  int followed_ = 0;
  bool slash_ = false;  // behind the last step of the path itself: it holds for where a link leads
  std::errc error_{};
};

// What stands at `path`. Errors: as walk(), and no_such_file_or_directory.
FileResult<MemoryNode*> resolve_in_memory(MemoryFolderNode& start, std::string_view path,
                                          Follow follow);

}  // namespace godwit::capability
