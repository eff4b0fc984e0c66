// SPDX-License-Identifier: Apache-2.0
//! Bodies in both directions, and what can go wrong with them.

use crate::answer::{
    error_name, fields, finish, send, start, start_text, stream_error_name, write,
};
use crate::fields::{json_line, send_lines};
use crate::target::Target;
use files::Files;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::poll::{poll, Pollable};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

const PIECE: u64 = 64 * 1024;

/// Reads to the end; `each` gets every piece.
pub fn read_each(
    stream: &InputStream,
    mut each: impl FnMut(Vec<u8>) -> Result<(), StreamError>,
) -> Result<(), StreamError> {
    loop {
        match stream.blocking_read(PIECE) {
            Ok(bytes) => each(bytes)?,
            Err(StreamError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Writes as much at a time as the host takes.
pub fn write_waiting(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    let ready = stream.subscribe();
    while !bytes.is_empty() {
        let room = stream.check_write()?;
        if room == 0 {
            ready.block();
            continue;
        }
        let (now, later) = bytes.split_at(bytes.len().min(room as usize));
        stream.write(now)?;
        bytes = later;
    }
    Ok(())
}

fn report(what: &str, result: Result<(), StreamError>) -> bool {
    if let Err(error) = &result {
        eprintln!("{what}: {}", stream_error_name(error));
    }
    result.is_ok()
}

fn same_content_type(request: &IncomingRequest) -> Fields {
    let headers = Fields::new();
    for value in request.headers().get("content-type") {
        headers
            .append("content-type", &value)
            .expect("a field of the request");
    }
    headers
}

pub fn echo(request: IncomingRequest, out: ResponseOutparam) {
    let to = start(out, 200, same_content_type(&request));
    let from = request.consume().expect("the body");
    let (input, output) = (
        from.stream().expect("the stream"),
        to.write().expect("the stream"),
    );
    let copied = read_each(&input, |bytes| write_waiting(&output, &bytes))
        .and_then(|()| output.blocking_flush());
    drop((input, output));
    if report("echo", copied) {
        finish(to, None);
    }
}

pub fn splice(request: IncomingRequest, out: ResponseOutparam) {
    let to = start(out, 200, same_content_type(&request));
    let from = request.consume().expect("the body");
    let (input, output) = (
        from.stream().expect("the stream"),
        to.write().expect("the stream"),
    );
    let copied = loop {
        match output.blocking_splice(&input, PIECE) {
            Ok(_) => {}
            Err(StreamError::Closed) => break output.blocking_flush(),
            Err(error) => break Err(error),
        }
    };
    drop((input, output));
    if report("splice", copied) {
        finish(to, None);
    }
}

/// The request's trailers as lines of the body, and again as trailers of the response.
pub fn trailers(request: IncomingRequest, out: ResponseOutparam) {
    let to = start(
        out,
        200,
        fields(&[
            ("content-type", "text/plain"),
            ("trailer", "x-probe, x-size"),
        ]),
    );
    let output = to.write().expect("the stream");
    let from = request.consume().expect("the body");
    let input = from.stream().expect("the stream");
    let mut size = 0;
    let read = read_each(&input, |bytes| {
        size += bytes.len();
        Ok(())
    });
    report("read", read);
    drop(input);
    let future = IncomingBody::finish(from);
    future.subscribe().block();
    let trailers = fields(&[("x-probe", "done"), ("x-size", &size.to_string())]);
    let text = match future.get() {
        None => "not ready\n".to_owned(),
        Some(Err(())) => "taken already\n".to_owned(),
        Some(Ok(Err(error))) => format!("{}\n", error_name(&error)),
        Some(Ok(Ok(None))) => "none\n".to_owned(),
        Some(Ok(Ok(Some(received)))) => {
            let entries = received.entries();
            for (name, value) in &entries {
                trailers
                    .append(name, value)
                    .expect("a field of the request");
            }
            entries
                .iter()
                .map(|(name, value)| json_line(name, value))
                .collect()
        }
    };
    let again = if future.get().is_some_and(|result| result.is_err()) {
        "once\n"
    } else {
        "twice\n"
    };
    let written = write(&output, text.as_bytes()).and_then(|()| write(&output, again.as_bytes()));
    report("write", written);
    drop(output);
    finish(to, Some(trailers));
}

/// Answers, then reads the whole body, then answers to the end.
pub fn answer_first(request: IncomingRequest, out: ResponseOutparam) {
    let to = start_text(out);
    let output = to.write().expect("the stream");
    if !report("first", write(&output, b"first\n")) {
        return;
    }
    let from = request.consume().expect("the body");
    let input = from.stream().expect("the stream");
    let mut size = 0;
    let read = read_each(&input, |bytes| {
        size += bytes.len();
        Ok(())
    });
    report("read", read);
    report("last", write(&output, format!("read {size}\n").as_bytes()));
    drop(output);
    finish(to, None);
}

/// So many bytes of a body, then a trap.
pub fn half(out: ResponseOutparam, size: u64) {
    let to = start_text(out);
    let output = to.write().expect("the stream");
    for _ in 0..size {
        let _ = output.blocking_write_and_flush(b"h");
    }
    core::arch::wasm32::unreachable()
}

/// A body with content that is dropped instead of finished: the response is broken off.
pub fn drop_body(out: ResponseOutparam) {
    let to = start_text(out);
    let output = to.write().expect("the stream");
    report("write", write(&output, b"dropped\n"));
    drop(output);
    drop(to);
}

/// Answers without having looked at the request's body.
pub fn drop_request(request: IncomingRequest, out: ResponseOutparam) {
    drop(request);
    send(out, "not read\n");
}

/// Returns with the body's handles still open.
pub fn no_finish(out: ResponseOutparam) {
    let to = start_text(out);
    let output = to.write().expect("the stream");
    report("write", write(&output, b"left open\n"));
    core::mem::forget((output, to));
}

/// Declares one length and writes another; what the host says of it goes to the log.
pub fn declared(out: ResponseOutparam, declared: usize, written: usize) {
    let length = declared.to_string();
    let to = start(
        out,
        200,
        fields(&[("content-type", "text/plain"), ("content-length", &length)]),
    );
    let output = to.write().expect("the stream");
    report("write", write(&output, &b"0123456789"[..written]));
    drop(output);
    finish(to, None);
}

/// So many MiB, each byte the low byte of its position divided by 251.
pub fn big(out: ResponseOutparam, mebibytes: u64) {
    let to = start(
        out,
        200,
        fields(&[("content-type", "application/octet-stream")]),
    );
    let output = to.write().expect("the stream");
    let mut position = 0_u64;
    let mut piece = vec![0_u8; PIECE as usize];
    while position < mebibytes << 20 {
        for (offset, byte) in piece.iter_mut().enumerate() {
            *byte = ((position + offset as u64) / 251) as u8;
        }
        if !report("write", write_waiting(&output, &piece)) {
            return;
        }
        position += PIECE;
    }
    if report("flush", output.blocking_flush()) {
        drop(output);
        finish(to, None);
    }
}

/// Waits for the body and for a clock at once: "tick" for the clock, "data N" for the body.
pub fn poll_many(request: IncomingRequest, out: ResponseOutparam, milliseconds: u64) {
    let to = start_text(out);
    let output = to.write().expect("the stream");
    let from = request.consume().expect("the body");
    let input = from.stream().expect("the stream");
    let arrived = input.subscribe();
    let timer = || -> Pollable { subscribe_duration(milliseconds * 1_000_000) };
    let mut tick = timer();
    let mut ticks = 0;
    loop {
        let ready = poll(&[&tick, &arrived]);
        let mut text = String::new();
        if ready.contains(&0) {
            text.push_str("tick\n");
            ticks += 1;
            tick = timer();
        }
        if ready.contains(&1) {
            match input.read(PIECE) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => text.push_str(&format!("data {}\n", bytes.len())),
                Err(StreamError::Closed) => break,
                Err(_) => text.push_str("failed\n"),
            }
        }
        if !report("write", write(&output, text.as_bytes())) || ticks == 1000 {
            return;
        }
    }
    report("write", write(&output, b"end\n"));
    drop(output);
    finish(to, None);
}

/// A whole response, and then no end.
pub fn spin_after(out: ResponseOutparam) {
    let response = OutgoingResponse::new(fields(&[("content-length", "5")]));
    let body = response.body().expect("the body");
    ResponseOutparam::set(out, Ok(response));
    let output = body.write().expect("the stream");
    report("write", write(&output, b"done\n"));
    drop(output);
    let _ = OutgoingBody::finish(body, None);
    crate::system::spin()
}

/// Each `do=` of the query and each line of the body is a file operation; see the crate `files`.
pub fn files(request: IncomingRequest, out: ResponseOutparam, target: &Target) {
    let mut script: String = target.values("do").map(|line| line + "\n").collect();
    let body = request.consume().expect("the body");
    let input = body.stream().expect("the stream");
    let mut bytes = Vec::new();
    report(
        "read",
        read_each(&input, |piece| {
            bytes.extend_from_slice(&piece);
            Ok(())
        }),
    );
    script.push_str(&String::from_utf8_lossy(&bytes));
    let mut files = Files::new();
    let lines = script
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    send_lines(out, lines.map(|line| files.answer(line)));
}
