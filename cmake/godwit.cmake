# The few functions that every folder's CMakeLists.txt uses.

add_library(godwit_settings INTERFACE)
target_include_directories(godwit_settings INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(godwit_settings INTERFACE GODWIT_VERSION="${PROJECT_VERSION}")
target_compile_options(godwit_settings INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wconversion -Wno-sign-conversion
  -fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # GCC's fmt and Boost headers are system headers; clang still sees their macros.
  target_compile_options(godwit_settings INTERFACE -Wno-gnu-zero-variadic-macro-arguments
                         -Wno-missing-designated-field-initializers)
else()
  # A designated initialiser that leaves members at their defaults is what an options struct is for.
  target_compile_options(godwit_settings INTERFACE -Wno-missing-field-initializers)
endif()
if(GODWIT_SANITIZE STREQUAL "address")
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(GODWIT_SANITIZE STREQUAL "thread")
  set(sanitize -fsanitize=thread)
endif()
if(sanitize)
  target_compile_options(godwit_settings INTERFACE ${sanitize})
  target_link_options(godwit_settings INTERFACE ${sanitize})
  target_compile_definitions(godwit_settings INTERFACE GODWIT_SANITIZED=1)
endif()
if(GODWIT_FUZZ)
  target_compile_options(godwit_settings INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(godwit_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_libraries(godwit_settings INTERFACE fmt::fmt tl::expected)

# godwit_library(NAME SOURCES a.cc … DEPENDS base http … [PRIVATE lib …])
# DEPENDS are folders below src/: the include rule follows from this list.
function(godwit_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(godwit_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(godwit_${name} PUBLIC godwit_settings)
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(godwit_${name} PUBLIC godwit_${dependency})
  endforeach()
  target_link_libraries(godwit_${name} PRIVATE ${ARG_PRIVATE})
endfunction()

# godwit_test(NAME SOURCES a_test.cc … DEPENDS folders… [LIBRARIES lib …])
# One GoogleTest program per folder, built from the x_test.cc beside the code.
function(godwit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_executable(godwit_${name}_test ${ARG_SOURCES})
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(godwit_${name}_test PRIVATE godwit_${dependency})
  endforeach()
  target_link_libraries(godwit_${name}_test PRIVATE godwit_settings GTest::gtest GTest::gmock
                        GTest::gtest_main ${ARG_LIBRARIES})
  target_compile_definitions(godwit_${name}_test PRIVATE GODWIT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  gtest_discover_tests(godwit_${name}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 120)
endfunction()

# godwit_fuzz(NAME SOURCE x_fuzz.cc DEPENDS folders… CORPUS dir)
# With GODWIT_FUZZ a libFuzzer program; always a ctest that replays the corpus (fuzz/replay.cc).
function(godwit_fuzz name)
  cmake_parse_arguments(ARG "" "SOURCE;CORPUS" "DEPENDS" ${ARGN})
  add_executable(godwit_${name}_replay ${ARG_SOURCE} ${CMAKE_SOURCE_DIR}/fuzz/replay.cc)
  set(programs godwit_${name}_replay)
  if(GODWIT_FUZZ)
    add_executable(godwit_${name}_fuzz ${ARG_SOURCE})
    target_link_options(godwit_${name}_fuzz PRIVATE -fsanitize=fuzzer)
    list(APPEND programs godwit_${name}_fuzz)
  endif()
  foreach(program ${programs})
    foreach(dependency ${ARG_DEPENDS})
      target_link_libraries(${program} PRIVATE godwit_${dependency})
    endforeach()
    target_link_libraries(${program} PRIVATE godwit_settings)
  endforeach()
  add_test(NAME fuzz_corpus.${name} COMMAND godwit_${name}_replay ${ARG_CORPUS})
endfunction()
