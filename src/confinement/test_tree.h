// For tests only: a temporary folder with inside/deep/file and outside/file, gone with its object.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <stdlib.h>

#include "base/check.h"

namespace godwit::confinement {

class TestTree final {
 public:
  TestTree() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit-test-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr, name);
    path_ = name;
    for (const char* const folder : {"inside/deep", "outside"}) {
      std::filesystem::create_directories(path(folder));
      std::ofstream(path(folder) + "/file") << "content";
    }
  }
  ~TestTree() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestTree(const TestTree&) = delete;
  TestTree& operator=(const TestTree&) = delete;

  std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace godwit::confinement
