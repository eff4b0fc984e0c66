// See man2html.h. The CGI program does, for a compressed page,
//
//   pipe(ends); fork(); in the child: execv("/bin/gzip -d -c PAGE") into the pipe
//   execv("/usr/bin/man2html -D PAGE") with the pipe as its stdin
//
// and here only the parent's half happens: its last step unpacks the page and calls the converter.
#include "man2html.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

FILE* converter_stdin;

// What `gzip -d -c PATH` would print. A damaged page ends where the damage is; one that can't be
// read is empty, as it would be out of a pipe.
static FILE* unpack(const char* path) {
  size_t size = 0, capacity = 1 << 16;
  char* text = malloc(capacity);
  gzFile packed = text != NULL ? gzopen(path, "rb") : NULL;
  while (packed != NULL) {
    const int got = gzread(packed, text + size, (unsigned)(capacity - size));
    if (got <= 0) break;
    size += (size_t)got;
    if (size < capacity) continue;
    char* const larger = realloc(text, 2 * capacity);
    if (larger == NULL) break;
    text = larger;
    capacity *= 2;
  }
  if (packed != NULL) gzclose_r(packed);
  if (text == NULL) return NULL;
  // A stream over nothing is an error to fmemopen().
  if (size == 0) text[size++] = '\n';
  return fmemopen(text, size, "r");
}

// The reading end is the standard input already, so the caller moves nothing.
int pipe(int ends[2]) {
  ends[0] = STDIN_FILENO;
  ends[1] = -1;
  return 0;
}

// To the caller it succeeded, and it is the parent.
pid_t fork(void) { return 1; }

// The child's; it never runs.
int dup2(int from, int to) {
  (void)from, (void)to;
  errno = ENOTSUP;
  return -1;
}

// man2html [-l] PAGE, or man2html [-l] -D PAGE for a page that comes by the pipe.
int execv(const char* path, char* const arguments[]) {
  (void)path;
  int count = 0;
  for (; arguments[count] != NULL; ++count) {
    if (count > 0 && strcmp(arguments[count - 1], "-D") == 0) {
      converter_stdin = unpack(arguments[count]);
    }
  }
  exit(converter_main(count, (char**)arguments));
}

// The converter's way to a compressed page that another one includes: GUNZIP 'PAGE'.
FILE* popen(const char* command, const char* mode) {
  (void)mode;
  const char* const begin = strchr(command, '\'');
  const char* const end = strrchr(command, '\'');
  if (begin == end) return NULL;
  char* const path = strndup(begin + 1, (size_t)(end - begin - 1));
  FILE* const page = path != NULL ? unpack(path) : NULL;
  free(path);
  return page;
}
