// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4) of a message that arrives in pieces. A Sha256 is 112 bytes however long the
// message is; it belongs to one thread.
//
//   Sha256 hash;
//   sha256_init(&hash);
//   while ((n = read(fd, buffer, sizeof buffer)) > 0) sha256_update(&hash, buffer, n);
//   uint8_t digest[kSha256Size];
//   sha256_final(&hash, digest);

#ifndef SHA256_H_
#define SHA256_H_

#include <stddef.h>
#include <stdint.h>

enum { kSha256Size = 32, kSha256BlockSize = 64 };  // Bytes.

typedef struct {
  uint32_t state[8];
  uint64_t size;                    // Bytes so far; the message may have up to 2^61 - 1.
  uint8_t block[kSha256BlockSize];  // The bytes that do not fill a block yet.
} Sha256;

void sha256_init(Sha256* hash);
void sha256_update(Sha256* hash, const void* data, size_t size);

// Afterwards the hash must be initialised again before it is used for another message.
void sha256_final(Sha256* hash, uint8_t digest[kSha256Size]);

#endif  // SHA256_H_
