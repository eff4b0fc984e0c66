// SPDX-License-Identifier: Apache-2.0
//! Exports a handler for wasi:http 0.2 and one for 0.3; the answer tells which of them was called.

use std::io::Write;
use wasip2::http::types::{
    Fields as Fields2, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{spawn_local, wit_future, wit_stream};

struct Both;

wasip2::http::proxy::export!(Both);
wasip3::http::service::export!(Both);

impl wasip2::exports::http::incoming_handler::Guest for Both {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let response = OutgoingResponse::new(Fields2::new());
        let body = response.body().expect("the body");
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().expect("the stream");
        let _ = stream.write_all(b"0.2\n");
        let _ = stream.blocking_flush();
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

impl wasip3::exports::http::handler::Guest for Both {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let (mut writer, body) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(Fields::new(), Some(body), trailers);
        spawn_local(async move {
            let _ = writer.write_all(b"0.3\n".to_vec()).await;
        });
        Ok(response)
    }
}
