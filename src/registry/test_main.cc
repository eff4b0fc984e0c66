// The tests' own main(): as "compile-service" the same program is the compile service of
// compile_service_test.cc, with a compiler that does what its input says.
#include <string_view>

#include <gtest/gtest.h>

#include "registry/compile_service.h"
#include "registry/test_compiler.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "compile-service") {
    const bool confined = argc == 2 || std::string_view(argv[2]) != "unconfined";
    return godwit::registry::compile_service_main(
        {.compile = &godwit::registry::obedient_compiler, .confined = confined});
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
