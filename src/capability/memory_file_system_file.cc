// MemoryFile, and what files and folders share.
#include <algorithm>

#include "capability/clock.h"
#include "capability/memory_file_system_handles.h"

namespace godwit::capability {

MemoryHold::~MemoryHold() {
  std::unique_ptr<MemoryNode> gone;  // freed when the mutex is free again
  const std::lock_guard lock(tree_->mutex());
  gone = tree_->let_go(node_);
}

void change_memory_times(MemoryNode& node, const TimesChange& times) {
  const std::uint64_t now_ns = SystemClock().realtime_ns();
  const auto change = [now_ns](std::uint64_t& time_ns, const TimeChange& to) {
    if (to.what == TimeChange::What::kNow) time_ns = now_ns;
    if (to.what == TimeChange::What::kSet) time_ns = to.ns;
  };
  change(node.accessed_ns, times.accessed);
  change(node.modified_ns, times.modified);
  node.changed_ns = now_ns;
}

FileResult<std::size_t> MemoryFile::read(std::uint64_t offset, MutableByteSpan out, Patience) {
  if (!access_.read) return file_error(std::errc::bad_file_descriptor);
  const std::lock_guard lock(tree_.mutex());
  const std::size_t size = node_.data.read(offset, out);
  if (!out.empty()) node_.touch_access(SystemClock().realtime_ns());
  return size;
}

FileResult<std::size_t> MemoryFile::write(std::uint64_t offset, ByteSpan bytes, Patience) {
  if (!access_.write) return file_error(std::errc::bad_file_descriptor);
  const std::lock_guard lock(tree_.mutex());
  return write_locked(offset, bytes);
}

FileResult<File::Appended> MemoryFile::append(ByteSpan bytes, Patience) {
  if (!access_.write) return file_error(std::errc::bad_file_descriptor);
  const std::lock_guard lock(tree_.mutex());
  const auto written = write_locked(node_.data.size(), bytes);
  if (!written) return file_error(written.error());
  return Appended{*written, node_.data.size()};
}

FileResult<std::size_t> MemoryFile::write_locked(std::uint64_t offset, ByteSpan bytes) {
  if (bytes.empty()) return 0;
  const std::uint64_t max = size_max();
  if (offset >= max) return file_error(std::errc::file_too_large);
  const std::uint64_t end = offset + std::min<std::uint64_t>(bytes.size(), max - offset);
  const std::uint64_t fits = tree_.charge_write(node_, offset, end);
  if (fits == offset) return file_error(std::errc::no_space_on_device);
  const std::size_t count = static_cast<std::size_t>(fits - offset);
  node_.data.write(offset, bytes.first(count));
  node_.touch_content(SystemClock().realtime_ns());
  return count;
}

FileResult<NodeInfo> MemoryFile::info(Patience) {
  const std::lock_guard lock(tree_.mutex());
  return memory_node_info(node_, tree_.device());
}

FileResult<void> MemoryFile::resize(std::uint64_t size, Patience) {
  if (!access_.write) return file_error(std::errc::invalid_argument);
  const std::lock_guard lock(tree_.mutex());
  if (size >= node_.data.size()) return grow_locked(size);
  tree_.shrink(node_, size);
  node_.touch_content(SystemClock().realtime_ns());
  return {};
}

FileResult<void> MemoryFile::allocate(std::uint64_t offset, std::uint64_t size, Patience) {
  if (size == 0) return file_error(std::errc::invalid_argument);
  if (!access_.write) return file_error(std::errc::bad_file_descriptor);
  const std::lock_guard lock(tree_.mutex());
  const std::uint64_t max = size_max();
  if (offset > max || size > max - offset) return file_error(std::errc::file_too_large);
  // Inside the file the room is there: holes are charged.
  if (offset + size <= node_.data.size()) return {};
  return grow_locked(offset + size);
}

FileResult<void> MemoryFile::grow_locked(std::uint64_t size) {
  if (size > size_max()) return file_error(std::errc::file_too_large);
  if (!tree_.charge_size(node_, size)) return file_error(std::errc::no_space_on_device);
  node_.data.resize(size);
  node_.touch_content(SystemClock().realtime_ns());
  return {};
}

FileResult<void> MemoryFile::set_times(const TimesChange& times, Patience) {
  const std::lock_guard lock(tree_.mutex());
  change_memory_times(node_, times);
  return {};
}

std::uint64_t MemoryFile::size_max() const {
  // A file that was there when the limit was lowered can still be written over.
  return std::max(tree_.file_size_max(), node_.data.size());
}

}  // namespace godwit::capability
