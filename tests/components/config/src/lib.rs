// SPDX-License-Identifier: Apache-2.0
//! A component for wasi:http 0.2 that answers with its configuration (wasi:config): `?key=NAME` one
//! value, without a key all of them, sorted.

use core::mem::MaybeUninit;
use std::io::Write;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Config;

wasip2::http::proxy::export!(Config);

/// The canonical ABI writes results here: words of 4 bytes, of a case number only the first byte.
type Area = [MaybeUninit<u32>; 4];

#[link(wasm_import_module = "wasi:config/store@0.2.0-rc.1")]
extern "C" {
    #[link_name = "get"]
    fn config_get(key: *const u8, length: usize, area: *mut Area);
    #[link_name = "get-all"]
    fn config_get_all(area: *mut Area);
}

/// SAFETY: the word was written by the host.
unsafe fn case(area: &Area, index: usize) -> u8 {
    area[index].as_ptr().cast::<u8>().read()
}

/// A string that the host allocated, of two words: address and length.
///
/// SAFETY: the words are those of such a string, which nobody else takes.
unsafe fn string(address: usize, length: usize) -> String {
    let bytes = Vec::from_raw_parts(address as *mut u8, length, length);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// SAFETY: the host wrote an error from the second word on.
unsafe fn error(area: &Area) -> String {
    let words = string(
        area[2].assume_init() as usize,
        area[3].assume_init() as usize,
    );
    let kind = if case(area, 1) == 0 { "upstream" } else { "io" };
    format!("{kind}: {words}")
}

fn get(key: &str) -> Result<Option<String>, String> {
    let mut area: Area = [const { MaybeUninit::uninit() }; 4];
    // SAFETY: result<option<string>, error> takes four words.
    unsafe {
        config_get(key.as_ptr(), key.len(), &mut area);
        if case(&area, 0) != 0 {
            return Err(error(&area));
        }
        let found = case(&area, 1) != 0;
        Ok(found.then(|| {
            string(
                area[2].assume_init() as usize,
                area[3].assume_init() as usize,
            )
        }))
    }
}

fn get_all() -> Result<Vec<(String, String)>, String> {
    let mut area: Area = [const { MaybeUninit::uninit() }; 4];
    // SAFETY: the list is an array of pairs of strings, each address and length.
    unsafe {
        config_get_all(&mut area);
        if case(&area, 0) != 0 {
            return Err(error(&area));
        }
        let (address, length) = (
            area[1].assume_init() as usize,
            area[2].assume_init() as usize,
        );
        let items = Vec::from_raw_parts(address as *mut [usize; 4], length, length);
        Ok(items
            .iter()
            .map(|item| (string(item[0], item[1]), string(item[2], item[3])))
            .collect())
    }
}

impl Guest for Config {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let text = match target.split_once("?key=") {
            Some((_, key)) => match get(key) {
                Ok(Some(value)) => format!("{value}\n"),
                Ok(None) => "no such key\n".to_owned(),
                Err(error) => format!("{error}\n"),
            },
            None => match get_all() {
                Ok(mut pairs) => {
                    pairs.sort();
                    pairs
                        .iter()
                        .map(|(key, value)| format!("{key}={value}\n"))
                        .collect()
                }
                Err(error) => format!("{error}\n"),
            },
        };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body");
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().expect("the stream");
        let written = stream.write_all(text.as_bytes()).is_ok() && stream.blocking_flush().is_ok();
        drop(stream);
        if written {
            let _ = OutgoingBody::finish(body, None);
        }
    }
}
