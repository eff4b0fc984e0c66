// Memory files (memfd): bytes that are passed between processes or mapped by an engine, sealed so
// that nobody can change or shrink them any more. And the reads and writes that go on until all is
// done. Free functions; safe from any thread.
//
//   auto file = make_memory_file("module");
//   write_all(file->get(), bytes);
//   seal(file->get());
//   auto mapping = Mapping::open(file->get(), bytes.size());
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"

namespace godwit::registry {

// A new empty memory file. Errors: kSystemCall.
Result<Fd> make_memory_file(const char* name);
// No more growing, shrinking, writing or further sealing. REQUIRES: no writable mapping exists.
Result<void> seal(int fd);
// A sealed copy of `bytes`.
Result<Fd> sealed_copy(const char* name, ByteSpan bytes);

// Writes all of `bytes` at the file's position. Errors: kSystemCall.
Result<void> write_all(int fd, ByteSpan bytes);
// Reads exactly out.size() bytes from `offset`; false when the file ends before. Errors:
// kSystemCall.
Result<bool> read_exactly(int fd, MutableByteSpan out, std::uint64_t offset);

// A read-only private mapping of the first `size` bytes of a file. Only for files that can't
// shrink (sealed ones): reading a page that is gone raises SIGBUS.
class Mapping final {
 public:
  static Result<Mapping> open(int fd, std::size_t size);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&&) = delete;
  Mapping(const Mapping&) = delete;
  ~Mapping();

  ByteSpan bytes() const { return {static_cast<const std::byte*>(address_), size_}; }

 private:
  Mapping(void* address, std::size_t size) : address_(address), size_(size) {}

  void* address_;
  std::size_t size_;
};

}  // namespace godwit::registry
