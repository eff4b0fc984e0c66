// RoutePath: the path of a request as routes see it: decoded once, judged, and cut into segments
// at the slashes that were sent (an encoded slash, %2F, stays in its segment).
//
//   RoutePath path;                        // reused: does not allocate for what is not encoded
//   if (auto parsed = path.parse("/b/a%20b/"); !parsed) return fail(…);   // kBadPath: 400
//   path.size();                           // 3: "b", "a b", and "" after the last slash
//   path.from(1);                          // "/a b/"
//
// One thread; the views end with the next parse(), or with the text that was given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/route_pattern.h"

namespace godwit::gateway {

// What a wildcard of the route took: a variable of the function.
struct PathParameter {
  std::string_view variable;  // "PATH_PARAM_ID"
  std::string_view value;     // decoded
};

class RoutePath final {
 public:
  // Segments beyond these are there as text only (from()): no pattern tells them apart.
  static constexpr std::size_t kMaxSegments = kMaxPatternSegments + 1;

  // Errors: kBadPath, http::decode_path's rules, but that an encoded slash is allowed; a dot
  // segment that appears by decoding one is not.
  Result<void> parse(std::string_view raw);

  std::string_view text() const { return text_; }  // decoded
  std::string_view raw() const { return raw_; }
  bool has_encoded_slash() const { return has_encoded_slash_; }
  // At least 1 after parse(), at most kMaxSegments. The last is empty when the path ends with a
  // slash.
  std::size_t size() const { return size_; }
  std::string_view segment(std::size_t index) const {
    const std::size_t begin = slashes_[index] + std::size_t{1};
    return text_.substr(begin, slashes_[index + 1] - begin);
  }
  // Bytes of storage that are held now.
  std::size_t held_bytes() const { return decoded_.capacity(); }
  bool ends_with_slash() const { return raw_.ends_with('/'); }
  // The text before segment `index`, and from the slash before it on. `index` may be size(): all
  // of the segments that are counted, and what is beyond them.
  std::string_view before(std::size_t index) const { return text_.substr(0, slashes_[index]); }
  std::string_view from(std::size_t index) const { return text_.substr(slashes_[index]); }

 private:
  void cut();

  std::string decoded_;
  std::string_view raw_;
  std::string_view text_;
  bool has_encoded_slash_ = false;
  std::size_t size_ = 0;
  // Where the slash before each segment stands in text_; after the last, where that one ends.
  std::array<std::uint32_t, kMaxSegments + 1> slashes_{};
};

}  // namespace godwit::gateway
