// SPDX-License-Identifier: Apache-2.0
//! Making responses.

use crate::Answer;
use files3::error_name;
use wasip3::http::types::{ErrorCode, Fields, Response, Trailers};
use wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamWriter};
use wasip3::{spawn_local, wit_future, wit_stream};

pub type TrailersResult = Result<Option<Trailers>, ErrorCode>;

pub fn fields(pairs: &[(&str, &str)]) -> Fields {
    let pairs: Vec<(String, Vec<u8>)> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Fields::from_list(&pairs).expect("fields that may be set")
}

/// A response whose body and trailers are still to be written.
pub struct Open {
    pub response: Response,
    pub body: StreamWriter<u8>,
    pub trailers: FutureWriter<TrailersResult>,
    pub sent: FutureReader<Result<(), ErrorCode>>,
}

pub fn open(status: u16, headers: Fields) -> Open {
    let (body, reader) = wit_stream::new();
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, sent) = Response::new(headers, Some(reader), trailers_reader);
    response.set_status_code(status).expect("a status code");
    Open {
        response,
        body,
        trailers,
        sent,
    }
}

pub fn open_text() -> Open {
    open(200, fields(&[("content-type", "text/plain")]))
}

/// A response whose body is a stream that somebody else writes.
pub fn from_stream(
    headers: Fields,
    body: StreamReader<u8>,
    trailers: FutureReader<TrailersResult>,
) -> Answer {
    let (response, sent) = Response::new(headers, Some(body), trailers);
    report_sent(sent);
    Ok(response)
}

/// What became of the response is for the log.
pub fn report_sent(sent: FutureReader<Result<(), ErrorCode>>) {
    spawn_local(async move {
        if let Err(error) = sent.await {
            eprintln!("sent: {}", error_name(&error));
        }
    });
}

pub fn text_status(status: u16, text: &str) -> Answer {
    let mut open = open(
        status,
        fields(&[("content-type", "text/plain"), ("x-probe", "p3")]),
    );
    let bytes = text.as_bytes().to_vec();
    spawn_local(async move {
        let left = open.body.write_all(bytes).await;
        if !left.is_empty() {
            eprintln!("write: {} bytes left", left.len());
        }
    });
    report_sent(open.sent);
    Ok(open.response)
}

pub fn text(text: &str) -> Answer {
    text_status(200, text)
}

/// A response without a body.
pub fn empty(status: u16) -> Answer {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(Fields::new(), None, trailers);
    response.set_status_code(status).expect("a status code");
    Ok(response)
}
