#include "base/secret.h"

#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

namespace godwit {

Secret::Secret(std::string_view text) : size_(text.size()) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  mapped_bytes_ = (size_ / page + 1) * page;
  void* const pages =
      ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  // Both are best effort: old kernels and small RLIMIT_MEMLOCKs refuse, and the text is still ours.
  ::madvise(pages, mapped_bytes_, MADV_DONTDUMP);
  ::madvise(pages, mapped_bytes_, MADV_WIPEONFORK);
  pages_ = static_cast<char*>(pages);
  if (size_ != 0) std::memcpy(pages_, text.data(), size_);
  ::mprotect(pages, mapped_bytes_, PROT_READ);
}

Secret::~Secret() {
  if (::mprotect(pages_, mapped_bytes_, PROT_READ | PROT_WRITE) == 0) wipe(pages_, mapped_bytes_);
  ::munmap(pages_, mapped_bytes_);
}

void wipe(void* data, std::size_t size) { ::explicit_bzero(data, size); }

}  // namespace godwit
