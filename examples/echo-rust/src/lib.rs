// SPDX-License-Identifier: Apache-2.0
//
// Sends the request's body back while it arrives, in the same memory for a byte and for a gigabyte.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

struct Echo;

wasip2::http::proxy::export!(Echo);

impl Guest for Echo {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let headers = Fields::new();
        // The length is passed on as well: whoever reads the response can then tell that it is
        // complete.
        for name in ["content-type", "content-length"] {
            for value in request.headers().get(name) {
                headers
                    .append(name, &value)
                    .expect("a field of the request");
            }
        }
        let response = OutgoingResponse::new(headers);
        let to = response.body().expect("the body is taken once");
        let from = request.consume().expect("the body is taken once");
        ResponseOutparam::set(response_out, Ok(response));
        if let Err(error) = copy(&from, &to) {
            // Without `finish` the response counts as broken off, which is what it is.
            eprintln!("the echo ended early: {error}");
            return;
        }
        if let Err(error) = OutgoingBody::finish(to, None) {
            eprintln!("the echo is incomplete: {error}");
        }
    }
}

/// `splice` moves bytes from one stream to the other within the host. It waits for the sender and
/// for the receiver, so neither a fast nor a slow client makes anything pile up.
fn copy(from: &IncomingBody, to: &OutgoingBody) -> Result<(), StreamError> {
    let input = from.stream().expect("the stream is taken once");
    let output = to.write().expect("the stream is taken once");
    loop {
        match output.blocking_splice(&input, 64 * 1024) {
            Ok(_) => {}
            // Of the two streams it is the input that ends without a failure.
            Err(StreamError::Closed) => return output.blocking_flush(),
            Err(error) => return Err(error),
        }
    }
}
