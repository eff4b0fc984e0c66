// SPDX-License-Identifier: Apache-2.0
//
// Waits for `?ms=` milliseconds, then answers: while a function sleeps it uses no CPU time, and
// its thread serves other requests.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
  kDefaultMs = 250,
  kMaxMs = 25 * 1000,  // Godwit ends a request after 30 s unless configured otherwise.
};

// Missing, empty and malformed values give the default, those out of range the nearest limit.
static long parameter_ms(const char* name) {
  const char* text = getenv(name);
  if (text == NULL || *text == '\0') {
    return kDefaultMs;
  }
  char* end = NULL;
  const long value = strtol(text, &end, 10);  // Clamps what does not fit.
  if (end == text || *end != '\0') {
    return kDefaultMs;
  }
  return value < 0 ? 0 : value > kMaxMs ? kMaxMs : value;
}

static int sleep_ms(long ms) {
  struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000 * 1000};
  while (nanosleep(&left, &left) != 0) {
    if (errno != EINTR) {
      return -1;
    }
  }
  return 0;
}

int main(void) {
  const long ms = parameter_ms("ms");
  if (sleep_ms(ms) != 0) {
    perror("sleepy: nanosleep");
    return EXIT_FAILURE;
  }
  printf("Slept %ld ms.\n", ms);
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
