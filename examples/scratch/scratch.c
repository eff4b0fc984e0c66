// Sorts the lines of the request's body by way of a file in its private /tmp: writes them down,
// reads them back, and leaves nothing behind, because the folder ends with the request.
// Without a body it greets ?name= from a file; with ?file=none it greets without one.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kPath[] = "/tmp/scratch.txt";

static int compare(const void* left, const void* right) {
  return strcmp(*(const char* const*)left, *(const char* const*)right);
}

static void fail(const char* what) {
  perror(what);
  exit(1);
}

// Copies all of one stream to another; the number of bytes.
static size_t copy(FILE* from, FILE* to) {
  char buffer[4096];
  size_t total = 0, size;
  while ((size = fread(buffer, 1, sizeof(buffer), from)) > 0) {
    if (fwrite(buffer, 1, size, to) != size) fail(kPath);
    total += size;
  }
  return total;
}

static void print_sorted(char* text) {
  size_t count = 0, room = 64;
  char** lines = malloc(room * sizeof(*lines));
  for (char* line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    if (count == room) lines = realloc(lines, (room *= 2) * sizeof(*lines));
    lines[count++] = line;
  }
  qsort(lines, count, sizeof(*lines), compare);
  for (size_t i = 0; i < count; ++i) puts(lines[i]);
}

int main(void) {
  const char* const given = getenv("name");
  const char* const name = given != NULL && *given != '\0' ? given : "World";
  const char* const file_choice = getenv("file");
  if (file_choice != NULL && strcmp(file_choice, "none") == 0) {
    printf("Hello, %s!\n", name);
    return 0;
  }
  FILE* const file = fopen(kPath, "w+");
  if (file == NULL) fail(kPath);
  const size_t size = copy(stdin, file);
  if (size == 0 && fprintf(file, "Hello, %s!\n", name) < 0) fail(kPath);
  rewind(file);
  if (size == 0) {
    copy(file, stdout);
    return 0;
  }
  char* const text = calloc(size + 1, 1);
  if (fread(text, 1, size, file) != size) fail(kPath);
  print_sorted(text);
  return 0;
}
