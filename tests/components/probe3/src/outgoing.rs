// SPDX-License-Identifier: Apache-2.0
//! Requests that the guest makes.

use crate::answer::{from_stream, text, TrailersResult};
use crate::bodies::{body_of, body_of_response};
use crate::target::Target;
use crate::Answer;
use files3::{error_name, read_all};
use wasip3::http::client::send;
use wasip3::http::types::{Fields, Method, Request, RequestOptions, Scheme};
use wasip3::wit_bindgen::{FutureReader, StreamReader};
use wasip3::{spawn_local, wit_future, wit_stream};

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

/// A request to `url`, or words why it is none.
fn outgoing(
    url: &str,
    method: &Method,
    headers: Fields,
    body: Option<StreamReader<u8>>,
    trailers: FutureReader<TrailersResult>,
    options: Option<RequestOptions>,
) -> Result<Request, String> {
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
    let (request, _) = Request::new(headers, body, trailers, options);
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

async fn get(target: &Target) -> Result<String, String> {
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
    let body = target.value("body").map(|text| {
        let (mut writer, reader) = wit_stream::new();
        spawn_local(async move {
            let _ = writer.write_all(text.into_bytes()).await;
        });
        reader
    });
    let (_, trailers) = wit_future::new(|| Ok(None));
    let request = outgoing(&url, &method, headers, body, trailers, options(target))?;
    let response = send(request).await.map_err(|error| error_name(&error))?;
    let mut text = format!("{}\n", response.get_status_code());
    if target.value("show").is_some() {
        for (name, value) in response.get_headers().copy_all() {
            text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(&value)));
        }
        text.push('\n');
    }
    let (mut stream, trailers) = body_of_response(response);
    text.push_str(&String::from_utf8_lossy(&read_all(&mut stream).await));
    if let Err(error) = trailers.await {
        text.push_str(&format!("\nbroken off: {}\n", error_name(&error)));
    }
    Ok(text)
}

/// "STATUS\nBODY", or "error: NAME" of the error code. `url`, `method`, `header` (repeatable),
/// `body`, `show` (the headers as well), and the timeouts.
pub async fn fetch(target: &Target) -> Answer {
    match get(target).await {
        Ok(answer) => text(&answer),
        Err(words) => text(&format!("error: {words}\n")),
    }
}

/// The request goes to `url` with its method and body, the answer goes back, both as streams that
/// the guest hands on.
pub async fn proxy(request: Request, target: &Target) -> Answer {
    let url = target.value("url").unwrap_or_default();
    let method = request.get_method();
    let (body, trailers) = body_of(request);
    let outgoing = outgoing(
        &url,
        &method,
        Fields::new(),
        Some(body),
        trailers,
        options(target),
    );
    let request = match outgoing {
        Ok(request) => request,
        Err(words) => return text(&format!("error: {words}\n")),
    };
    let response = send(request).await?;
    let headers = Fields::new();
    for name in ["content-type", "content-length"] {
        for value in response.get_headers().get(name) {
            headers
                .append(name, &value)
                .expect("a field of the response");
        }
    }
    let status = response.get_status_code();
    let (body, trailers) = body_of_response(response);
    let answer = from_stream(headers, body, trailers)?;
    answer.set_status_code(status).expect("a status code");
    Ok(answer)
}
