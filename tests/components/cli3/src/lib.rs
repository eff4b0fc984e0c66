// SPDX-License-Identifier: Apache-2.0
//! A command for WASI 0.3 (`wasi:cli/run`), which the variable `run` tells what to do: operations
//! separated by '+' or blanks, an operation's argument after ','.
//!
//! ```text
//! args · env · echo (stdin to stdout) · pass (the same, the stream itself handed on) · print,WORD
//! complain,WORD (stderr) · fill,BYTES · fail (run returns an error) · exit,CODE · trap · spin
//! sleep,MS · files (a file operation a line of stdin)
//! ```

use files3::{next, read_all, Files};
use wasip3::cli::{environment, exit, stderr, stdin, stdout};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::wit_stream;

struct Command;

wasip3::cli::command::export!(Command);

/// Prints, and waits until the host has it. An error of the host is the end.
async fn print(text: impl Into<Vec<u8>>) -> Result<(), ()> {
    let (mut writer, reader) = wit_stream::new();
    let written = stdout::write_via_stream(reader);
    let _ = writer.write_all(text.into()).await;
    drop(writer);
    written.await.map_err(drop)
}

async fn complain(text: &str) -> Result<(), ()> {
    let (mut writer, reader) = wit_stream::new();
    let written = stderr::write_via_stream(reader);
    let _ = writer.write_all(format!("{text}\n").into_bytes()).await;
    drop(writer);
    written.await.map_err(drop)
}

async fn echo() -> Result<(), ()> {
    let (mut input, ended) = stdin::read_via_stream();
    let (mut writer, reader) = wit_stream::new();
    let written = stdout::write_via_stream(reader);
    while let Some(bytes) = next(&mut input).await {
        if !writer.write_all(bytes).await.is_empty() {
            break;
        }
    }
    drop((input, writer));
    ended.await.map_err(drop)?;
    written.await.map_err(drop)
}

async fn operation(name: &str, argument: &str) -> Result<(), ()> {
    let number = argument.parse::<u64>().unwrap_or(1);
    match name {
        "args" => print(environment::get_arguments().join("\n") + "\n").await,
        "env" => {
            let mut variables = environment::get_environment();
            variables.sort();
            let lines = variables
                .into_iter()
                .map(|(name, value)| format!("{name}={value}\n"));
            print(lines.collect::<String>()).await
        }
        "echo" => echo().await,
        "pass" => {
            let (input, ended) = stdin::read_via_stream();
            stdout::write_via_stream(input).await.map_err(drop)?;
            ended.await.map_err(drop)
        }
        "print" => print(format!("{argument}\n")).await,
        "complain" => complain(argument).await,
        "fill" => print(vec![b'f'; number as usize]).await,
        "fail" => Err(()),
        "exit" => {
            exit::exit_with_code(number as u8);
            Ok(())
        }
        "trap" => core::arch::wasm32::unreachable(),
        "spin" => loop {
            core::hint::spin_loop();
        },
        "sleep" => {
            wait_for(number * 1_000_000).await;
            Ok(())
        }
        "files" => {
            let (mut input, _ended) = stdin::read_via_stream();
            let script = read_all(&mut input).await;
            let mut files = Files::new();
            let script = String::from_utf8_lossy(&script);
            for line in script
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                print(files.answer(line).await + "\n").await?;
            }
            Ok(())
        }
        other => print(format!("no operation {other}\n")).await,
    }
}

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let variables = environment::get_environment();
        let script = variables.iter().find(|(name, _)| name == "run");
        let script = script.map_or("env", |(_, value)| value.as_str());
        for step in script.split(['+', ' ']).filter(|step| !step.is_empty()) {
            let (name, argument) = step.split_once(',').unwrap_or((step, ""));
            operation(name, argument).await?;
        }
        Ok(())
    }
}
