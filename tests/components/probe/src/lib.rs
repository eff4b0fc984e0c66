// SPDX-License-Identifier: Apache-2.0
//! A component for wasi:http 0.2 whose path says what it does; README.md lists the paths. It is to
//! the components what tests/guests/probe.c is to the commands.

mod answer;
mod bodies;
mod fields;
mod outgoing;
mod system;
mod target;

use answer::{send, send_status};
use target::Target;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{ErrorCode, IncomingRequest, ResponseOutparam};

struct Probe;

wasip2::http::proxy::export!(Probe);

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = Target::parse(&request.path_with_query().unwrap_or_default());
        match target.verb.as_str() {
            "hello" => send(out, "hello\n"),
            "status" => send_status(out, target.number(200) as u16, "status\n"),
            "headers" => send(out, &fields::show_request(&request)),
            "fields" => send(out, &fields::exercise(&request)),
            "forbidden-header" => send(out, &fields::forbidden()),

            "echo" => bodies::echo(request, out),
            "splice" => bodies::splice(request, out),
            "trailers" => bodies::trailers(request, out),
            "answer-first" => bodies::answer_first(request, out),
            "half" => bodies::half(out, target.number(10)),
            "drop-body" => bodies::drop_body(out),
            "drop-request" => bodies::drop_request(request, out),
            "no-finish" => bodies::no_finish(out),
            "content-length-short" => bodies::declared(out, 10, 4),
            "content-length-long" => bodies::declared(out, 4, 10),
            "big" => bodies::big(out, target.number(1)),
            "poll-many" => bodies::poll_many(request, out, target.number(20)),
            "spin-after" => bodies::spin_after(out),
            "empty" => answer::send_empty(out, target.number(204) as u16),

            "no-answer" => {}
            "drop-outparam" => drop(out),
            "error" => ResponseOutparam::set(out, Err(error_code(&target))),
            "double-set" => answer::double_set(out),
            "trap" => core::arch::wasm32::unreachable(),

            "spin" => system::spin(),
            "recurse" => send(out, &system::recurse(target.number(u64::MAX))),
            "sleep" => system::sleep(out, target.number(100)),
            "alloc" => send(out, &system::allocate(target.number(1))),
            "stderr" => system::stderr(out, target.number(1)),
            "stdout" => system::stdout(out),
            "env" => send(out, &system::environment()),
            "random" => send(out, &system::random()),
            "clock" => send(out, &system::clock()),
            "exit" => system::exit(target.number(0)),

            "fetch" => outgoing::fetch(out, &target),
            "proxy" => outgoing::proxy(request, out, &target),
            "fs" => bodies::files(request, out, &target),
            _ => send_status(out, 404, "no such path\n"),
        }
    }
}

fn error_code(target: &Target) -> ErrorCode {
    match target.value("code").as_deref() {
        Some("connection-refused") => ErrorCode::ConnectionRefused,
        Some("http-request-denied") => ErrorCode::HttpRequestDenied,
        Some("http-request-body-size") => ErrorCode::HttpRequestBodySize(Some(10)),
        Some("http-response-timeout") => ErrorCode::HttpResponseTimeout,
        Some("loop-detected") => ErrorCode::LoopDetected,
        Some("dns-timeout") => ErrorCode::DnsTimeout,
        _ => ErrorCode::InternalError(Some("asked for".to_owned())),
    }
}
