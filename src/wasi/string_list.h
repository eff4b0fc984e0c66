// StringList: arguments or environment variables, laid out the way preview 1 hands them over: all
// strings in one block, each with its NUL. args_get and environ_get are one copy of it.
//
//   StringList environment;
//   environment.add_variable("REQUEST_METHOD", "GET");   // false: refused, nothing was added
//   environment.value_of("REQUEST_METHOD");              // "GET"
//
// Bounded: strings come from requests. Once it was given a secret, whatever memory it leaves (it
// grows, is cleared, ends) is overwritten first. A value; not thread-safe while it is changed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace godwit::wasi {

class StringList final {
 public:
  struct Limits {
    std::size_t count = 4096;
    std::size_t bytes = std::size_t{1} << 20;  // with the NULs; less than 4 GiB
  };

  StringList() = default;
  explicit StringList(const Limits& limits) : limits_(limits) {}
  StringList(const StringList&) = default;
  StringList(StringList&&) = default;
  StringList& operator=(StringList other) noexcept;
  ~StringList() { wipe_secrets(); }

  // Appends one string. False, and nothing changes, when it holds a NUL or a limit is met.
  [[nodiscard]] bool add(std::string_view text);
  // Appends "name=value". Refuses besides an empty name and one with '='. An earlier variable of
  // the same name stays, and getenv finds that one: whoever wants another rule adds only once.
  [[nodiscard]] bool add_variable(std::string_view name, std::string_view value);
  // The same for a value that must not be left behind in memory.
  [[nodiscard]] bool add_secret_variable(std::string_view name, std::string_view value);
  // The value of the first "name=value".
  std::optional<std::string_view> value_of(std::string_view name) const;
  // Empty again; keeps its capacity for the next invocation, unless it has grown large.
  void clear();

  std::size_t count() const { return count_; }
  // Every string followed by a NUL, in order.
  ByteSpan block() const { return as_bytes(block_); }
  // Bytes of storage that are held now.
  std::size_t capacity_bytes() const { return block_.capacity(); }

 private:
  bool fits(std::size_t size) const;
  void make_room(std::size_t size);
  void wipe_secrets();

  Limits limits_;
  std::string block_;
  std::size_t count_ = 0;
  bool has_secrets_ = false;
};

}  // namespace godwit::wasi
