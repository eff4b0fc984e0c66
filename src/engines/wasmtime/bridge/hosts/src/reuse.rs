//! The end of a request in an instance that takes another: whatever the guest still holds of it
//! must not reach into the next one, whose streams and calls have the same numbers.

use std::any::Any;

use crate::host::Host;
use crate::incoming::{FutureTrailers, IncomingBody, IncomingRequest, IncomingResponse};
use crate::outgoing::{Body, FutureResponse, OutgoingBody, ResponseOutparam};
use crate::p3;
use crate::streams::{lock, InputStream, OutputStream, Pollable, GONE, REQUEST_BODY};

impl Host {
    /// C++ has ended all streams and calls of the request, or is about to.
    pub fn end_request(&mut self) {
        self.table.iter_mut().for_each(forget);
    }
}

/// Is it one of a request's, and not of the instance's?
fn is_of_request(stream: u32) -> bool {
    stream >= REQUEST_BODY
}

fn forget_stream(stream: &mut u32) {
    if is_of_request(*stream) {
        *stream = GONE;
    }
}

fn forget_body(body: &std::sync::Mutex<Body>) {
    lock(body).forget();
}

fn forget(resource: &mut (dyn Any + Send)) {
    if let Some(request) = resource.downcast_mut::<IncomingRequest>() {
        request.is_over = true;
    } else if let Some(outparam) = resource.downcast_mut::<ResponseOutparam>() {
        outparam.is_over = true;
    } else if let Some(InputStream::Numbered(stream)) = resource.downcast_mut() {
        forget_stream(stream);
    } else if let Some(stream) = resource.downcast_mut::<OutputStream>() {
        match stream {
            OutputStream::Numbered(stream) => forget_stream(stream),
            OutputStream::Body(body) => forget_body(body),
            OutputStream::File(_) => {}
        }
    } else if let Some(body) = resource.downcast_mut::<OutgoingBody>() {
        forget_body(&body.0);
    } else if let Some(body) = resource.downcast_mut::<IncomingBody>() {
        forget_stream(&mut body.stream);
        body.call.iter().for_each(|call| call.forget());
    } else if let Some(trailers) = resource.downcast_mut::<FutureTrailers>() {
        forget_stream(&mut trailers.stream);
        trailers.call.iter().for_each(|call| call.forget());
    } else if let Some(response) = resource.downcast_mut::<IncomingResponse>() {
        response.call.forget();
    } else if let Some(response) = resource.downcast_mut::<FutureResponse>() {
        response.call.forget();
    } else if let Some(pollable) = resource.downcast_mut::<Pollable>() {
        forget_pollable(pollable);
    } else if let Some(request) = resource.downcast_mut::<p3::http::Request>() {
        request.forget();
    } else if let Some(response) = resource.downcast_mut::<p3::http::Response>() {
        response.body.forget();
    }
}

/// What waited for something of the request has waited enough.
fn forget_pollable(pollable: &mut Pollable) {
    let is_over = match pollable {
        Pollable::Always | Pollable::Until(_) => false,
        Pollable::Readable(stream) | Pollable::AtEnd(stream) | Pollable::Writable(stream) => {
            is_of_request(*stream)
        }
        Pollable::BodyWritable(_) | Pollable::Response(_) => true,
    };
    if is_over {
        *pollable = Pollable::Always;
    }
}
