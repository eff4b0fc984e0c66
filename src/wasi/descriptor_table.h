// DescriptorTable: what a guest has open, by number. The first few stand in the table itself, so
// that a guest which opens nothing costs no allocation.
//
//   Fd number{};
//   if (const Errno error = table.add({.file = file, .rights = rights}, number); …)
//   if (Descriptor* const descriptor = table.find(fd)) …
//
// Belongs to one invocation. A Descriptor* is valid until the next add().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "capability/file_system.h"
#include "capability/grants.h"
#include "capability/stream.h"
#include "wasi/abi.h"

namespace godwit::wasi {

// An open file descriptor. One of the first five says what it is, when it is open at all.
struct Descriptor {
  capability::InputStream* input = nullptr;
  capability::OutputStream* output = nullptr;
  std::shared_ptr<capability::File> file;
  std::shared_ptr<capability::Folder> folder;    // of a grant: only when it was touched
  bool device_folder = false;                    // /dev with the streams (devices.cc)
  bool readable = false;                         // a file's open mode; rights may forbid more
  bool writable = false;                         // likewise
  std::uint16_t flags = 0;                       // fdflags
  const capability::FileGrant* grant = nullptr;  // a preopened folder
  std::uint64_t position = 0;                    // of a file
  std::uint64_t rights = 0;
  std::uint64_t inheriting = 0;  // what is opened below may have of rights

  bool is_folder() const { return folder != nullptr || grant != nullptr; }
  bool open() const {
    return input != nullptr || output != nullptr || file != nullptr || is_folder() || device_folder;
  }
  bool may(std::uint64_t needed) const { return (rights & needed) == needed; }
};

class DescriptorTable final {
 public:
  // More at once: kMfile.
  static constexpr std::size_t kMaxDescriptors = 1024;

  // The descriptor of that number, or null when it is not open.
  Descriptor* find(Fd fd);
  // Under the lowest free number. Errors: kMfile, and `descriptor` is left as it was.
  Errno add(Descriptor&& descriptor, Fd& number);

  template <class Visitor>
  void for_each(Visitor visit) {
    for (Descriptor& each : first_) visit(each);
    for (Descriptor& each : more_) visit(each);
  }

 private:
  Descriptor& at(std::size_t number) {
    return number < first_.size() ? first_[number] : more_[number - first_.size()];
  }

  std::array<Descriptor, 6> first_;
  std::vector<Descriptor> more_;
};

}  // namespace godwit::wasi
