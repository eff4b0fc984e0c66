// The verbs of the one binary: a table, and what stands before them (godwit --help, a mistyped
// verb).
//
//   return run_command_line(words);   // words: the arguments without the program's name
//
// Each verb is a function from its own words to an exit code: 0 success, 1 failed, 2 wrong usage.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace godwit::cli {

using Words = std::span<const std::string>;

struct Verb {
  std::string_view name;
  std::string_view summary;  // one line, for `godwit --help`
  int (*run)(Words words);
};

std::span<const Verb> verbs();
int run_command_line(Words words);

int serve_verb(Words words);
int run_verb(Words words);
int check_verb(Words words);
int new_verb(Words words);
int build_verb(Words words);
int compile_verb(Words words);
int wat_verb(Words words);
int doctor_verb(Words words);
int explain_verb(Words words);
int version_verb(Words words);

}  // namespace godwit::cli
