// The guests that look for what others left (conformance_isolation.cc): each shape is a module with
// other memories, tables and data. For tests only.
//
//   for (const Shape& shape : shapes()) load(text_of(shape));
//
// Entries: "_start" notes what is not as new, a bit each (0: all is), and leaves canaries in all
// that it has; "traps", "exits" and "waits" do the same and end so. "again" looks a second time and
// notes that too: dirty_bits(). Thread-safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace godwit::engine::conformance {

struct Memory {
  int pages;
  int grows = 0;  // pages
  bool is_64 = false;
  std::vector<int> segments{};  // where 64 bytes of data are; multiples of 64
};

struct Table {
  std::string type;  // funcref or externref
  std::uint64_t size;
  std::uint64_t filled = 0;  // elements 1 to `filled` are functions from the beginning
};

struct Shape {
  std::string name;  // 4 characters: part of its data
  std::vector<Memory> memories{};
  std::vector<Table> tables{};
  bool objects = false;
  std::size_t weight = 1;  // how often it runs
};

const std::vector<Shape>& shapes();
// WebAssembly text.
std::string text_of(const Shape& shape);
// What is wrong the second time: what a guest does not find then it would not find at all.
std::uint32_t dirty_bits(const Shape& shape);

}  // namespace godwit::engine::conformance
