// SPDX-License-Identifier: Apache-2.0
//
// A query parameter is an environment variable, and standard output is the answer.

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace {

// A parameter without a value (`?name=`) counts as absent.
std::string_view parameter(const char* name, std::string_view fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

}  // namespace

int main() {
  std::cout << "Hello, " << parameter("name", "World") << "!\n" << std::flush;
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}
