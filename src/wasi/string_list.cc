#include "wasi/string_list.h"

namespace godwit::wasi {
namespace {

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

bool StringList::add(std::string_view text) {
  if (has_nul(text) || !fits(text.size())) return false;
  block_.append(text).push_back('\0');
  ++count_;
  return true;
}

bool StringList::add_variable(std::string_view name, std::string_view value) {
  if (name.empty() || name.find('=') != std::string_view::npos) return false;
  if (has_nul(name) || has_nul(value)) return false;
  if (name.size() > limits_.bytes || value.size() > limits_.bytes) return false;
  if (!fits(name.size() + 1 + value.size())) return false;
  block_.append(name).append("=").append(value).push_back('\0');
  ++count_;
  return true;
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
  block_.clear();
  count_ = 0;
}

bool StringList::fits(std::size_t size) const {
  return count_ < limits_.count && size < limits_.bytes && block_.size() < limits_.bytes - size;
}

}  // namespace godwit::wasi
