// SPDX-License-Identifier: Apache-2.0
//
// A component for wasi:http 0.3: an async function from a request to a response, whose body is a
// stream that is written to afterwards.

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::{spawn_local, wit_future, wit_stream};

struct Greeter;

wasip3::http::service::export!(Greeter);

impl Guest for Greeter {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match request.get_method() {
            Method::Get | Method::Head => {
                let target = request.get_path_with_query().unwrap_or_default();
                answer(200, format!("Hello, {}!\n", name_of(&target)))
            }
            _ => answer(405, "only GET and HEAD\n".to_owned()),
        }
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

fn answer(status: u16, text: String) -> Result<Response, ErrorCode> {
    let headers = Fields::new();
    let fields = [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-greeter", "rust, wasi:http 0.3"),
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
    let (mut writer, body) = wit_stream::new();
    // What follows the body: no trailers, and no failure.
    let (_, trailers) = wit_future::new(|| Ok(None));
    // The second value would tell whether the response was delivered.
    let (response, _) = Response::new(headers, Some(body), trailers);
    response.set_status_code(status).expect("a status code");
    // A stream has no buffer: writing ends when somebody has read, and that will be the host, once
    // it has the response. So the body is written by a task that outlives this function.
    spawn_local(async move {
        // What comes back was not read: the client has gone.
        let _ = writer.write_all(text.into_bytes()).await;
    });
    Ok(response)
}
