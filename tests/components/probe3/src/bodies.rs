// SPDX-License-Identifier: Apache-2.0
//! Bodies in both directions, and what can go wrong with them.

use crate::answer::{
    empty, fields, from_stream, open, open_text, report_sent, text, Open, TrailersResult,
};
use crate::fields::json_line;
use crate::target::Target;
use crate::Answer;
use core::pin::pin;
use files3::{error_name, next, read_all, Files};
use futures::future::{select, Either};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{FutureReader, StreamReader, StreamWriter};
use wasip3::{spawn_local, wit_future};

const PIECE: u64 = 64 * 1024;

/// The request's body; we have no complaint about it.
pub fn body_of(request: Request) -> (StreamReader<u8>, FutureReader<TrailersResult>) {
    let (_, fine) = wit_future::new(|| Ok(()));
    Request::consume_body(request, fine)
}

pub fn body_of_response(response: Response) -> (StreamReader<u8>, FutureReader<TrailersResult>) {
    let (_, fine) = wit_future::new(|| Ok(()));
    Response::consume_body(response, fine)
}

/// Whether everything was taken.
pub async fn write(stream: &mut StreamWriter<u8>, text: &str) -> bool {
    stream.write_all(text.as_bytes().to_vec()).await.is_empty()
}

fn same_content_type(request: &Request) -> Fields {
    let headers = Fields::new();
    for value in request.get_headers().get("content-type") {
        headers
            .append("content-type", &value)
            .expect("a field of the request");
    }
    headers
}

/// Through the guest's memory.
pub fn echo(request: Request) -> Answer {
    let mut open = open(200, same_content_type(&request));
    let (mut from, _trailers) = body_of(request);
    spawn_local(async move {
        while let Some(bytes) = next(&mut from).await {
            if !open.body.write_all(bytes).await.is_empty() {
                eprintln!("echo: the reader has gone");
                return;
            }
        }
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// The request's stream is the response's: the guest never sees a byte.
pub fn pass(request: Request) -> Answer {
    let headers = same_content_type(&request);
    let (body, trailers) = body_of(request);
    from_stream(headers, body, trailers)
}

/// The request's trailers as lines of the body, and again as trailers of the response.
pub async fn trailers(request: Request) -> Answer {
    let (mut from, received) = body_of(request);
    let size = read_all(&mut from).await.len();
    let trailers = fields(&[("x-probe", "done"), ("x-size", &size.to_string())]);
    let lines = match received.await {
        Err(error) => format!("{}\n", error_name(&error)),
        Ok(None) => "none\n".to_owned(),
        Ok(Some(received)) => {
            let entries = received.copy_all();
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
    let headers = fields(&[
        ("content-type", "text/plain"),
        ("trailer", "x-probe, x-size"),
    ]);
    let mut open = open(200, headers);
    spawn_local(async move {
        write(&mut open.body, &lines).await;
        drop(open.body);
        if open.trailers.write(Ok(Some(trailers))).await.is_err() {
            eprintln!("trailers: nobody took them");
        }
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// A whole body, and then trailers that are an error: the response is broken off.
pub fn trailers_error() -> Answer {
    let mut open = open_text();
    spawn_local(async move {
        write(&mut open.body, "and then an error\n").await;
        drop(open.body);
        let error = ErrorCode::InternalError(Some("asked for".to_owned()));
        if open.trailers.write(Err(error)).await.is_err() {
            eprintln!("trailers: nobody took them");
        }
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// A whole body, and trailers that never come.
pub fn trailers_never() -> Answer {
    let mut open = open_text();
    spawn_local(async move {
        write(&mut open.body, "and then nothing\n").await;
        drop(open.body);
        let _trailers = open.trailers;
        crate::system::never::<()>().await;
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// Answers, then reads the whole body, then answers to the end.
pub fn answer_first(request: Request) -> Answer {
    let (mut from, _trailers) = body_of(request);
    let mut open = open_text();
    spawn_local(async move {
        write(&mut open.body, "first\n").await;
        let size = read_all(&mut from).await.len();
        write(&mut open.body, &format!("read {size}\n")).await;
    });
    report_sent(open.sent);
    Ok(open.response)
}

pub async fn read_first(request: Request) -> Answer {
    let (mut from, _trailers) = body_of(request);
    let size = read_all(&mut from).await.len();
    text(&format!("read {size}\n"))
}

/// So many bytes of a body, then a trap.
pub fn half(size: u64) -> Answer {
    let mut open = open_text();
    spawn_local(async move {
        write(&mut open.body, &"h".repeat(size as usize)).await;
        core::arch::wasm32::unreachable()
    });
    Ok(open.response)
}

/// Both ends of the body are dropped after a few bytes, as if that were all: 0.3 knows no other end.
pub fn drop_body(size: u64) -> Answer {
    let mut open = open_text();
    spawn_local(async move {
        write(&mut open.body, &"d".repeat(size as usize)).await;
        drop(open.body);
        drop(open.trailers);
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// Answers without having looked at the request's body.
pub fn drop_request(request: Request) -> Answer {
    drop(request);
    text("not read\n")
}

/// Reads one byte of the request's body and drops the rest, saying that something is wrong with it.
pub async fn drop_reader(request: Request) -> Answer {
    let (complaint, result) = wit_future::new(|| Ok(()));
    let (mut from, _trailers) = Request::consume_body(request, result);
    let first = from.next().await;
    drop(from);
    let error = ErrorCode::HttpRequestBodySize(None);
    spawn_local(async move {
        let _ = complaint.write(Err(error)).await;
    });
    text(&format!("{first:?}\n"))
}

/// Declares one length and writes another; what the host says of it goes to the log.
pub fn declared(declared: usize, written: usize) -> Answer {
    let length = declared.to_string();
    let headers = fields(&[("content-type", "text/plain"), ("content-length", &length)]);
    let mut open = open(200, headers);
    spawn_local(async move {
        write(&mut open.body, &"0123456789"[..written]).await;
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// So many MiB, each byte the low byte of its position divided by 251.
pub fn big(mebibytes: u64) -> Answer {
    let mut open = open(200, fields(&[("content-type", "application/octet-stream")]));
    spawn_local(async move {
        let mut position = 0_u64;
        while position < mebibytes << 20 {
            let byte = |offset| ((position + offset) / 251) as u8;
            let piece: Vec<u8> = (0..PIECE).map(byte).collect();
            if !open.body.write_all(piece).await.is_empty() {
                eprintln!("big: the reader has gone");
                return;
            }
            position += PIECE;
        }
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// Waits for the body and for a clock at once: "tick" for the clock, "data N" for the body.
pub fn poll_many(request: Request, milliseconds: u64) -> Answer {
    let (mut from, _trailers) = body_of(request);
    let mut open = open_text();
    spawn_local(async move {
        'pieces: loop {
            let mut piece = pin!(next(&mut from));
            for _ in 0..1000 {
                let tick = pin!(wait_for(milliseconds * 1_000_000));
                let line = match select(piece.as_mut(), tick).await {
                    Either::Left((Some(bytes), _)) => format!("data {}\n", bytes.len()),
                    Either::Left((None, _)) => break 'pieces,
                    Either::Right(_) => "tick\n".to_owned(),
                };
                if !write(&mut open.body, &line).await {
                    return;
                }
                if line.starts_with("data") {
                    continue 'pieces;
                }
            }
            return;
        }
        write(&mut open.body, "end\n").await;
    });
    report_sent(open.sent);
    Ok(open.response)
}

/// A whole response with its length, then what `then` does.
fn after(then: impl core::future::Future<Output = ()> + 'static) -> Answer {
    let Open {
        response,
        mut body,
        trailers,
        sent,
    } = open(200, fields(&[("content-length", "5")]));
    spawn_local(async move {
        write(&mut body, "done\n").await;
        drop((body, trailers, sent));
        then.await;
    });
    Ok(response)
}

pub fn spin_after() -> Answer {
    after(async {
        let _ = crate::system::spin();
    })
}

pub fn trap_after() -> Answer {
    after(async {
        wait_for(1_000_000).await;
        core::arch::wasm32::unreachable()
    })
}

/// Work after the response; its end goes to the log.
pub fn sleep_after(milliseconds: u64) -> Answer {
    after(async move {
        wait_for(milliseconds * 1_000_000).await;
        eprintln!("slept after the response");
    })
}

/// Writes to the log how the response was delivered.
pub fn delivered() -> Answer {
    let Open {
        response,
        mut body,
        trailers,
        sent,
    } = open_text();
    spawn_local(async move {
        let whole = write(&mut body, &"d".repeat(1 << 20)).await;
        drop((body, trailers));
        let sent = sent
            .await
            .map_or_else(|error| error_name(&error), |()| "ok".to_owned());
        eprintln!("delivered: whole={whole} sent={sent}");
    });
    Ok(response)
}

/// Each `do=` of the query and each line of the body is a file operation; see the crate `files3`.
pub async fn files(request: Request, target: &Target) -> Answer {
    let mut script: String = target.values("do").map(|line| line + "\n").collect();
    let (mut from, _trailers) = body_of(request);
    script.push_str(&String::from_utf8_lossy(&read_all(&mut from).await));
    let mut files = Files::new();
    let mut answers = String::new();
    for line in script
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        answers += &files.answer(line).await;
        answers.push('\n');
    }
    if answers.is_empty() {
        return empty(204);
    }
    text(&answers)
}
