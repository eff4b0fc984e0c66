// A guest that does what its caller says: the variable `run` holds steps, divided by '|', each a
// word and its argument:
//
//   ?run=print+hello|sleep+100|fill+65536|exit+3
//
// Without `run`, argv[1] holds them. Output is not buffered: each step writes at once.

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char** environ;
static char** arguments;
static char buffer[1 << 16];

static void write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written <= 0) {
      dprintf(2, "write: %s\n", strerror(errno));
      _Exit(70);
    }
    data += written;
    size -= (size_t)written;
  }
}

static void write_text(const char* text) { write_all(1, text, strlen(text)); }

static size_t read_some(size_t most) {
  const ssize_t got = read(0, buffer, most < sizeof(buffer) ? most : sizeof(buffer));
  if (got < 0) {
    dprintf(2, "read: %s\n", strerror(errno));
    _Exit(71);
  }
  return (size_t)got;
}

static void sleep_ms(long ms) {
  struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  while (ms > 0 && nanosleep(&left, &left) != 0) {
  }
}

static int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

static void step_hex(const char* text) {
  for (; text[0] != '\0' && text[1] != '\0'; text += 2) {
    const char byte = (char)(hex_digit(text[0]) * 16 + hex_digit(text[1]));
    write_all(1, &byte, 1);
  }
}

// fill BYTES [PIECE [MS]]: the digits 0 to 9 over and over, in pieces, MS after each.
static void step_fill(const char* text) {
  unsigned long left = 0, piece = sizeof(buffer), ms = 0, at = 0;
  sscanf(text, "%lu %lu %lu", &left, &piece, &ms);
  while (left > 0) {
    size_t size = piece < sizeof(buffer) ? piece : sizeof(buffer);
    if (size > left) size = left;
    for (size_t i = 0; i < size; ++i) buffer[i] = (char)('0' + (at + i) % 10);
    write_all(1, buffer, size);
    left -= size;
    at += size;
    sleep_ms((long)ms);
  }
}

static void step_cat(void) {
  for (size_t got; (got = read_some(sizeof(buffer))) > 0;) write_all(1, buffer, got);
}

// hash [PIECE [MS]]: reads stdin in pieces, waiting MS after each; 64-bit FNV-1a.
static void step_hash(const char* text) {
  unsigned long piece = sizeof(buffer), ms = 0;
  sscanf(text, "%lu %lu", &piece, &ms);
  uint64_t hash = 0xcbf29ce484222325u;
  unsigned long long total = 0;
  for (size_t got; (got = read_some(piece)) > 0; total += got) {
    for (size_t i = 0; i < got; ++i) hash = (hash ^ (unsigned char)buffer[i]) * 0x100000001b3u;
    sleep_ms((long)ms);
  }
  dprintf(1, "%llu %016llx\n", total, (unsigned long long)hash);
}

// read MOST: one read; prints how many bytes came.
static void step_read(const char* text) {
  dprintf(1, "%lu\n", (unsigned long)read_some((size_t)atol(text)));
}

// errors LINES LENGTH: so many lines of so many characters to stderr.
static void step_errors(const char* text) {
  unsigned long lines = 0, length = 0;
  sscanf(text, "%lu %lu", &lines, &length);
  if (length >= sizeof(buffer)) length = sizeof(buffer) - 1;
  memset(buffer, 'e', length);
  buffer[length] = '\n';
  for (; lines > 0; --lines) write_all(2, buffer, length + 1);
}

// How many bytes can be had in pieces of 64 KiB.
static unsigned long eat(void) {
  unsigned long total = 0;
  while (__builtin_wasm_memory_grow(0, 1) != (size_t)-1) total += 65536;
  return total;
}

static volatile int zero;

static void step_trap(const char* kind) {
  if (strcmp(kind, "memory") == 0) *(volatile char*)0xfffffff0u = 1;
  if (strcmp(kind, "divide") == 0) dprintf(1, "%d", 1 / zero);
  if (strcmp(kind, "indirect") == 0) ((void (*)(void))(uintptr_t)0x7fff)();
  __builtin_trap();
}

static void write_json(const char* text) {
  write_text("\"");
  for (; *text != '\0'; ++text) {
    if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20) {
      dprintf(1, "\\u%04x", (unsigned char)*text);
    } else {
      write_all(1, text, 1);
    }
  }
  write_text("\"");
}

static void write_json_list(char** items) {
  write_text("[");
  for (char** item = items; *item != NULL; ++item) {
    if (item != items) write_text(",");
    write_json(*item);
  }
  write_text("]");
}

// {"arguments": [...], "environment": ["K=V", ...]}
static void step_dump(void) {
  write_text("{\"arguments\":");
  write_json_list(arguments);
  write_text(",\"environment\":");
  write_json_list(environ);
  write_text("}\n");
}

static void step(const char* word, const char* rest) {
  if (strcmp(word, "print") == 0)
    write_text(rest);
  else if (strcmp(word, "line") == 0)
    dprintf(1, "%s\n", rest);
  else if (strcmp(word, "hex") == 0)
    step_hex(rest);
  else if (strcmp(word, "error") == 0)
    dprintf(2, "%s\n", rest);
  else if (strcmp(word, "errors") == 0)
    step_errors(rest);
  else if (strcmp(word, "fill") == 0)
    step_fill(rest);
  else if (strcmp(word, "sleep") == 0)
    sleep_ms(atol(rest));
  else if (strcmp(word, "cat") == 0)
    step_cat();
  else if (strcmp(word, "hash") == 0)
    step_hash(rest);
  else if (strcmp(word, "read") == 0)
    step_read(rest);
  else if (strcmp(word, "eat") == 0)
    dprintf(1, "%lu\n", eat());
  else if (strcmp(word, "dump") == 0)
    step_dump();
  else if (strcmp(word, "trap") == 0)
    step_trap(rest);
  else if (strcmp(word, "spin") == 0)
    for (;;) ++zero;
  else if (strcmp(word, "exit") == 0)
    _Exit(atoi(rest));
  else {
    dprintf(2, "probe: no step \"%s\"\n", word);
    _Exit(72);
  }
}

int main(int argc, char** argv) {
  arguments = argv;
  const char* steps = getenv("run");
  if (steps == NULL) steps = argc > 1 ? argv[1] : "dump";
  char* copy = strdup(steps);
  for (char* next = copy; next != NULL;) {
    char* word = strsep(&next, "|");
    char* space = strchr(word, ' ');
    if (space != NULL) *space = '\0';
    step(word, space != NULL ? space + 1 : "");
  }
  return 0;
}
