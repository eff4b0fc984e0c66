#include "wasi/descriptor_table.h"

#include <utility>

namespace godwit::wasi {

Descriptor* DescriptorTable::find(Fd fd) {
  const auto number = static_cast<std::uint32_t>(fd);
  if (number >= first_.size() + more_.size()) return nullptr;
  Descriptor& descriptor = at(number);
  return descriptor.open() ? &descriptor : nullptr;
}

Errno DescriptorTable::add(Descriptor&& descriptor, Fd& number) {
  std::size_t free = 0;
  const std::size_t size = first_.size() + more_.size();
  while (free < size && at(free).open()) ++free;
  if (free >= kMaxDescriptors) return Errno::kMfile;
  if (free == size) more_.emplace_back();
  at(free) = std::move(descriptor);
  number = Fd{static_cast<std::uint32_t>(free)};
  return Errno::kSuccess;
}

}  // namespace godwit::wasi
