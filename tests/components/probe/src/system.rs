// SPDX-License-Identifier: Apache-2.0
//! The rest of the world: time, memory, stdio, randomness.

use crate::answer::{send, start_text, write};
use wasip2::cli::environment::{get_arguments, get_environment, initial_cwd};
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::http::types::{OutgoingBody, ResponseOutparam};
use wasip2::io::poll::poll;
use wasip2::random::{insecure, insecure_seed, random as secure};

pub fn spin() {
    let mut count = 0_u64;
    loop {
        count = core::hint::black_box(count.wrapping_add(1));
        if count == 0 {
            return;
        }
    }
}

pub fn recurse(depth: u64) -> String {
    fn down(depth: u64) -> u64 {
        let frame = core::hint::black_box([depth; 16]);
        if depth == 0 {
            0
        } else {
            down(depth - 1) + frame[3] / frame[7].max(1)
        }
    }
    format!("{}\n", down(depth))
}

/// "before", a wait, "after": the first can arrive early.
pub fn sleep(out: ResponseOutparam, milliseconds: u64) {
    let body = start_text(out);
    let stream = body.write().expect("the stream");
    let _ = write(&stream, b"before\n");
    let start = monotonic_clock::now();
    let alarm = monotonic_clock::subscribe_duration(milliseconds * 1_000_000);
    let ready = poll(&[&alarm]);
    let elapsed = (monotonic_clock::now() - start) / 1_000_000;
    let slept = ready == [0] && alarm.ready() && elapsed >= milliseconds;
    let _ = write(&stream, if slept { b"after\n" } else { b"early\n" });
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
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

pub fn stderr(out: ResponseOutparam, lines: u64) {
    for line in 1..=lines {
        eprintln!("line {line} of the probe");
    }
    send(out, "written to stderr\n");
}

/// Standard output is not the response.
pub fn stdout(out: ResponseOutparam) {
    println!("standard output of the probe");
    send(out, "written to stdout\n");
}

pub fn environment() -> String {
    let mut variables = get_environment();
    variables.sort();
    let lines = variables
        .into_iter()
        .map(|(name, value)| format!("{name}={value}\n"));
    let mut text: String = lines.collect();
    text.push_str(&format!("arguments: {:?}\n", get_arguments()));
    text.push_str(&format!("folder: {:?}\n", initial_cwd()));
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Six lines, none of them twice in a lifetime.
pub fn random() -> String {
    let (low, high) = insecure_seed::insecure_seed();
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

pub fn clock() -> String {
    let now = wall_clock::now();
    let resolution = wall_clock::resolution();
    let (one, other) = (monotonic_clock::now(), monotonic_clock::now());
    let past = monotonic_clock::subscribe_instant(one);
    past.block();
    format!(
        "wall {}.{:09}\nwall resolution {}.{:09}\nmonotonic {one}\nmonotonic resolution {}\n\
         monotonic order {}\npast instant ready {}\n",
        now.seconds,
        now.nanoseconds,
        resolution.seconds,
        resolution.nanoseconds,
        monotonic_clock::resolution(),
        other >= one,
        past.ready()
    )
}

/// An HTTP handler that ends the whole instance.
pub fn exit(code: u64) {
    match code {
        0 => wasip2::cli::exit::exit(Ok(())),
        _ => wasip2::cli::exit::exit(Err(())),
    }
}
