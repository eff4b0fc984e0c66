// SPDX-License-Identifier: Apache-2.0
//
// Prints every environment variable, sorted by bytes: the CGI variables of RFC 3875, the request's
// headers as HTTP_*, the query parameters, and what NAME.toml adds.

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char** environ;

static int compare(const void* left, const void* right) {
  return strcmp(*(const char* const*)left, *(const char* const*)right);
}

// Control characters would let a value look like several variables.
static void print_escaped(const char* text) {
  for (; *text != '\0'; ++text) {
    const unsigned char c = (unsigned char)*text;
    if (c == '\\') {
      fputs("\\\\", stdout);
    } else if (iscntrl(c)) {
      printf("\\x%02x", c);
    } else {
      putchar(c);
    }
  }
  putchar('\n');
}

int main(void) {
  size_t count = 0;
  while (environ[count] != NULL) {
    ++count;
  }
  qsort(environ, count, sizeof(char*), compare);
  for (size_t i = 0; i < count; ++i) {
    print_escaped(environ[i]);
  }
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
