#include "http/fields.h"

#include <algorithm>
#include <cstring>

#include "http/ascii.h"

namespace godwit::http {
namespace {

constexpr std::size_t kFirstBlockBytes = 1024;
constexpr std::size_t kBlockBytes = 4096;

}  // namespace

bool Fields::fits(std::string_view name, std::string_view value) const {
  // Written so that no sum can overflow, whatever the lengths are.
  if (fields_.size() >= limits_.max_count || bytes_ > limits_.max_bytes) return false;
  const std::size_t left = limits_.max_bytes - bytes_;
  return name.size() <= left && value.size() <= left - name.size();
}

bool Fields::append(std::string_view name, std::string_view value) {
  if (!fits(name, value)) return false;
  return append_view(copy(name), copy(value));
}

bool Fields::append_view(std::string_view name, std::string_view value) {
  if (!fits(name, value)) return false;
  fields_.push_back({name, value});
  bytes_ += name.size() + value.size();
  return true;
}

std::size_t Fields::remove(std::string_view name) {
  return std::erase_if(
      fields_, [name](const Field& field) { return equals_ignoring_case(field.name, name); });
}

void Fields::clear() {
  fields_.clear();
  bytes_ = 0;
  if (blocks_.size() > 1) blocks_.resize(1);
  if (!blocks_.empty()) blocks_.front().used = 0;
  if (!blocks_.empty() && blocks_.front().capacity > kBlockBytes) blocks_.clear();
}

std::optional<std::string_view> Fields::get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields_.begin(), fields_.end(),
                    [name](const Field& field) { return equals_ignoring_case(field.name, name); }));
}

std::string_view Fields::copy(std::string_view text) {
  if (text.empty()) return {};
  if (blocks_.empty() || blocks_.back().capacity - blocks_.back().used < text.size()) {
    const std::size_t usual = blocks_.empty() ? kFirstBlockBytes : kBlockBytes;
    const std::size_t capacity = std::max(usual, text.size());
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(capacity), capacity, 0});
  }
  Block& block = blocks_.back();
  char* const start = block.data.get() + block.used;
  std::memcpy(start, text.data(), text.size());
  block.used += text.size();
  return {start, text.size()};
}

}  // namespace godwit::http
