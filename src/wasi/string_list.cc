#include "wasi/string_list.h"

#include <algorithm>
#include <utility>

#include "base/secret.h"

namespace godwit::wasi {
namespace {

// One request of the largest kind must not make its connection large for good.
constexpr std::size_t kKeptBytes = std::size_t{8} << 10;

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

StringList& StringList::operator=(StringList other) noexcept {
  std::swap(limits_, other.limits_);
  std::swap(block_, other.block_);
  std::swap(count_, other.count_);
  std::swap(has_secrets_, other.has_secrets_);
  return *this;
}

bool StringList::add(std::string_view text) {
  if (has_nul(text) || !fits(text.size())) return false;
  make_room(text.size() + 1);
  block_.append(text).push_back('\0');
  ++count_;
  return true;
}

bool StringList::add_variable(std::string_view name, std::string_view value) {
  if (name.empty() || name.find('=') != std::string_view::npos) return false;
  if (has_nul(name) || has_nul(value)) return false;
  if (name.size() > limits_.bytes || value.size() > limits_.bytes) return false;
  if (!fits(name.size() + 1 + value.size())) return false;
  make_room(name.size() + value.size() + 2);
  block_.append(name).append("=").append(value).push_back('\0');
  ++count_;
  return true;
}

bool StringList::add_secret_variable(std::string_view name, std::string_view value) {
  has_secrets_ = true;  // also when it is refused: that costs no more than a wipe
  return add_variable(name, value);
}

std::optional<std::string_view> StringList::value_of(std::string_view name) const {
  std::string_view rest = block_;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
    rest.remove_prefix(entry.size() + 1);
  }
  return {};
}

void StringList::clear() {
  wipe_secrets();
  block_.clear();
  if (block_.capacity() > kKeptBytes) std::string().swap(block_);
  count_ = 0;
}

// A string that grows by itself frees its old memory as it is.
void StringList::make_room(std::size_t size) {
  if (!has_secrets_ || block_.capacity() - block_.size() >= size) return;
  std::string larger;
  larger.reserve(std::max(2 * block_.capacity(), block_.size() + size));
  larger.append(block_);
  wipe(block_.data(), block_.size());
  block_.swap(larger);
}

void StringList::wipe_secrets() {
  if (!has_secrets_) return;
  wipe(block_.data(), block_.size());
  has_secrets_ = false;
}

bool StringList::fits(std::size_t size) const {
  return count_ < limits_.count && size < limits_.bytes && block_.size() < limits_.bytes - size;
}

}  // namespace godwit::wasi
