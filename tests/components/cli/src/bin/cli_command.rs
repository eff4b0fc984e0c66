// SPDX-License-Identifier: Apache-2.0
//! A command as a component. The variable `run` says what it does, as for tests/guests/probe.c:
//! operations separated by '+' or blanks, an operation's argument after ','.
//!
//! ```text
//! args · env · echo (stdin to stdout) · print,WORD · complain,WORD (stderr) · fill,BYTES
//! fail (run returns an error) · exit,CODE · exit-ok · exit-error · trap · panic · spin · sleep,MS
//! close (an output stream that is dropped) · files (a file operation a line of stdin)
//! ```

use files::Files;
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::Duration;
use wasip2::cli::environment::get_environment;

fn operation(name: &str, argument: &str) -> io::Result<bool> {
    let number = argument.parse::<u64>().unwrap_or(1);
    let mut output = io::stdout().lock();
    match name {
        "args" => {
            for argument in std::env::args() {
                writeln!(output, "{argument}")?;
            }
        }
        "env" => {
            let mut variables = get_environment();
            variables.sort();
            for (name, value) in variables {
                writeln!(output, "{name}={value}")?;
            }
        }
        "echo" => {
            io::copy(&mut io::stdin().lock(), &mut output)?;
        }
        "count" => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            writeln!(output, "{} bytes", bytes.len())?;
        }
        "print" => writeln!(output, "{argument}")?,
        "complain" => eprintln!("{argument}"),
        "fill" => {
            let piece = [b'f'; 4096];
            let mut left = number as usize;
            while left > 0 {
                let size = left.min(piece.len());
                output.write_all(&piece[..size])?;
                left -= size;
            }
        }
        "fail" => return Ok(false),
        "exit" => {
            output.flush()?;
            wasip2::cli::exit::exit_with_code(number as u8);
        }
        "exit-ok" => wasip2::cli::exit::exit(Ok(())),
        "exit-error" => wasip2::cli::exit::exit(Err(())),
        "trap" => core::arch::wasm32::unreachable(),
        "panic" => panic!("asked for"),
        "spin" => loop {
            core::hint::spin_loop();
        },
        "sleep" => std::thread::sleep(Duration::from_millis(number)),
        "close" => drop(wasip2::cli::stdout::get_stdout()),
        "files" => {
            let mut files = Files::new();
            for line in io::stdin().lock().lines() {
                let line = line?;
                if !line.is_empty() && !line.starts_with('#') {
                    writeln!(output, "{}", files.answer(&line))?;
                }
            }
        }
        other => writeln!(output, "no operation {other}")?,
    }
    output.flush()?;
    Ok(true)
}

fn main() -> ExitCode {
    let script = std::env::var("run").unwrap_or_else(|_| "env".to_owned());
    for step in script.split(['+', ' ']).filter(|step| !step.is_empty()) {
        let (name, argument) = step.split_once(',').unwrap_or((step, ""));
        match operation(name, argument) {
            Ok(true) => {}
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => {
                eprintln!("{step}: {error}");
                return ExitCode::from(3);
            }
        }
    }
    ExitCode::SUCCESS
}
