// SPDX-License-Identifier: Apache-2.0
//! A component for wasi:http 0.3 whose instances are reused: it counts the requests that one has
//! served.
//!
//! `/count` answers how many; `/hold` answers and keeps its request's body, of which it has read
//! nothing; `/trap` ends badly.

use std::cell::RefCell;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::StreamReader;
use wasip3::{spawn_local, wit_future, wit_stream};

struct Kept;

wasip3::http::service::export!(Kept);

thread_local! {
    static COUNT: RefCell<u32> = const { RefCell::new(0) };
    static HELD: RefCell<Option<StreamReader<u8>>> = const { RefCell::new(None) };
}

fn answer(text: String) -> Response {
    let (mut writer, body) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(Fields::new(), Some(body), trailers);
    spawn_local(async move {
        let _ = writer.write_all(text.into_bytes()).await;
    });
    response
}

impl wasip3::exports::http::handler::Guest for Kept {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let count = COUNT.with_borrow_mut(|count| {
            *count += 1;
            *count
        });
        let path = request.get_path_with_query().unwrap_or_default();
        if path.ends_with("/trap") {
            core::arch::wasm32::unreachable();
        }
        if path.ends_with("/hold") {
            let (_, result) = wit_future::new(|| Ok(()));
            let (body, _) = Request::consume_body(request, result);
            HELD.with_borrow_mut(|held| *held = Some(body));
        }
        Ok(answer(format!("{count}\n")))
    }
}
