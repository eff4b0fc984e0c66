# The few functions that every folder's CMakeLists.txt uses.

add_library(godwit_settings INTERFACE)
target_include_directories(godwit_settings INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(godwit_settings INTERFACE GODWIT_VERSION="${PROJECT_VERSION}")
target_compile_options(godwit_settings INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wconversion -Wno-sign-conversion
  -fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # GCC's fmt and Boost headers are system headers; clang still sees their macros. And g++ 12's
  # std::stable_sort calls what that library itself calls deprecated.
  target_compile_options(godwit_settings INTERFACE -Wno-gnu-zero-variadic-macro-arguments
                         -Wno-missing-field-initializers -Wno-deprecated-declarations)
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

# godwit_links_bridge(TARGET RESULT): whether the target, or anything that it links, holds Wasmtime.
function(godwit_links_bridge target result)
  set(${result} FALSE PARENT_SCOPE)
  if(NOT TARGET ${target})
    return()
  endif()
  get_target_property(libraries ${target} LINK_LIBRARIES)
  foreach(library ${libraries})
    set(found FALSE)
    if(library STREQUAL "godwit_bridge")
      set(found TRUE)
    elseif(library MATCHES "^godwit_")
      godwit_links_bridge(${library} found)
    endif()
    if(found)
      set(${result} TRUE PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# All test programs and all libFuzzer programs, for `ninja godwit_tests` and `ninja godwit_fuzzers`.
add_custom_target(godwit_tests)
add_custom_target(godwit_fuzzers)

# godwit_test(NAME SOURCES a_test.cc … DEPENDS folders… [LIBRARIES lib …])
# One GoogleTest program per folder, built from the x_test.cc beside the code. Its tests are called
# NAME.Suite.Case and have the label NAME. The thread sanitizer does not see Rust's synchronisation
# and does not go together with the engine's reservations: its preset has no program that links it.
function(godwit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  set(program godwit_${name}_test)
  add_executable(${program} ${ARG_SOURCES})
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(${program} PRIVATE godwit_${dependency})
  endforeach()
  target_link_libraries(${program} PRIVATE godwit_settings GTest::gtest GTest::gmock
                        GTest::gtest_main ${ARG_LIBRARIES})
  target_compile_definitions(${program} PRIVATE GODWIT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  godwit_links_bridge(${program} links_bridge)
  if(GODWIT_SANITIZE STREQUAL "thread" AND links_bridge)
    set_target_properties(${program} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  add_dependencies(godwit_tests ${program})
  gtest_discover_tests(${program} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                       DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120 LABELS ${name})
endfunction()

# godwit_bench(NAME SOURCES a_bench.cc … DEPENDS folders… [LIBRARIES lib …])
# The Google Benchmark program godwit_NAME_bench, in optimised builds only.
function(godwit_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    return()
  endif()
  find_package(benchmark REQUIRED)
  add_executable(godwit_${name}_bench ${ARG_SOURCES})
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(godwit_${name}_bench PRIVATE godwit_${dependency})
  endforeach()
  target_link_libraries(godwit_${name}_bench PRIVATE godwit_settings benchmark::benchmark
                        benchmark::benchmark_main ${ARG_LIBRARIES})
endfunction()

# godwit_fuzz(NAME SOURCE x_fuzz.cc DEPENDS folders… CORPUS dir)
# With GODWIT_FUZZ a libFuzzer program; always a ctest that replays the corpus (fuzz/replay.cc).
# `./dev fuzz` finds the corpus through the file NAME.corpus beside the program.
function(godwit_fuzz name)
  cmake_parse_arguments(ARG "" "SOURCE;CORPUS" "DEPENDS" ${ARGN})
  add_executable(godwit_${name}_replay ${ARG_SOURCE} ${CMAKE_SOURCE_DIR}/fuzz/replay.cc)
  set(programs godwit_${name}_replay)
  add_dependencies(godwit_tests godwit_${name}_replay)
  if(GODWIT_FUZZ)
    add_executable(godwit_${name}_fuzz ${ARG_SOURCE})
    target_link_options(godwit_${name}_fuzz PRIVATE -fsanitize=fuzzer)
    add_dependencies(godwit_fuzzers godwit_${name}_fuzz)
    get_filename_component(corpus ${ARG_CORPUS} ABSOLUTE)
    file(WRITE ${CMAKE_BINARY_DIR}/godwit_${name}_fuzz.corpus "${corpus}\n")
    list(APPEND programs godwit_${name}_fuzz)
  endif()
  foreach(program ${programs})
    foreach(dependency ${ARG_DEPENDS})
      target_link_libraries(${program} PRIVATE godwit_${dependency})
    endforeach()
    target_link_libraries(${program} PRIVATE godwit_settings)
  endforeach()
  add_test(NAME fuzz_corpus.${name} COMMAND godwit_${name}_replay ${ARG_CORPUS})
  set_tests_properties(fuzz_corpus.${name} PROPERTIES LABELS fuzz_corpus TIMEOUT 120)
endfunction()

# godwit_python_tests(LABELS a … TIMEOUT seconds [RUN_SERIAL] [ENVIRONMENT NAME=VALUE …])
# Each test_*.py of the current folder as a test `e2e.NAME`, against the real program.
function(godwit_python_tests)
  cmake_parse_arguments(ARG "RUN_SERIAL" "TIMEOUT" "LABELS;ENVIRONMENT" ${ARGN})
  if(NOT TARGET godwit)
    return()  # the thread sanitizer's preset has no program
  endif()
  set(environment
    GODWIT_BIN=$<TARGET_FILE:godwit>
    GODWIT_SOURCE_DIR=${CMAKE_SOURCE_DIR}
    GODWIT_GUESTS=${CMAKE_BINARY_DIR}/tests/guests
    ${ARG_ENVIRONMENT})
  if(GODWIT_SANITIZE)
    list(APPEND environment GODWIT_SANITIZED=1)
  endif()
  file(GLOB tests RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS test_*.py)
  foreach(test ${tests})
    string(REGEX REPLACE "^test_(.*)\\.py$" "e2e.\\1" name ${test})
    add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/${test})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                         SKIP_RETURN_CODE 77 RUN_SERIAL ${ARG_RUN_SERIAL}
                         ENVIRONMENT "${environment}")
  endforeach()
endfunction()
