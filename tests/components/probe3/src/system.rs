// SPDX-License-Identifier: Apache-2.0
//! The rest of the world: time, memory, stdio, randomness.

use crate::answer::{open_text, report_sent, text, TrailersResult};
use crate::bodies::write;
use crate::Answer;
use files3::{error_name, read_all};
use futures::future::join_all;
use wasip3::cli::environment::{get_arguments, get_environment, get_initial_cwd};
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::random::{insecure, insecure_seed, random as secure};
use wasip3::wit_bindgen::yield_async;
use wasip3::{spawn_local, wit_future, wit_stream};

pub fn spin() -> Answer {
    let mut count = 0_u64;
    loop {
        count = core::hint::black_box(count.wrapping_add(1));
        if count == 0 {
            return text("the end\n");
        }
    }
}

/// Waits for a future that nobody writes. (Rust's own `pending` is no wait that the host knows of:
/// the bindings panic when nothing else is waited for.)
pub async fn never<T>() -> T {
    let (writer, reader) = wit_future::new::<TrailersResult>(|| Ok(None));
    let _ = reader.await;
    drop(writer);
    unreachable!("nobody has written")
}

/// Gives way so many times.
pub async fn yield_for(times: u64) -> Answer {
    for _ in 0..times {
        yield_async().await;
    }
    text(&format!("{times}\n"))
}

/// "before", a wait, "after": the first can arrive early.
pub async fn sleep(milliseconds: u64) -> Answer {
    let mut open = open_text();
    spawn_local(async move {
        write(&mut open.body, "before\n").await;
        let start = monotonic_clock::now();
        monotonic_clock::wait_for(milliseconds * 1_000_000).await;
        let elapsed = (monotonic_clock::now() - start) / 1_000_000;
        let slept = elapsed >= milliseconds;
        write(&mut open.body, if slept { "after\n" } else { "early\n" }).await;
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// A hundred waits at once take as long as one.
pub async fn sleep_many(milliseconds: u64) -> Answer {
    let start = monotonic_clock::now();
    join_all((0..100).map(|_| monotonic_clock::wait_for(milliseconds * 1_000_000))).await;
    let elapsed = (monotonic_clock::now() - start) / 1_000_000;
    let fine = elapsed >= milliseconds && elapsed < milliseconds + 10 * milliseconds.max(100);
    text(if fine {
        "at once\n"
    } else {
        "one after the other\n"
    })
}

/// Asks for so many MiB of memory and uses each page of it.
pub fn allocate(mebibytes: u64) -> String {
    let mut bytes: Vec<u8> = Vec::new();
    if bytes.try_reserve_exact((mebibytes as usize) << 20).is_err() {
        return "refused\n".to_owned();
    }
    bytes.resize((mebibytes as usize) << 20, 0);
    for page in bytes.chunks_mut(4096) {
        page[0] = 1;
    }
    let sum: u64 = bytes.chunks(4096).map(|page| u64::from(page[0])).sum();
    format!("{sum} pages\n")
}

/// By the stream of 0.3; Rust's standard library uses 0.2.
pub async fn stderr(lines: u64) -> Answer {
    let (mut writer, reader) = wit_stream::new();
    let written = wasip3::cli::stderr::write_via_stream(reader);
    for line in 1..=lines {
        write(&mut writer, &format!("line {line} of the probe\n")).await;
    }
    drop(writer);
    let result = written
        .await
        .map_or_else(|error| error_name(&error), |()| "ok".to_owned());
    text(&format!("written to stderr: {result}\n"))
}

/// Standard output is not the response.
pub async fn stdout() -> Answer {
    let (mut writer, reader) = wit_stream::new();
    let written = wasip3::cli::stdout::write_via_stream(reader);
    write(&mut writer, "standard output of the probe\n").await;
    drop(writer);
    let result = written
        .await
        .map_or_else(|error| error_name(&error), |()| "ok".to_owned());
    text(&format!("written to stdout: {result}\n"))
}

/// Standard input is not the request's body.
pub async fn stdin() -> Answer {
    let (mut reader, ended) = wasip3::cli::stdin::read_via_stream();
    let size = read_all(&mut reader).await.len();
    drop(reader);
    let result = ended
        .await
        .map_or_else(|error| error_name(&error), |()| "ok".to_owned());
    text(&format!("{size} bytes: {result}\n"))
}

pub fn environment() -> String {
    let mut variables = get_environment();
    variables.sort();
    let lines = variables
        .into_iter()
        .map(|(name, value)| format!("{name}={value}\n"));
    let mut text: String = lines.collect();
    text.push_str(&format!("arguments: {:?}\n", get_arguments()));
    text.push_str(&format!("folder: {:?}\n", get_initial_cwd()));
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lines of which none comes twice in a lifetime; at last how many bytes of 100000 were given.
pub fn random() -> String {
    let (low, high) = insecure_seed::get_insecure_seed();
    let mut lines = vec![
        hex(&secure::get_random_bytes(16)),
        format!("{:016x}", secure::get_random_u64()),
        hex(&insecure::get_insecure_random_bytes(16)),
        format!("{:016x}", insecure::get_insecure_random_u64()),
        format!("{low:016x}{high:016x}"),
        format!("{} bytes", secure::get_random_bytes(100_000).len()),
    ];
    lines.push(String::new());
    lines.join("\n")
}

pub async fn clock() -> String {
    let now = system_clock::now();
    let (one, other) = (monotonic_clock::now(), monotonic_clock::now());
    monotonic_clock::wait_until(one).await;
    format!(
        "system {}.{:09}\nsystem resolution {}\nmonotonic {one}\nmonotonic resolution {}\n\
         monotonic order {}\n",
        now.seconds,
        now.nanoseconds,
        system_clock::get_resolution(),
        monotonic_clock::get_resolution(),
        other >= one,
    )
}

/// An HTTP handler that ends the whole instance.
pub fn exit(code: u64) -> Answer {
    match code {
        0 => wasip3::cli::exit::exit(Ok(())),
        _ => wasip3::cli::exit::exit(Err(())),
    }
    text("still here\n")
}
