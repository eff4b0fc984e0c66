// GuestMemory: the only way a host function touches a guest's linear memory.
//
// It lives for one host call: it is made by the engine on the stack, can be neither copied nor
// stored, and is gone when the host function returns, so nothing of it survives a suspension (the
// guest may have grown by then, the slot may be another's). It never gives out a pointer or a
// std::span: bytes are copied in and out, which also keeps guest addresses away from system calls
// (a kernel write into a write-protected page fails with EFAULT instead of faulting).
//
//   const std::optional<GuestSlice> out = call.memory().slice(buffer, length);
//   if (!out) return errno_fault();
//   out->copy_from(host_bytes);
//
// Every address and length comes from a hostile guest; every access is checked against the size
// that the memory has now. Not thread-safe; use only on the thread that runs the host call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace godwit::engine {

class GuestMemory;

// A checked range of guest memory. As short-lived as the GuestMemory that it came from.
class GuestSlice final {
 public:
  GuestSlice(const GuestSlice&) = delete;
  GuestSlice& operator=(const GuestSlice&) = delete;
  GuestSlice(GuestSlice&&) = default;  // for std::optional<GuestSlice>
  GuestSlice& operator=(GuestSlice&&) = delete;

  std::size_t size() const { return size_; }
  // Guest → host: copies min(size(), out.size()) bytes, starting `offset` into the slice; returns
  // how many; none beyond its end.
  std::size_t copy_to(std::span<std::byte> out, std::size_t offset = 0) const {
    const std::size_t left = offset < size_ ? size_ - offset : 0;
    const std::size_t count = left < out.size() ? left : out.size();
    if (count != 0) std::memcpy(out.data(), base_ + offset, count);
    return count;
  }
  // Host → guest, the same way round.
  std::size_t copy_from(std::span<const std::byte> in, std::size_t offset = 0) const {
    const std::size_t left = offset < size_ ? size_ - offset : 0;
    const std::size_t count = left < in.size() ? left : in.size();
    if (count != 0) std::memcpy(base_ + offset, in.data(), count);
    return count;
  }

 private:
  friend class GuestMemory;
  GuestSlice(std::byte* base, std::size_t size) : base_(base), size_(size) {}

  std::byte* base_;
  std::size_t size_;
};

class GuestMemory final {
 public:
  // For engines only: the memory's base and its present size in bytes.
  GuestMemory(std::byte* base, std::size_t size) : base_(base), size_(size) {}
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  std::size_t size() const { return size_; }

  // The range [address, address + length), or nothing when it leaves the memory.
  std::optional<GuestSlice> slice(std::uint64_t address, std::uint64_t length) const {
    if (length > size_ || address > size_ - length) return std::nullopt;
    return GuestSlice(base_ + address, static_cast<std::size_t>(length));
  }
  // One little-endian value; unaligned addresses are fine.
  template <class T>
  std::optional<T> load(std::uint64_t address) const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (sizeof(T) > size_ || address > size_ - sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, base_ + address, sizeof(T));
    return value;
  }
  template <class T>
  [[nodiscard]] bool store(std::uint64_t address, const T& value) const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (sizeof(T) > size_ || address > size_ - sizeof(T)) return false;
    std::memcpy(base_ + address, &value, sizeof(T));
    return true;
  }

 private:
  std::byte* base_;
  std::size_t size_;
};

}  // namespace godwit::engine
