// SPDX-License-Identifier: Apache-2.0
//
// A query parameter is an environment variable, and standard output is the answer.

use std::env;
use std::io::{self, Write};

fn main() -> io::Result<()> {
    let name = env::var("name")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "World".to_owned());
    // Unlike println!, writeln! reports a failed write instead of panicking.
    writeln!(io::stdout(), "Hello, {name}!")
}
