// SPDX-License-Identifier: Apache-2.0
//
// Counts down from `?from=`, a line every 200 ms. What a function has written reaches the client
// while the function waits, so the lines arrive one by one.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
  kDefaultFrom = 5,
  kMaxFrom = 100,  // 20 s; Godwit ends a request after 30 s unless configured otherwise.
};

static const struct timespec kPause = {.tv_sec = 0, .tv_nsec = 200 * 1000 * 1000};

// Missing, empty and malformed values give the default, those out of range the nearest limit.
static long parameter_from(void) {
  const char* text = getenv("from");
  if (text == NULL || *text == '\0') {
    return kDefaultFrom;
  }
  char* end = NULL;
  const long value = strtol(text, &end, 10);  // Clamps what does not fit.
  if (end == text || *end != '\0') {
    return kDefaultFrom;
  }
  return value < 1 ? 1 : value > kMaxFrom ? kMaxFrom : value;
}

int main(void) {
  for (long left = parameter_from(); left > 0; --left) {
    printf("%ld\n", left);
    // Without the flush, all lines would wait in the C library's buffer for the end. A failure
    // means that nobody is listening any more: don't sleep for them.
    if (fflush(stdout) != 0) {
      return EXIT_FAILURE;
    }
    nanosleep(&kPause, NULL);
  }
  puts("Lift-off!");
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
