// Secret: a text that must not leak: kept in pages of its own that core dumps leave out
// (MADV_DONTDUMP), never printed (there is no operator<<, no fmt formatter, no comparison), wiped
// when it ends. Whoever needs it says reveal(), which is easy to search for.
//
//   auto secret = std::make_shared<const Secret>("hunter2");
//   environment.add_variable("API_KEY", secret->reveal());
//
// Immutable; safe from any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace godwit {

class Secret final {
 public:
  // Copies `text`; the caller wipes its own copy (wipe() helps).
  explicit Secret(std::string_view text);
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  std::string_view reveal() const { return {pages_, size_}; }
  std::size_t size() const { return size_; }

 private:
  char* pages_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_bytes_ = 0;
};

// Overwrites so that the compiler does not leave it out.
void wipe(void* data, std::size_t size);

}  // namespace godwit
