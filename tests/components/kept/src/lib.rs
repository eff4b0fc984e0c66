// SPDX-License-Identifier: Apache-2.0
//! A component for wasi:http 0.2 whose instances are reused: it counts the requests that one has
//! served, and keeps what is of one request for the next.
//!
//! `/count` answers how many; `/hold` keeps all that it can of its own request; `/held` says what
//! became of that; `/held-request` asks the request that was kept for its method. `/trap`, `/spin`,
//! `/exit` end badly, or end.

use std::cell::RefCell;
use std::io::{Read, Write};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, InputStream, OutgoingBody, OutgoingResponse,
    OutputStream, ResponseOutparam,
};
use wasip2::io::poll::Pollable;

struct Kept;

wasip2::http::proxy::export!(Kept);

struct Held {
    request: IncomingRequest,
    readable: Pollable,
    input: InputStream,
    output: OutputStream,
    _bodies: (IncomingBody, OutgoingBody),
}

thread_local! {
    static COUNT: RefCell<u32> = const { RefCell::new(0) };
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

fn answer(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body");
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().expect("the stream");
    let _ = stream.write_all(text.as_bytes());
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

/// Answers, but keeps the request, its body and the answer's body.
fn hold(request: IncomingRequest, out: ResponseOutparam) {
    let headers = Fields::new();
    headers.append("content-length", b"5").expect("the length");
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("the body");
    ResponseOutparam::set(out, Ok(response));
    let mut output = body.write().expect("the stream");
    let _ = output.write_all(b"held\n");
    let incoming = request.consume().expect("the request's body");
    let input = incoming.stream().expect("its stream");
    let readable = input.subscribe();
    let held = Held {
        request,
        readable,
        input,
        output,
        _bodies: (incoming, body),
    };
    HELD.with_borrow_mut(|place| *place = Some(held));
}

/// What became of what was kept.
fn held() -> String {
    HELD.with_borrow_mut(|place| {
        let Some(held) = place else {
            return "nothing\n".to_owned();
        };
        held.readable.block();
        let mut bytes = Vec::new();
        let read = held
            .input
            .read_to_end(&mut bytes)
            .map(|size| size.to_string());
        let written = held.output.write(b"for another").map(|()| "it".to_owned());
        let read = read.unwrap_or_else(|_| "closed".to_owned());
        let written = written.unwrap_or_else(|_| "closed".to_owned());
        format!("read {read}, written {written}\n")
    })
}

impl Guest for Kept {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let count = COUNT.with_borrow_mut(|count| {
            *count += 1;
            *count
        });
        match request.path_with_query().unwrap_or_default().as_str() {
            path if path.ends_with("/hold") => hold(request, out),
            path if path.ends_with("/held") => answer(out, &held()),
            path if path.ends_with("/held-request") => {
                let method = HELD.with_borrow(|held| {
                    held.as_ref()
                        .map(|held| format!("{:?}\n", held.request.method()))
                });
                answer(out, &method.unwrap_or_default());
            }
            path if path.ends_with("/trap") => core::arch::wasm32::unreachable(),
            path if path.ends_with("/exit") => std::process::exit(0),
            path if path.ends_with("/spin") => loop {
                core::hint::black_box(count);
            },
            _ => answer(out, &format!("{count}\n")),
        }
    }
}
