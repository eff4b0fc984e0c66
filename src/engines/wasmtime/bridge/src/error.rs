//! What can go wrong at the boundary: a status for the caller's switch and a bounded text.

use std::fmt::{self, Write};

use crate::types::GodwitStatus;

/// Longest text of one failure, in bytes. Names in it come from hostile modules.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Longest name of a guest (import, function) that is repeated in a text, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

#[derive(Debug)]
pub struct Failure {
    pub status: GodwitStatus,
    pub text: String,
}

impl Failure {
    pub fn new(status: GodwitStatus, text: impl fmt::Display) -> Failure {
        Failure { status, text: bounded(MAX_TEXT_BYTES, format_args!("{text}")) }
    }
}

pub type Outcome<T> = Result<T, Failure>;

/// A string that refuses to grow beyond `limit` bytes: the writer gets an error and stops, so that
/// a name of megabytes (or one that demangles to gigabytes) costs no more than its limit.
pub struct BoundedText {
    pub text: String,
    limit: usize,
}

impl BoundedText {
    pub fn new(limit: usize) -> BoundedText {
        BoundedText { text: String::new(), limit }
    }

    pub fn remaining(&self) -> usize {
        self.limit - self.text.len()
    }
}

impl Write for BoundedText {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let fits = floor_boundary(piece, self.remaining());
        self.text.push_str(&piece[..fits]);
        if fits == piece.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// The formatted text, cut at `limit` bytes (never inside a character).
pub fn bounded(limit: usize, text: fmt::Arguments<'_>) -> String {
    let mut out = BoundedText::new(limit);
    // An error only says that the limit was met.
    let _ = out.write_fmt(text);
    out.text
}

/// A guest's name for people: bounded, and without control characters (they could forge log lines).
pub fn clean_name(name: &str) -> String {
    let cut = floor_boundary(name, MAX_NAME_BYTES);
    let mut out: String =
        name[..cut].chars().map(|c| if is_deceptive(c) { '\u{fffd}' } else { c }).collect();
    if cut < name.len() {
        out.push('…');
    }
    out
}

/// As deceptive_bytes() in base/bytes.h; newlines, too.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn floor_boundary(text: &str, limit: usize) -> usize {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// The text of a Wasmtime error, outermost context first. Not for the errors of a run: they carry
/// a backtrace whose own formatting demangles without bound (see outcome.rs).
pub fn error_text(error: &wasmtime::Error) -> String {
    let mut out = BoundedText::new(MAX_TEXT_BYTES);
    for (index, cause) in error.chain().enumerate() {
        let separator = if index == 0 { "" } else { ": " };
        if write!(out, "{separator}{cause}").is_err() {
            break;
        }
    }
    out.text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(bounded(4, format_args!("aé€")), "aé");
        assert_eq!(bounded(6, format_args!("aé€")), "aé€");
    }

    #[test]
    fn a_huge_name_is_cut_and_cleaned() {
        let name = format!("a\nb\u{1b}[31m{}", "x".repeat(1 << 20));
        let clean = clean_name(&name);
        assert!(clean.len() < MAX_NAME_BYTES + 16);
        assert!(!clean.chars().any(char::is_control));
        assert!(clean.ends_with('…'));
    }
}
