// SPDX-License-Identifier: Apache-2.0
//! Requests that the guest makes.

use crate::answer::{error_name, send, start, stream_error_name};
use crate::bodies::{read_each, write_waiting};
use crate::target::Target;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingRequest, IncomingResponse,
    Method, OutgoingBody, OutgoingRequest, RequestOptions, ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;

/// `url`, or words why it is none.
fn outgoing(url: &str, method: &Method, headers: Fields) -> Result<OutgoingRequest, String> {
    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let request = OutgoingRequest::new(headers);
    request.set_method(method).map_err(|()| "refused: method")?;
    request
        .set_scheme(Some(&scheme))
        .map_err(|()| "refused: scheme")?;
    request
        .set_authority(Some(authority))
        .map_err(|()| "refused: authority")?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| "refused: path")?;
    Ok(request)
}

/// `connect-ms`, `first-byte-ms` and `between-bytes-ms` of the query.
fn options(target: &Target) -> Option<RequestOptions> {
    let options = RequestOptions::new();
    let time = |name| {
        target
            .value(name)
            .and_then(|text| Some(text.parse::<u64>().ok()? * 1_000_000))
    };
    let (connect, first, between) = (
        time("connect-ms"),
        time("first-byte-ms"),
        time("between-bytes-ms"),
    );
    connect.or(first).or(between)?;
    for set in [
        options.set_connect_timeout(connect),
        options.set_first_byte_timeout(first),
        options.set_between_bytes_timeout(between),
    ] {
        if set.is_err() {
            eprintln!("a timeout is not supported");
        }
    }
    Some(options)
}

fn response_of(future: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    future.subscribe().block();
    future
        .get()
        .expect("it is ready")
        .expect("it is taken once")
}

fn get(target: &Target) -> Result<String, String> {
    let url = target.value("url").ok_or("no url")?;
    let method = match target.value("method").as_deref() {
        None | Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some("POST") => Method::Post,
        Some(other) => Method::Other(other.to_owned()),
    };
    let headers = Fields::new();
    for pair in target.values("header") {
        let (name, value) = pair.split_once(':').ok_or("no header")?;
        headers
            .append(name, value.trim().as_bytes())
            .map_err(|error| format!("{error:?}"))?;
    }
    let request = outgoing(&url, &method, headers)?;
    let body = request.body().map_err(|()| "no body")?;
    let named = |error: ErrorCode| error_name(&error);
    let future =
        handle(request, options(target)).map_err(|error| format!("at once {}", named(error)))?;
    if let Some(text) = target.value("body") {
        let stream = body.write().map_err(|()| "no stream")?;
        write_waiting(&stream, text.as_bytes()).map_err(|error| stream_error_name(&error))?;
    }
    OutgoingBody::finish(body, None).map_err(|error| format!("finish {}", named(error)))?;
    let response = response_of(&future).map_err(named)?;
    let mut text = format!("{}\n", response.status());
    if target.value("show").is_some() {
        for (name, value) in response.headers().entries() {
            text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(&value)));
        }
        text.push('\n');
    }
    let incoming = response.consume().map_err(|()| "no body")?;
    let stream = incoming.stream().map_err(|()| "no stream")?;
    let mut bytes = Vec::new();
    let read = read_each(&stream, |piece| {
        bytes.extend_from_slice(&piece);
        Ok(())
    });
    text.push_str(&String::from_utf8_lossy(&bytes));
    if let Err(error) = read {
        let code = match &error {
            StreamError::LastOperationFailed(cause) => wasip2::http::types::http_error_code(cause),
            StreamError::Closed => None,
        };
        let name = code.map_or_else(|| stream_error_name(&error).to_owned(), named);
        text.push_str(&format!("\nbroken off: {name}\n"));
    }
    Ok(text)
}

/// "STATUS\nBODY", or "error: NAME" of the error code. `url`, `method`, `header` (repeatable),
/// `body`, `show` (the headers as well), and the timeouts.
pub fn fetch(out: ResponseOutparam, target: &Target) {
    match get(target) {
        Ok(text) => send(out, &text),
        Err(words) => send(out, &format!("error: {words}\n")),
    }
}

/// The request goes to `url` with its method and body, the answer goes back, both as streams.
pub fn proxy(request: IncomingRequest, out: ResponseOutparam, target: &Target) {
    let failed = |out, error: ErrorCode| ResponseOutparam::set(out, Err(error));
    let url = target.value("url").unwrap_or_default();
    let outgoing = match outgoing(&url, &request.method(), Fields::new()) {
        Ok(outgoing) => outgoing,
        Err(words) => return send(out, &format!("error: {words}\n")),
    };
    let to = outgoing.body().expect("the body");
    let future = match handle(outgoing, options(target)) {
        Ok(future) => future,
        Err(error) => return failed(out, error),
    };
    let from = request.consume().expect("the body");
    let (input, output) = (
        from.stream().expect("the stream"),
        to.write().expect("the stream"),
    );
    let sent = read_each(&input, |bytes| write_waiting(&output, &bytes));
    drop((input, output));
    match sent {
        Ok(()) => drop(OutgoingBody::finish(to, None)),
        Err(error) => eprintln!("proxy, there: {}", stream_error_name(&error)),
    }
    let response = match response_of(&future) {
        Ok(response) => response,
        Err(error) => return failed(out, error),
    };
    let headers = Fields::new();
    for name in ["content-type", "content-length"] {
        for value in response.headers().get(name) {
            headers
                .append(name, &value)
                .expect("a field of the response");
        }
    }
    let back = start(out, response.status(), headers);
    let body = response.consume().expect("the body");
    let (input, output) = (
        body.stream().expect("the stream"),
        back.write().expect("the stream"),
    );
    let sent = read_each(&input, |bytes| write_waiting(&output, &bytes))
        .and_then(|()| output.blocking_flush());
    drop((input, output));
    drop(IncomingBody::finish(body));
    match sent {
        Ok(()) => drop(OutgoingBody::finish(back, None)),
        Err(error) => eprintln!("proxy, back: {}", stream_error_name(&error)),
    }
}
