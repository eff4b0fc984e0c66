// SPDX-License-Identifier: Apache-2.0
//
// A component for wasi:http 0.2: one function that gets the request and sends the response.

use std::io::Write;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Greeter;

wasip2::http::proxy::export!(Greeter);

impl Guest for Greeter {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let (status, text) = match request.method() {
            Method::Get | Method::Head => {
                let target = request.path_with_query().unwrap_or_default();
                (200, format!("Hello, {}!\n", name_of(&target)))
            }
            _ => (405, "only GET and HEAD\n".to_owned()),
        };
        send(response_out, status, &text);
    }
}

/// The last `name` of the query of "/path?query", decoded; "World" without one.
fn name_of(target: &str) -> String {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| key == "name")
        .map(|(_, value)| value.into_owned())
        .last()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "World".to_owned())
}

fn send(response_out: ResponseOutparam, status: u16, text: &str) {
    let headers = Fields::new();
    let fields = [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-greeter", "rust, wasi:http 0.2"),
    ];
    for (name, value) in fields {
        headers
            .append(name, value.as_bytes())
            .expect("a header field");
    }
    if status == 405 {
        headers
            .append("allow", b"GET, HEAD")
            .expect("a header field");
    }
    // Once a response is made, its headers can no longer be changed.
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("a status code");
    let body = response.body().expect("the body is taken once");
    // From here on the head can be on its way to the client, so what fails later cannot become
    // another status: it ends the response.
    ResponseOutparam::set(response_out, Ok(response));
    // The stream belongs to the body: it must be gone before the body is finished. A client that
    // went away makes writing fail, which is no fault of ours.
    let mut stream = body.write().expect("the stream is taken once");
    let written = stream.write_all(text.as_bytes()).is_ok() && stream.blocking_flush().is_ok();
    drop(stream);
    if written {
        let _ = OutgoingBody::finish(body, None);
    }
}
