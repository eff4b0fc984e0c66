// SPDX-License-Identifier: Apache-2.0
//
// The SHA-256 and the size of the request body. The body is read as it arrives, in pieces, so that
// the memory needed does not depend on its size.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sha256.h"

int main(void) {
  static uint8_t buffer[64 * 1024];  // Static: the stack of a WASI program is 64 KiB.
  Sha256 hash;
  sha256_init(&hash);
  uint64_t size = 0;
  for (;;) {
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (count < 0) {
      perror("hash: reading the request body");
      return EXIT_FAILURE;
    }
    if (count == 0) {
      break;
    }
    sha256_update(&hash, buffer, (size_t)count);
    size += (uint64_t)count;
  }

  uint8_t digest[kSha256Size];
  sha256_final(&hash, digest);
  fputs("sha256 ", stdout);
  for (int i = 0; i < kSha256Size; ++i) {
    printf("%02x", digest[i]);
  }
  printf("\nbytes  %" PRIu64 "\n", size);
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
