#include "registry/memory_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace godwit::registry {

Result<Fd> make_memory_file(const char* name) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) {
    return fail(ErrorCode::kSystemCall, fmt::format("memfd_create: {}", errno_text()));
  }
  return fd;
}

Result<void> seal(int fd) {
  constexpr int kAll = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  if (::fcntl(fd, F_ADD_SEALS, kAll) != 0) {
    return fail(ErrorCode::kSystemCall, fmt::format("sealing a memory file: {}", errno_text()));
  }
  return {};
}

Result<Fd> sealed_copy(const char* name, ByteSpan bytes) {
  auto file = make_memory_file(name);
  if (!file) return file;
  if (auto written = write_all(file->get(), bytes); !written) return fail(written.error());
  if (auto sealed = seal(file->get()); !sealed) return fail(sealed.error());
  return file;
}

Result<void> write_all(int fd, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail(ErrorCode::kSystemCall, fmt::format("write: {}", errno_text()));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<bool> read_exactly(int fd, MutableByteSpan out, std::uint64_t offset) {
  while (!out.empty()) {
    const ssize_t count = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail(ErrorCode::kSystemCall, fmt::format("read: {}", errno_text()));
    }
    if (count == 0) return false;
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

Result<Mapping> Mapping::open(int fd, std::size_t size) {
  if (size == 0) return Mapping(nullptr, 0);  // mmap refuses a length of zero
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) {
    return fail(ErrorCode::kSystemCall, fmt::format("mmap of {} bytes: {}", size, errno_text()));
  }
  return Mapping(address, size);
}

Mapping::Mapping(Mapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping::~Mapping() {
  if (address_ != nullptr) ::munmap(address_, size_);
}

}  // namespace godwit::registry
