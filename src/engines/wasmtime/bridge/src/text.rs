//! WebAssembly text to binary and back.

use std::io;

use wast::parser::{self, ParseBuffer};
use wast::Wat;

use crate::error::{Failure, Outcome};
use crate::types::GodwitStatus;

/// Longest text that a binary is printed to, in bytes. A function's name is printed at each of its
/// uses, so that a hostile module of megabytes would otherwise become terabytes.
pub const MAX_PRINTED_BYTES: usize = 256 << 20;

/// The error's text starts with "LINE:COLUMN: ", both counted from 1.
pub fn text_to_binary(text: &str) -> Outcome<Vec<u8>> {
    let place = |error: wast::Error| {
        let (line, column) = error.span().linecol_in(text);
        Failure::new(
            GodwitStatus::TextMalformed,
            format_args!("{}:{}: {}", line + 1, column + 1, error.message()),
        )
    };
    let buffer = ParseBuffer::new(text).map_err(place)?;
    let mut wat = parser::parse::<Wat>(&buffer).map_err(place)?;
    wat.encode().map_err(place)
}

pub fn binary_to_text(wasm: &[u8]) -> Outcome<String> {
    let mut out = BoundedPrint { text: String::new(), limit: MAX_PRINTED_BYTES };
    wasmprinter::Config::new()
        .print(wasm, &mut out)
        .map_err(|error| Failure::new(GodwitStatus::Malformed, error))?;
    Ok(out.text)
}

struct BoundedPrint {
    text: String,
    limit: usize,
}

impl wasmprinter::Print for BoundedPrint {
    fn write_str(&mut self, piece: &str) -> io::Result<()> {
        if piece.len() > self.limit - self.text.len() {
            return Err(io::Error::other("the text would be too large"));
        }
        self.text.push_str(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let binary = text_to_binary("(module (func (export \"_start\")))").unwrap();
        assert_eq!(&binary[..4], b"\0asm");
        let text = binary_to_text(&binary).unwrap();
        assert!(text.contains("(export \"_start\""), "{text}");
        assert_eq!(text_to_binary(&text).unwrap(), binary);
    }

    #[test]
    fn an_error_names_its_place() {
        let error = text_to_binary("(module\n  (func (i32.konst 1)))").unwrap_err();
        assert_eq!(error.status, GodwitStatus::TextMalformed);
        assert!(error.text.starts_with("2:10: "), "{}", error.text);
    }

    #[test]
    fn hostile_texts_are_refused() {
        for text in [
            "",
            "(",
            "\u{0}",
            "(module (memory 1)",
            &"(".repeat(1 << 20),
            &"(module".repeat(1 << 16),
        ] {
            assert!(text_to_binary(text).is_err(), "{text:.20}");
        }
        assert!(binary_to_text(b"").is_err());
        assert!(binary_to_text(b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x0f").is_err());
    }

    #[test]
    fn printing_is_bounded() {
        let mut out = BoundedPrint { text: String::new(), limit: 64 };
        let binary = text_to_binary("(module (func) (func) (func) (func) (func))").unwrap();
        assert!(wasmprinter::Config::new().print(&binary, &mut out).is_err());
        assert!(out.text.len() <= 64);
    }
}
