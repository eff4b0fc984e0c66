// SPDX-License-Identifier: Apache-2.0
//! Header fields: what arrived, and what the host lets a guest do with them.

use wasip3::http::types::{Fields, HeaderError, Method, Request, Response, Scheme};
use wasip3::wit_future;

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if (c as u32) < 32 => text.push_str(&format!("\\u{:04x}", c as u32)),
            c => text.push(c),
        }
    }
    text + "\""
}

pub fn json_line(name: &str, value: &[u8]) -> String {
    format!(
        "{{\"name\":{},\"value\":{}}}\n",
        quoted(name.as_bytes()),
        quoted(value)
    )
}

fn method_name(method: Method) -> String {
    match method {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    }
}

/// A line of JSON for each of method, target, scheme and authority, then one for each header.
pub fn show_request(request: &Request) -> String {
    let scheme = match request.get_scheme() {
        None => "(none)".to_owned(),
        Some(Scheme::Http) => "HTTP".to_owned(),
        Some(Scheme::Https) => "HTTPS".to_owned(),
        Some(Scheme::Other(name)) => name,
    };
    let none = || "(none)".to_owned();
    let mut text = String::new();
    for (name, value) in [
        (":method", method_name(request.get_method())),
        (":path", request.get_path_with_query().unwrap_or_else(none)),
        (":scheme", scheme),
        (":authority", request.get_authority().unwrap_or_else(none)),
    ] {
        text.push_str(&json_line(name, value.as_bytes()));
    }
    for (name, value) in request.get_headers().copy_all() {
        text.push_str(&json_line(&name, &value));
    }
    text
}

fn outcome(result: Result<(), HeaderError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(HeaderError::InvalidSyntax) => "invalid-syntax",
        Err(HeaderError::Forbidden) => "forbidden",
        Err(HeaderError::Immutable) => "immutable",
        Err(HeaderError::SizeExceeded) => "size-exceeded",
        Err(HeaderError::Other(_)) => "other",
    }
}

/// One line for each field that a guest must not, or may, set.
pub fn forbidden() -> String {
    let cases: [(&str, &[u8]); 22] = [
        ("connection", b"close"),
        ("Connection", b"close"),
        ("keep-alive", b"timeout=5"),
        ("proxy-connection", b"close"),
        ("proxy-authenticate", b"Basic"),
        ("proxy-authorization", b"Basic"),
        ("te", b"trailers"),
        ("trailer", b"x-sum"),
        ("transfer-encoding", b"chunked"),
        ("upgrade", b"websocket"),
        ("host", b"example.org"),
        ("http2-settings", b"AAMAAABkAAQAoAAAAAIAAAAA"),
        ("content-length", b"5"),
        ("date", b"now"),
        ("server", b"probe"),
        ("x-fine", b"fine"),
        ("bad name", b"value"),
        ("", b"value"),
        ("x-newline", b"a\r\nb: c"),
        ("x-nul", b"a\0b"),
        ("x-latin", b"caf\xe9"),
        ("x-tab", b"a\tb"),
    ];
    let mut text = String::new();
    for (name, value) in cases {
        let fields = Fields::new();
        let appended = outcome(fields.append(name, value));
        let set = outcome(fields.set(name, &[value.to_vec()]));
        let listed = match Fields::from_list(&[(name.to_owned(), value.to_vec())]) {
            Ok(_) => "ok",
            Err(error) => outcome(Err(error)),
        };
        text.push_str(&format!(
            "{name}: append={appended} set={set} from-list={listed}\n"
        ));
    }
    text
}

fn values(fields: &Fields, name: &str) -> String {
    let found = fields.get(name);
    let texts: Vec<_> = found
        .iter()
        .map(|value| String::from_utf8_lossy(value))
        .collect();
    format!("[{}]", texts.join(","))
}

fn names(fields: &Fields) -> String {
    let names: Vec<String> = fields
        .copy_all()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    format!("[{}]", names.join(","))
}

/// The whole interface of `fields`, a line an operation.
pub fn exercise(request: &Request) -> String {
    let fields = Fields::new();
    let mut lines = Vec::new();
    let mut line = |what: &str, value: &str| lines.push(format!("{what}: {value}\n"));
    line("append", outcome(fields.append("X-One", b"1")));
    line("append again", outcome(fields.append("x-one", b"2")));
    line("append another", outcome(fields.append("x-two", b"3")));
    line("get", &values(&fields, "x-one"));
    line("get in capitals", &values(&fields, "X-ONE"));
    line("get none", &values(&fields, "x-none"));
    line("get bad name", &values(&fields, "bad name"));
    line("has", &fields.has("X-TWO").to_string());
    line("has none", &fields.has("x-none").to_string());
    line("has bad name", &fields.has("bad name").to_string());
    line("entries", &names(&fields));
    line(
        "set",
        outcome(fields.set("x-one", &[b"4".to_vec(), b"5".to_vec()])),
    );
    line("get what was set", &values(&fields, "x-one"));
    line("set nothing", outcome(fields.set("x-one", &[])));
    line("has after set nothing", &fields.has("x-one").to_string());
    line("delete", outcome(fields.delete("x-two")));
    line("delete none", outcome(fields.delete("x-none")));
    line("delete bad name", outcome(fields.delete("bad name")));
    line("delete forbidden", outcome(fields.delete("connection")));
    line("entries after", &names(&fields));

    let headers = request.get_headers();
    line("request append", outcome(headers.append("x-one", b"1")));
    line(
        "request set",
        outcome(headers.set("x-one", &[b"1".to_vec()])),
    );
    line("request delete", outcome(headers.delete("host")));
    line(
        "request host",
        if headers.has("host") {
            "there"
        } else {
            "absent"
        },
    );
    let copy = headers.clone();
    line("clone append", outcome(copy.append("x-one", b"1")));
    line("clone has", &copy.has("x-one").to_string());
    line(
        "original has",
        &request.get_headers().has("x-one").to_string(),
    );

    line(
        "append for get-and-delete",
        outcome(fields.append("x-three", b"6")),
    );
    let taken = match fields.get_and_delete("x-three") {
        Ok(values) => format!("ok {}", values.len()),
        Err(error) => outcome(Err(error)).to_owned(),
    };
    line("get-and-delete", &taken);
    line(
        "has after get-and-delete",
        &fields.has("x-three").to_string(),
    );

    fields.append("x-last", b"1").expect("a field");
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(fields, None, trailers);
    line("response status", &response.get_status_code().to_string());
    line(
        "response append",
        outcome(response.get_headers().append("x-one", b"1")),
    );
    line(
        "response has",
        &response.get_headers().has("x-last").to_string(),
    );
    for status in [99, 100, 199, 204, 304, 599, 600, 999, 1000] {
        let result = if response.set_status_code(status).is_ok() {
            "ok"
        } else {
            "refused"
        };
        line(&format!("status {status}"), result);
    }

    let (_, trailers) = wit_future::new(|| Ok(None));
    let (outgoing, _) = Request::new(Fields::new(), None, trailers, None);
    let mut check = |what: &str, result: Result<(), ()>| {
        lines.push(format!(
            "{what}: {}\n",
            if result.is_ok() { "ok" } else { "refused" }
        ));
    };
    check(
        "method",
        outgoing.set_method(&Method::Other("PURGE".to_owned())),
    );
    check(
        "bad method",
        outgoing.set_method(&Method::Other("BAD METHOD".to_owned())),
    );
    check("path", outgoing.set_path_with_query(Some("/a?b=c")));
    check("bad path", outgoing.set_path_with_query(Some("/a b\n")));
    check(
        "authority",
        outgoing.set_authority(Some("example.org:8080")),
    );
    check(
        "bad authority",
        outgoing.set_authority(Some("bad authority")),
    );
    check(
        "scheme",
        outgoing.set_scheme(Some(&Scheme::Other("ftp".to_owned()))),
    );
    check(
        "bad scheme",
        outgoing.set_scheme(Some(&Scheme::Other("no scheme".to_owned()))),
    );
    lines.concat()
}
