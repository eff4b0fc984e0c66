#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace godwit::detail {

void check_failed(const char* file, int line, const char* condition, const std::string& operands) {
  std::fprintf(stderr, "godwit: CHECK failed at %s:%d: %s [%s]\n", file, line, condition,
               operands.c_str());
  std::abort();
}

}  // namespace godwit::detail
