// SPDX-License-Identifier: Apache-2.0
//
// A query parameter is an environment variable, and standard output is the answer.

function parameter(name: string, fallback: string): string {
  // Unlike JavaScript's, AssemblyScript's Map.get ends the program when there is no such key.
  const value = process.env.has(name) ? process.env.get(name) : "";
  return value.length > 0 ? value : fallback;
}

process.stdout.write("Hello, " + parameter("name", "World") + "!\n");
