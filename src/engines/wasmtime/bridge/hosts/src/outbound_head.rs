//! The head of a request that goes out: what it may be, and sending it.

use crate::fields::{is_name, optional_span, span, Fields};
use crate::host::Callbacks;
use crate::incoming::empty_head;

#[derive(Clone, Copy, Default)]
pub struct RequestOptions {
    pub connect: Option<u64>,
    pub first_byte: Option<u64>,
    pub between_bytes: Option<u64>,
}

/// A request's head on its way out.
pub struct OutboundHead<'a> {
    pub method: &'a str,
    pub scheme: Option<&'a str>,
    pub authority: Option<&'a str>,
    pub path_with_query: Option<&'a str>,
    pub headers: &'a Fields,
    pub options: RequestOptions,
}

/// Pipes, head and trailers of one request, and the client library's own buffers.
pub const CALL_BYTES: usize = 256 << 10;
/// Of a request's target.
pub const MAX_TARGET_BYTES: usize = 8 << 10;

/// Takes a text that is sound, or none.
pub(crate) fn set_text(
    place: &mut Option<String>,
    text: Option<String>,
    is_sound: fn(&str) -> bool,
) -> std::result::Result<(), ()> {
    if !text.as_deref().is_none_or(is_sound) {
        return Err(());
    }
    *place = text;
    Ok(())
}

pub fn is_method(name: &str) -> bool {
    name.len() <= 64 && is_name(name)
}

/// RFC 3986 section 3.1.
pub fn is_scheme(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let begins = name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    begins && name.len() <= 64 && name.bytes().all(is_part)
}

pub fn is_target(path: &str) -> bool {
    path.len() <= MAX_TARGET_BYTES && path.bytes().all(|byte| (0x21..0x7f).contains(&byte))
}

pub fn is_authority(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte);
    !text.is_empty() && text.len() <= 300 && text.bytes().all(is_part)
}

impl Callbacks {
    /// The call's number, or why there is none: a number of capability::OutboundFailure.
    pub fn send(&self, request: &OutboundHead<'_>) -> std::result::Result<u32, u8> {
        if request.headers.content_length().is_err() {
            return Err(crate::p2::HTTP_PROTOCOL_ERROR);
        }
        let fields = request.headers.spans();
        let mut head = empty_head();
        head.method = span(request.method.as_bytes());
        head.scheme = optional_span(request.scheme);
        head.authority = optional_span(request.authority);
        head.path_with_query = optional_span(request.path_with_query);
        (head.fields, head.field_count) = (fields.as_ptr(), fields.len());
        head.connect_timeout = request.options.connect.unwrap_or_default();
        head.first_byte_timeout = request.options.first_byte.unwrap_or_default();
        head.between_bytes_timeout = request.options.between_bytes.unwrap_or_default();
        let mut call = 0;
        match (self.functions.send)(self.context, &head, &mut call) {
            u8::MAX => Ok(call),
            failure => Err(failure),
        }
    }
}
