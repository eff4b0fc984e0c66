// What POSIX says of files, checked from inside through a C library: every check prints its line
// when it fails. argv[1] is a folder that may be written and is empty. The same source compiled for
// the host and run on a folder there must find nothing either: that is the check of the checks.
//
//   files_libc /tmp/work      →  "67 checks, 0 failures"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int checks, failures;
static char base[256];

static void check(int passed, const char* what, int line) {
  ++checks;
  if (passed) return;
  ++failures;
  printf("line %d: %s (errno %d: %s)\n", line, what, errno, strerror(errno));
}
#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
// The call fails with this errno.
#define FAILS(call, code) \
  (errno = 0, check((call) == -1 && errno == (code), #call " = " #code, __LINE__))

// The name below the folder; four at once may be in use.
static const char* at(const char* name) {
  static char paths[4][600];
  static int next;
  char* const path = paths[next++ % 4];
  snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
  return path;
}

static void put(const char* name, const char* text) {
  const int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  CHECK(fd >= 0);
  CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  CHECK(close(fd) == 0);
}

static int holds(const char* name, const char* text) {
  char buffer[256];
  const int fd = open(at(name), O_RDONLY);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, buffer, sizeof(buffer));
  close(fd);
  return size == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)size) == 0;
}

static off_t size_of(const char* name) {
  struct stat info;
  return stat(at(name), &info) == 0 ? info.st_size : -1;
}

static void reading_and_writing(void) {
  char buffer[64];
  put("a", "hello");
  CHECK(holds("a", "hello"));
  const int fd = open(at("a"), O_RDWR);
  CHECK(read(fd, buffer, 2) == 2 && memcmp(buffer, "he", 2) == 0);
  CHECK(write(fd, "LL", 2) == 2);
  CHECK(lseek(fd, 0, SEEK_CUR) == 4);
  CHECK(pread(fd, buffer, sizeof(buffer), 0) == 5 && memcmp(buffer, "heLLo", 5) == 0);
  CHECK(lseek(fd, 0, SEEK_CUR) == 4);
  CHECK(pwrite(fd, "!", 1, 5) == 1);
  CHECK(read(fd, buffer, sizeof(buffer)) == 2 && memcmp(buffer, "o!", 2) == 0);
  CHECK(read(fd, buffer, sizeof(buffer)) == 0);
  CHECK(lseek(fd, 10, SEEK_END) == 16);
  CHECK(write(fd, "x", 1) == 1);
  CHECK(pread(fd, buffer, sizeof(buffer), 6) == 11);
  CHECK(buffer[0] == 0 && buffer[9] == 0 && buffer[10] == 'x');
  FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
  CHECK(lseek(fd, 0, SEEK_CUR) == 17);
  CHECK(ftruncate(fd, 3) == 0 && size_of("a") == 3);
  CHECK(ftruncate(fd, 6) == 0 && pread(fd, buffer, 6, 0) == 6);
  CHECK(memcmp(buffer, "heL\0\0\0", 6) == 0);
  char first[2], second[3];
  struct iovec parts[2] = {{first, 2}, {second, 3}};
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, parts, 2) == 5);
  CHECK(memcmp(first, "he", 2) == 0 && memcmp(second, "L\0\0", 3) == 0);
  struct iovec out[2] = {{(char*)"12", 2}, {(char*)"345", 3}};
  CHECK(lseek(fd, 1, SEEK_SET) == 1 && writev(fd, out, 2) == 5);
  CHECK(pread(fd, buffer, 6, 0) == 6 && memcmp(buffer, "h12345", 6) == 0);
  CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
  CHECK(close(fd) == 0);
  FAILS(close(fd), EBADF);
}

static void large_transfers(void) {
  const size_t size = 300000;
  unsigned char* const data = malloc(size);
  unsigned char* const back = malloc(size);
  for (size_t i = 0; i < size; ++i) data[i] = (unsigned char)(i * 7 + i / 251);
  const int fd = open(at("large"), O_RDWR | O_CREAT | O_TRUNC, 0666);
  CHECK(write(fd, data, size) == (ssize_t)size);
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, back, size) == (ssize_t)size);
  CHECK(memcmp(data, back, size) == 0);
  CHECK(pread(fd, back, 100, 299950) == 50);
  close(fd);
  CHECK(unlink(at("large")) == 0);
  free(data);
  free(back);
}

static void opening(void) {
  FAILS(open(at("missing"), O_RDONLY), ENOENT);
  FAILS(open(at("missing/x"), O_RDONLY), ENOENT);
  FAILS(open(at("a/x"), O_RDONLY), ENOTDIR);
  FAILS(open(at("a"), O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
  FAILS(open(at("a"), O_RDONLY | O_DIRECTORY), ENOTDIR);
  FAILS(open(at("a/"), O_RDONLY), ENOTDIR);
  CHECK(mkdir(at("d"), 0777) == 0);
  FAILS(open(at("d"), O_WRONLY), EISDIR);
  int fd = open(at("a"), O_RDONLY);
  CHECK(write(fd, "x", 1) == -1 && errno == EBADF);
  close(fd);
  char byte;
  fd = open(at("a"), O_WRONLY);
  CHECK(read(fd, &byte, 1) == -1 && errno == EBADF);
  close(fd);
  fd = open(at("a"), O_WRONLY | O_TRUNC);
  CHECK(fd >= 0 && size_of("a") == 0);
  close(fd);
  char name[300];
  memset(name, 'n', 256);
  name[256] = 0;
  FAILS(open(at(name), O_WRONLY | O_CREAT, 0666), ENAMETOOLONG);
  name[255] = 0;
  fd = open(at(name), O_WRONLY | O_CREAT, 0666);
  CHECK(fd >= 0);
  close(fd);
  CHECK(unlink(at(name)) == 0);
  CHECK(rmdir(at("d")) == 0);
}

static void appending(void) {
  put("log", "one");
  const int fd = open(at("log"), O_WRONLY | O_APPEND);
  CHECK(write(fd, "two", 3) == 3);
  CHECK(lseek(fd, 0, SEEK_CUR) == 6);
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "!", 1) == 1);
  close(fd);
  CHECK(holds("log", "onetwo!"));
  CHECK(unlink(at("log")) == 0);
}

static void folders(void) {
  CHECK(mkdir(at("d"), 0777) == 0);
  FAILS(mkdir(at("d"), 0777), EEXIST);
  FAILS(mkdir(at("no/d"), 0777), ENOENT);
  CHECK(mkdir(at("d/e/"), 0777) == 0);
  put("d/e/f", "deep");
  FAILS(rmdir(at("d/e")), ENOTEMPTY);
  FAILS(rmdir(at("d/e/f")), ENOTDIR);
  CHECK(unlink(at("d/e")) == -1 && (errno == EISDIR || errno == EPERM));
  CHECK(holds("d/e/../e/./f", "deep"));
  CHECK(unlink(at("d/e/f")) == 0 && rmdir(at("d/e")) == 0);
  FAILS(unlink(at("d/e/f")), ENOENT);
  FAILS(rmdir(at("d/e")), ENOENT);
  CHECK(rmdir(at("d/")) == 0);
}

static void listing(void) {
  CHECK(mkdir(at("many"), 0777) == 0);
  char name[64];
  for (int i = 0; i < 200; ++i) {
    snprintf(name, sizeof(name), "many/entry-with-a-longer-name-%03d", i);
    put(name, "");
  }
  DIR* const folder = opendir(at("many"));
  CHECK(folder != NULL);
  int found = 0, special = 0, kinds = 0;
  for (struct dirent* entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      ++special;
    else
      ++found, kinds += entry->d_type == DT_REG;
  }
  CHECK(found == 200 && kinds == 200 && special <= 2);
  rewinddir(folder);
  for (int i = 0; i < 5; ++i) CHECK(readdir(folder) != NULL);
  const long middle = telldir(folder);
  char kept[256] = "";
  struct dirent* entry = readdir(folder);
  CHECK(entry != NULL);
  if (entry != NULL) snprintf(kept, sizeof(kept), "%s", entry->d_name);
  readdir(folder);
  // A `long` of 32 bits can't hold the positions of every file system (ext4's have 63).
  seekdir(folder, middle);
  entry = readdir(folder);
  CHECK((sizeof(long) < 8 && strcmp(base, "/tmp") != 0) ||
        (entry != NULL && strcmp(entry->d_name, kept) == 0));
  closedir(folder);
  FAILS(rmdir(at("many")), ENOTEMPTY);
  for (int i = 0; i < 200; ++i) {
    snprintf(name, sizeof(name), "many/entry-with-a-longer-name-%03d", i);
    unlink(at(name));
  }
  CHECK(rmdir(at("many")) == 0);
  CHECK(opendir(at("many")) == NULL && errno == ENOENT);
}

static void attributes(void) {
  struct stat file, folder, link_info;
  put("a", "12345");
  CHECK(stat(at("a"), &file) == 0 && S_ISREG(file.st_mode) && file.st_size == 5);
  CHECK(stat(base, &folder) == 0 && S_ISDIR(folder.st_mode));
  CHECK(file.st_ino != folder.st_ino && file.st_dev == folder.st_dev);
  CHECK(symlink("a", at("s")) == 0);
  CHECK(lstat(at("s"), &link_info) == 0 && S_ISLNK(link_info.st_mode));
  CHECK(link_info.st_size == 1);
  CHECK(stat(at("s"), &link_info) == 0 && link_info.st_ino == file.st_ino);
  struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 500}, {.tv_sec = 2000, .tv_nsec = 700}};
  CHECK(utimensat(AT_FDCWD, at("a"), times, 0) == 0);
  CHECK(stat(at("a"), &file) == 0 && file.st_atim.tv_sec == 1000 && file.st_mtim.tv_sec == 2000);
  CHECK(file.st_mtim.tv_nsec == 700);
  // wasi-libc of 2021 refuses UTIME_OMIT and UTIME_NOW itself.
  times[1].tv_sec = 3000;
  const int fd = open(at("a"), O_RDWR);
  CHECK(futimens(fd, times) == 0 && fstat(fd, &file) == 0);
  CHECK(file.st_atim.tv_sec == 1000 && file.st_mtim.tv_sec == 3000);
  close(fd);
  CHECK(unlink(at("s")) == 0);
  FAILS(stat(at("missing"), &file), ENOENT);
}

static void links(void) {
  struct stat first, second;
  char target[64];
  put("a", "linked");
  CHECK(link(at("a"), at("b")) == 0);
  CHECK(stat(at("a"), &first) == 0 && stat(at("b"), &second) == 0);
  CHECK(first.st_ino == second.st_ino && first.st_nlink == 2);
  FAILS(link(at("a"), at("b")), EEXIST);
  CHECK(unlink(at("a")) == 0 && holds("b", "linked"));
  CHECK(symlink("b", at("s")) == 0 && holds("s", "linked"));
  FAILS(symlink("b", at("s")), EEXIST);
  CHECK(readlink(at("s"), target, sizeof(target)) == 1 && target[0] == 'b');
  FAILS(readlink(at("b"), target, sizeof(target)), EINVAL);
  FAILS(open(at("s"), O_RDONLY | O_NOFOLLOW), ELOOP);
  CHECK(symlink("missing", at("dangling")) == 0);
  FAILS(open(at("dangling"), O_RDONLY), ENOENT);
  CHECK(symlink("loop", at("loop")) == 0);
  FAILS(open(at("loop"), O_RDONLY), ELOOP);
  CHECK(mkdir(at("d"), 0777) == 0 && symlink("../b", at("d/up")) == 0 && holds("d/up", "linked"));
  CHECK(link(at("d"), at("e")) == -1 && (errno == EPERM || errno == EACCES));
  CHECK(unlink(at("d/up")) == 0 && rmdir(at("d")) == 0);
  CHECK(unlink(at("s")) == 0 && unlink(at("dangling")) == 0 && unlink(at("loop")) == 0);
  CHECK(holds("b", "linked") && unlink(at("b")) == 0);
}

static void renaming(void) {
  put("a", "A");
  put("b", "B");
  CHECK(rename(at("a"), at("c")) == 0 && holds("c", "A"));
  FAILS(rename(at("a"), at("x")), ENOENT);
  CHECK(rename(at("c"), at("b")) == 0 && holds("b", "A"));
  CHECK(rename(at("b"), at("b")) == 0 && holds("b", "A"));
  CHECK(mkdir(at("d"), 0777) == 0 && mkdir(at("d/sub"), 0777) == 0 && mkdir(at("e"), 0777) == 0);
  FAILS(rename(at("b"), at("d")), EISDIR);
  FAILS(rename(at("d"), at("b")), ENOTDIR);
  FAILS(rename(at("d"), at("d/sub/inside")), EINVAL);
  CHECK(rename(at("e"), at("d")) == -1 && (errno == ENOTEMPTY || errno == EEXIST));
  CHECK(rename(at("d"), at("e")) == 0 && rmdir(at("e/sub")) == 0 && rmdir(at("e")) == 0);
  CHECK(unlink(at("b")) == 0);
}

static void removed_but_open(void) {
  char buffer[8];
  put("a", "still");
  const int fd = open(at("a"), O_RDWR);
  CHECK(unlink(at("a")) == 0);
  CHECK(read(fd, buffer, sizeof(buffer)) == 5 && memcmp(buffer, "still", 5) == 0);
  CHECK(write(fd, "!", 1) == 1);
  struct stat info;
  CHECK(fstat(fd, &info) == 0 && info.st_nlink == 0 && info.st_size == 6);
  CHECK(close(fd) == 0);
  FAILS(open(at("a"), O_RDONLY), ENOENT);
}

static void streams(void) {
  FILE* file = fopen(at("text"), "w");
  CHECK(file != NULL && fprintf(file, "line %d\n", 1) == 7 && fclose(file) == 0);
  file = fopen(at("text"), "a");
  CHECK(file != NULL && fprintf(file, "line %d\n", 2) == 7 && fclose(file) == 0);
  file = fopen(at("text"), "r");
  char line[32];
  CHECK(fgets(line, sizeof(line), file) != NULL && strcmp(line, "line 1\n") == 0);
  CHECK(fgets(line, sizeof(line), file) != NULL && strcmp(line, "line 2\n") == 0);
  CHECK(fgets(line, sizeof(line), file) == NULL && feof(file));
  CHECK(fseek(file, 5, SEEK_SET) == 0 && fgetc(file) == '1' && ftell(file) == 6);
  CHECK(fclose(file) == 0 && remove(at("text")) == 0);
}

int main(int argc, char** argv) {
  snprintf(base, sizeof(base), "%s", argc > 1 ? argv[1] : ".");
  reading_and_writing();
  large_transfers();
  opening();
  appending();
  folders();
  listing();
  attributes();
  links();
  renaming();
  removed_but_open();
  streams();
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
