// The main() of compile_bomb_test.cc: as "compile-service" the same program is the compile service
// of its tests, with the compiler that ships.
#include <string_view>

#include <gtest/gtest.h>

#include "cli/compile_function.h"
#include "cli/platform.h"
#include "registry/compile_service.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == godwit::cli::kCompileServiceVerb) {
    return godwit::registry::compile_service_main(
        {.compile = &godwit::cli::compile_function, .prepare = &godwit::cli::prepare_compiler});
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
