#include "gateway/route_path.h"

#include <algorithm>
#include <limits>

#include "http/query.h"

namespace godwit::gateway {

Result<void> RoutePath::parse(std::string_view raw) {
  raw_ = text_ = {};
  size_ = 0;
  has_encoded_slash_ = false;
  if (raw.size() > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorCode::kBadPath, "the path is too long");
  }
  auto text = http::decode_path(raw, decoded_, http::EncodedSlash::kDecoded);
  if (!text) return fail(std::move(text.error()));
  raw_ = raw;
  text_ = *text;
  cut();
  return {};
}

// Decoding makes one byte of three, so places in the raw text say where they are in the decoded.
void RoutePath::cut() {
  const bool encoded = text_.size() != raw_.size();
  std::size_t raw_slash = 0;
  std::size_t slash = 0;
  while (size_ < kMaxSegments) {
    slashes_[size_++] = static_cast<std::uint32_t>(slash);
    const std::size_t next = std::min(raw_.find('/', raw_slash + 1), raw_.size());
    std::size_t bytes = next - raw_slash;
    if (encoded) {
      const std::string_view segment = raw_.substr(raw_slash, bytes);
      bytes -= 2 * static_cast<std::size_t>(std::count(segment.begin(), segment.end(), '%'));
    }
    slash += bytes;
    raw_slash = next;
    if (next == raw_.size()) break;
  }
  slashes_[size_] = static_cast<std::uint32_t>(slash);
  if (!encoded) return;
  const auto sent = std::count(raw_.begin(), raw_.end(), '/');
  has_encoded_slash_ = std::count(text_.begin(), text_.end(), '/') != sent;
}

}  // namespace godwit::gateway
