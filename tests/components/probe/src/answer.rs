// SPDX-License-Identifier: Apache-2.0
//! Making and sending responses.

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{OutputStream, StreamError};

pub fn fields(pairs: &[(&str, &str)]) -> Fields {
    let pairs: Vec<(String, Vec<u8>)> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Fields::from_list(&pairs).expect("fields that may be set")
}

/// Starts a response; its body is open.
pub fn start(out: ResponseOutparam, status: u16, headers: Fields) -> OutgoingBody {
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("a status code");
    let body = response.body().expect("the body");
    ResponseOutparam::set(out, Ok(response));
    body
}

pub fn start_text(out: ResponseOutparam) -> OutgoingBody {
    start(out, 200, fields(&[("content-type", "text/plain")]))
}

/// `blocking-write-and-flush` takes at most 4096 bytes.
pub fn write(stream: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    bytes
        .chunks(4096)
        .try_for_each(|piece| stream.blocking_write_and_flush(piece))
}

/// Whole response bodies end here; what went wrong is for the log.
pub fn finish(body: OutgoingBody, trailers: Option<Fields>) {
    match OutgoingBody::finish(body, trailers) {
        Ok(()) => {}
        Err(error) => eprintln!("finish: {}", error_name(&error)),
    }
}

pub fn send_status(out: ResponseOutparam, status: u16, text: &str) {
    let headers = fields(&[("content-type", "text/plain"), ("x-probe", "p2")]);
    let body = start(out, status, headers);
    let stream = body.write().expect("the stream");
    if let Err(error) = write(&stream, text.as_bytes()) {
        eprintln!("write: {}", stream_error_name(&error));
    }
    drop(stream);
    finish(body, None);
}

pub fn send(out: ResponseOutparam, text: &str) {
    send_status(out, 200, text);
}

/// A response whose body was never asked for.
pub fn send_empty(out: ResponseOutparam, status: u16) {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("a status code");
    ResponseOutparam::set(out, Ok(response));
}

/// Uses the handle of the out parameter twice; the host has to trap.
pub fn double_set(out: ResponseOutparam) {
    let handle = out.handle();
    let response = || OutgoingResponse::new(Fields::new());
    ResponseOutparam::set(out, Ok(response()));
    // SAFETY: the handle is invalid by now, which is the test.
    let again = unsafe { ResponseOutparam::from_handle(handle) };
    ResponseOutparam::set(again, Ok(response()));
}

/// "ErrorCode::HttpRequestDenied(…)" as "http-request-denied".
pub fn error_name(error: &impl core::fmt::Debug) -> String {
    let shown = format!("{error:?}");
    let name = shown.strip_prefix("ErrorCode::").unwrap_or(&shown);
    let mut kebab = String::new();
    for c in name.chars().take_while(|c| c.is_ascii_alphanumeric()) {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

pub fn stream_error_name(error: &StreamError) -> &'static str {
    match error {
        StreamError::Closed => "closed",
        StreamError::LastOperationFailed(_) => "last-operation-failed",
    }
}
