// SPDX-License-Identifier: Apache-2.0
//
// An ordinary program. Built for wasm32-wasip2 it is a component that exports wasi:cli/run, and is
// called as a command: the request in the environment and on standard input, the answer on standard
// output.

use std::env;
use std::io::{self, Write};

fn main() -> io::Result<()> {
    let mut variables: Vec<(String, String)> = env::vars().collect();
    variables.sort();
    let mut output = io::stdout().lock();
    for (name, value) in &variables {
        // Control characters would let a value look like several variables.
        writeln!(output, "{name}={}", value.escape_debug())?;
    }
    writeln!(output)?;
    io::copy(&mut io::stdin().lock(), &mut output)?;
    output.flush()
}
