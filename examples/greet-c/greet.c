// SPDX-License-Identifier: Apache-2.0
//
// A query parameter is an environment variable, and standard output is the answer.

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const char* name = getenv("name");
  if (name == NULL || *name == '\0') {
    name = "World";
  }
  printf("Hello, %s!\n", name);
  // Output is buffered: only flushing tells whether it was written.
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
