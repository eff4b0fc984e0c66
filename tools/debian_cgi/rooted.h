// For the reference that man2html.wasm is compared with: Debian's sources compiled for this
// machine, with real processes and pipes. Files that they name absolutely are taken below the
// folder $ROOT, where the test puts its pages and what is to be started.
#pragma once

// Before the macros below, which must not change the declarations in them.
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline char* rooted(const char* path) {
  static char places[4][PATH_MAX];
  static int next = 0;
  char* const place = places[next++ % 4];
  const char* const root = getenv("ROOT");
  snprintf(place, PATH_MAX, "%s%s", *path == '/' && root != NULL ? root : "", path);
  return place;
}

// man2html finds its page below $ROOT by itself; gzip must be told.
static inline int execv_rooted(const char* path, char** arguments) {
  for (int i = 1; strcmp(path, "/bin/gzip") == 0 && arguments[i] != NULL; ++i) {
    arguments[i] = rooted(arguments[i]);
  }
  return execv(rooted(path), arguments);
}

#define chdir(path) chdir(rooted(path))
#define execv(path, arguments) execv_rooted(path, arguments)
#define fopen(path, mode) fopen(rooted(path), mode)
#define opendir(path) opendir(rooted(path))
#define stat(path, status) stat(rooted(path), status)
