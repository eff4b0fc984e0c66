// Stands in for what WebAssembly has not, in front of every source of Debian's package man2html
// (`-include`): the sources themselves are compiled as they are. There are no processes, so the
// two programs that the CGI program starts become functions of the same module (man2html.c).
//
//   clang-19 --target=wasm32-wasi -include man2html.h -c man2html.cgi.c
//   clang-19 --target=wasm32-wasi -include man2html.h -DCONVERTER -c man2html.c
#pragma once

// Before the macros below, which must not change the declarations in them.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

pid_t fork(void);
int pipe(int ends[2]);
int dup2(int from, int to);
int execv(const char* path, char* const arguments[]);
FILE* popen(const char* command, const char* mode);

// A web server takes what a CGI program printed, also "Status: 404 Not Found", and ignores how it
// ended. To Godwit an exit code that is not 0 is a failure.
#define exit(code) exit(((void)(code), 0))

// The converter was a program of its own, with a main and helpers of the same names.
#ifdef CONVERTER
#define main converter_main
#define error_page converter_error_page
#define xstrdup converter_xstrdup
#define xmalloc converter_xmalloc
#define xrealloc converter_xrealloc
#undef stdin
#define stdin converter_stdin
#endif

extern FILE* converter_stdin;
int converter_main(int count, char** arguments);
