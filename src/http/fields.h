// Fields: header fields in the order they came, duplicates kept, names compared without case.
//
//   Fields fields;
//   if (!fields.append("Content-Type", "text/html")) return too_large();
//   if (auto type = fields.get("content-type")) use(*type);
//   for (const Field& field : fields) emit(field.name, field.value);
//
// Names and values are views. append() copies into storage that this object owns; append_view()
// refers to storage that somebody else keeps alive (a parser's buffer, static text). Both stay
// valid until clear(), also over a move of the Fields. Count and total size are bounded. clear()
// keeps the storage, so a worker that reuses one does not allocate. Not thread-safe.
//
// No syntax is checked here: the parser has done so for requests, append_response_head() does so
// for responses.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace godwit::http {

struct Field {
  std::string_view name;
  std::string_view value;
};

class Fields final {
 public:
  struct Limits {
    std::size_t max_count = 100;
    std::size_t max_bytes = std::size_t{32} << 10;  // names and values together
  };

  Fields() = default;
  explicit Fields(Limits limits) : limits_(limits) {}
  Fields(Fields&&) = default;
  Fields& operator=(Fields&&) = default;

  // False when a limit would be exceeded; nothing is added then.
  [[nodiscard]] bool append(std::string_view name, std::string_view value);
  // The same without copying: `name` and `value` must outlive the entry.
  [[nodiscard]] bool append_view(std::string_view name, std::string_view value);
  // Removes every field of this name; returns how many there were. Their bytes go on counting
  // against the limit until clear(), because their storage does.
  std::size_t remove(std::string_view name);
  void clear();

  // The value of the first field of this name.
  std::optional<std::string_view> get(std::string_view name) const;
  bool contains(std::string_view name) const { return count(name) != 0; }
  std::size_t count(std::string_view name) const;

  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  // Names and values together, as the limit counts them.
  std::size_t bytes() const { return bytes_; }
  const Field& operator[](std::size_t index) const { return fields_[index]; }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  // Text that never moves: blocks are only added, and clear() keeps the first.
  struct Block {
    std::unique_ptr<char[]> data;
    std::size_t capacity = 0;
    std::size_t used = 0;
  };

  bool fits(std::string_view name, std::string_view value) const;
  std::string_view copy(std::string_view text);

  Limits limits_;
  std::size_t bytes_ = 0;
  std::vector<Field> fields_;
  std::vector<Block> blocks_;
};

}  // namespace godwit::http
