// SPDX-License-Identifier: Apache-2.0
//! A component for wasi:http 0.3 whose path says what it does: what `probe` is for 0.2, as far as
//! 0.3 has the same, and what only 0.3 has. README.md lists the paths.

mod answer;
mod bodies;
mod fields;
mod outgoing;
mod system;
#[path = "../../probe/src/target.rs"]
mod target;

use answer::{text, text_status};
use target::Target;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};

struct Probe;

wasip3::http::service::export!(Probe);

type Answer = Result<Response, ErrorCode>;

impl Guest for Probe {
    async fn handle(request: Request) -> Answer {
        let target = Target::parse(&request.get_path_with_query().unwrap_or_default());
        match target.verb.as_str() {
            "hello" => text("hello\n"),
            "status" => text_status(target.number(200) as u16, "status\n"),
            "headers" => text(&fields::show_request(&request)),
            "fields" => text(&fields::exercise(&request)),
            "forbidden-header" => text(&fields::forbidden()),

            "echo" => bodies::echo(request),
            "pass" => bodies::pass(request),
            "trailers" => bodies::trailers(request).await,
            "trailers-error" => bodies::trailers_error(),
            "trailers-never" => bodies::trailers_never(),
            "answer-first" => bodies::answer_first(request),
            "read-first" => bodies::read_first(request).await,
            "half" => bodies::half(target.number(10)),
            "drop-body" => bodies::drop_body(target.number(8)),
            "drop-request" => bodies::drop_request(request),
            "drop-reader" => bodies::drop_reader(request).await,
            "content-length-short" => bodies::declared(10, 4),
            "content-length-long" => bodies::declared(4, 10),
            "big" => bodies::big(target.number(1)),
            "poll-many" => bodies::poll_many(request, target.number(20)),
            "spin-after" => bodies::spin_after(),
            "trap-after" => bodies::trap_after(),
            "sleep-after" => bodies::sleep_after(target.number(100)),
            "empty" => answer::empty(target.number(204) as u16),
            "delivered" => bodies::delivered(),

            "no-answer" => system::never().await,
            "error" => Err(error_code(&target)),
            "trap" => core::arch::wasm32::unreachable(),

            "spin" => system::spin(),
            "yield" => system::yield_for(target.number(1000)).await,
            "sleep" => system::sleep(target.number(100)).await,
            "sleep-many" => system::sleep_many(target.number(100)).await,
            "alloc" => text(&system::allocate(target.number(1))),
            "stderr" => system::stderr(target.number(1)).await,
            "stdout" => system::stdout().await,
            "stdin" => system::stdin().await,
            "env" => text(&system::environment()),
            "random" => text(&system::random()),
            "clock" => text(&system::clock().await),
            "exit" => system::exit(target.number(0)),

            "fetch" => outgoing::fetch(&target).await,
            "proxy" => outgoing::proxy(request, &target).await,
            "fs" => bodies::files(request, &target).await,
            _ => text_status(404, "no such path\n"),
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
