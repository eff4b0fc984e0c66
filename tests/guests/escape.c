// A hostile guest: tries to reach a canary outside of the folder that it was handed (descriptor 3).
//
//   escape paths SECONDS   every operation on every path that could lead out (a table, and what
//                          stands in the folder's file "paths", a path a line)
//   escape flip SECONDS    swaps the folder "swap" for a symbolic link that leads out and back
//   escape turn SECONDS    moves the folder "deep/a" away and back while others pass through it
//
// Whatever it reads it prints; the canary's text must never be among it. Exit 0.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wasi/api.h>

#define FOLDER 3
#define ALL_RIGHTS (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE)

static unsigned long attempts, entered;

static int open_at(int folder, const char* path, unsigned lookup, unsigned flags, uint64_t rights) {
  __wasi_fd_t fd = 0;
  ++attempts;
  if (__wasi_path_open(folder, lookup, path, flags, rights, ~0ULL, 0, &fd) != 0) return -1;
  return (int)fd;
}

static void show(int fd) {
  uint8_t bytes[512];
  __wasi_iovec_t buffer = {bytes, sizeof(bytes)};
  __wasi_size_t size = 0;
  if (__wasi_fd_pread(fd, &buffer, 1, 0, &size) == 0 && size != 0) {
    fwrite(bytes, 1, size, stdout);
    putchar('\n');
  }
}

static void spoil(int fd) {
  const __wasi_ciovec_t text = {(const uint8_t*)"SPOILED", 7};
  __wasi_size_t size = 0;
  (void)!__wasi_fd_pwrite(fd, &text, 1, 0, &size);
  (void)!__wasi_fd_filestat_set_size(fd, 3);
  (void)!__wasi_fd_filestat_set_times(fd, 1, 1, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM);
}

static void list(int folder) {
  uint8_t bytes[4096];
  __wasi_size_t size = 0;
  if (__wasi_fd_readdir(folder, bytes, sizeof(bytes), 0, &size) != 0) return;
  for (__wasi_size_t i = 0; i < size; ++i) {
    if (bytes[i] >= ' ' && bytes[i] < 127) putchar(bytes[i]);
  }
  putchar('\n');
}

// Everything that can be tried with one path.
static void attack(const char* path) {
  char link[256];
  __wasi_size_t size = 0;
  __wasi_filestat_t info;
  for (unsigned lookup = 0; lookup <= 1; ++lookup) {
    int fd = open_at(FOLDER, path, lookup, 0, __WASI_RIGHTS_FD_READ);
    if (fd >= 0) show(fd), ++entered, (void)!__wasi_fd_close(fd);
    fd = open_at(FOLDER, path, lookup, 0, ALL_RIGHTS);
    if (fd >= 0) show(fd), spoil(fd), (void)!__wasi_fd_close(fd);
    fd = open_at(FOLDER, path, lookup, __WASI_OFLAGS_CREAT | __WASI_OFLAGS_TRUNC, ALL_RIGHTS);
    if (fd >= 0) spoil(fd), (void)!__wasi_fd_close(fd);
    fd = open_at(FOLDER, path, lookup, __WASI_OFLAGS_DIRECTORY, 0);
    if (fd >= 0) {
      list(fd);
      const int inner = open_at(fd, "canary", 1, 0, __WASI_RIGHTS_FD_READ);
      if (inner >= 0) show(inner), (void)!__wasi_fd_close(inner);
      (void)!__wasi_path_unlink_file(fd, "canary");
      (void)!__wasi_path_create_directory(fd, "made");
      const int above = open_at(fd, "..", 1, __WASI_OFLAGS_DIRECTORY, 0);
      if (above >= 0) list(above), (void)!__wasi_fd_close(above);
      (void)!__wasi_fd_close(fd);
    }
    (void)!__wasi_path_filestat_get(FOLDER, lookup, path, &info);
    (void)!__wasi_path_filestat_set_times(FOLDER, lookup, path, 1, 1,
                                          __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM);
    (void)!__wasi_path_link(FOLDER, lookup, path, FOLDER, "linked");
    const int linked = open_at(FOLDER, "linked", 1, 0, ALL_RIGHTS);
    if (linked >= 0) show(linked), spoil(linked), (void)!__wasi_fd_close(linked);
    (void)!__wasi_path_unlink_file(FOLDER, "linked");
  }
  if (__wasi_path_readlink(FOLDER, path, (uint8_t*)link, sizeof(link), &size) == 0) ++attempts;
  (void)!__wasi_path_symlink(path, FOLDER, "own-link");
  const int own = open_at(FOLDER, "own-link", 1, 0, ALL_RIGHTS);
  if (own >= 0) show(own), spoil(own), (void)!__wasi_fd_close(own);
  (void)!__wasi_path_unlink_file(FOLDER, "own-link");
  (void)!__wasi_path_symlink("x", FOLDER, path);
  (void)!__wasi_path_create_directory(FOLDER, path);
  (void)!__wasi_path_rename(FOLDER, path, FOLDER, "stolen");
  const int stolen = open_at(FOLDER, "stolen", 1, 0, __WASI_RIGHTS_FD_READ);
  if (stolen >= 0) show(stolen), (void)!__wasi_fd_close(stolen);
  (void)!__wasi_path_rename(FOLDER, "stolen", FOLDER, path);
  (void)!__wasi_path_rename(FOLDER, "own", FOLDER, path);
  (void)!__wasi_path_link(FOLDER, 0, "own", FOLDER, path);
  // What the operator placed in the folder stays for the next round.
  if (strchr(path, '/') != NULL) {
    (void)!__wasi_path_unlink_file(FOLDER, path);
    (void)!__wasi_path_remove_directory(FOLDER, path);
  }
}

static const char* const kPaths[] = {
    "..",
    "../",
    "../canary",
    "../outside/canary",
    "./../canary",
    "deep/../../canary",
    "deep/a/../../../canary",
    "/",
    "/canary",
    "//canary",
    "/etc/passwd",
    ("/proc/self/"
     "root/etc/passwd"),
    "/proc/self/environ",
    "swap/canary",
    "swap/../canary",
    "swap/",
    "deep/a/../../../outside/canary",
    "deep/a/b/../../../../outside/canary",
    ".../canary",
    "..\\canary",
    "..//canary",
    "deep/a/up/canary",
    "",
    ".",
    "./",
    "deep/./../swap/../../canary",
    "own/../../canary",
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void attack_all(char* own_paths) {
  for (size_t i = 0; i < sizeof(kPaths) / sizeof(kPaths[0]); ++i) attack(kPaths[i]);
  for (char* path = own_paths; *path != '\0';) {
    char* const end = strchr(path, '\n');
    if (end == NULL) break;
    *end = '\0';
    attack(path);
    *end = '\n';
    path = end + 1;
  }
}

static void flip(void) {
  (void)!__wasi_path_create_directory(FOLDER, "swap");
  (void)!__wasi_path_rename(FOLDER, "swap", FOLDER, "swap-away");
  (void)!__wasi_path_symlink("../outside", FOLDER, "swap");
  (void)!__wasi_path_unlink_file(FOLDER, "swap");
  (void)!__wasi_path_rename(FOLDER, "swap-away", FOLDER, "swap");
  attempts += 5;
}

static void turn(void) {
  (void)!__wasi_path_create_directory(FOLDER, "deep");
  (void)!__wasi_path_create_directory(FOLDER, "deep/a");
  (void)!__wasi_path_create_directory(FOLDER, "deep/a/b");
  (void)!__wasi_path_rename(FOLDER, "deep/a", FOLDER, "a-away");
  (void)!__wasi_path_symlink("../../../outside", FOLDER, "a-away/up");
  (void)!__wasi_path_rename(FOLDER, "a-away", FOLDER, "deep/a");
  attempts += 6;
}

int main(int argc, char** argv) {
  static char own_paths[4096];
  const char* const mode = argc > 1 ? argv[1] : getenv("mode");
  const char* const time = argc > 2 ? argv[2] : getenv("seconds");
  if (mode == NULL || time == NULL) return 2;
  const int fd = open_at(FOLDER, "paths", 0, 0, __WASI_RIGHTS_FD_READ);
  if (fd >= 0) {
    __wasi_iovec_t buffer = {(uint8_t*)own_paths, sizeof(own_paths) - 1};
    __wasi_size_t size = 0;
    (void)!__wasi_fd_read(fd, &buffer, 1, &size);
    (void)!__wasi_fd_close(fd);
  }
  const double end = now() + atof(time);
  do {
    if (strcmp(mode, "paths") == 0) attack_all(own_paths);
    if (strcmp(mode, "flip") == 0) flip();
    if (strcmp(mode, "turn") == 0) turn();
  } while (now() < end);
  printf("%lu attempts, %lu entered\n", attempts, entered);
  return 0;
}
