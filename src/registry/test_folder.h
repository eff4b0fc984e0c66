// For tests only: a private temporary folder that is gone with its object.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "base/bytes.h"
#include "base/check.h"

namespace godwit::registry {

class TestFolder final {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit-test-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr, name);
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }

  void write(std::string_view name, std::string_view text) const {
    const std::filesystem::path file = path(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
    ::chmod(file.c_str(), 0644);
  }
  std::string read(std::string_view name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void chmod(std::string_view name, mode_t mode) const {
    CHECK(::chmod(path(name).c_str(), mode) == 0);
  }

 private:
  std::string path_;
};

inline Bytes bytes_of(std::string_view text) {
  const ByteSpan bytes = as_bytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace godwit::registry
