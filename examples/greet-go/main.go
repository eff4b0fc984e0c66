// SPDX-License-Identifier: Apache-2.0

// Command greet-go answers with a greeting: a query parameter is an environment variable, and
// standard output is the answer.
package main

import (
	"fmt"
	"os"
)

func main() {
	name := os.Getenv("name")
	if name == "" {
		name = "World"
	}
	if _, err := fmt.Printf("Hello, %s!\n", name); err != nil {
		os.Exit(1)
	}
}
