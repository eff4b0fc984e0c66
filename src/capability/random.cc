#include "capability/random.h"

#include <cerrno>
#include <cstring>

#include <sys/random.h>

#include "base/check.h"
#include "base/error.h"

namespace godwit::capability {
namespace {

// Reads of more than 256 bytes may be interrupted and then are short (getrandom(2)).
void fill_from_kernel(MutableByteSpan out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      CHECK(errno == EINTR, errno_text());
      continue;
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace

SystemRandom::~SystemRandom() { ::explicit_bzero(buffer_.data(), buffer_.size()); }

void SystemRandom::fill(MutableByteSpan out) {
  if (out.size() >= kBufferBytes) return fill_from_kernel(out);
  if (out.empty()) return;
  if (out.size() > left_) {
    fill_from_kernel(buffer_);
    left_ = kBufferBytes;
  }
  std::byte* const next = buffer_.data() + (kBufferBytes - left_);
  std::memcpy(out.data(), next, out.size());
  ::explicit_bzero(next, out.size());
  left_ -= out.size();
}

}  // namespace godwit::capability
