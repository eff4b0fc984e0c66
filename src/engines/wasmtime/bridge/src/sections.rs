//! The sections of a module, byte for byte, for what rewrites some of them (bulk.rs, handles.rs).

use std::ops::Range;

use wasm_encoder::Encode;
use wasmparser::{BinaryReader, Result};

/// Magic number and version.
pub const HEADER_BYTES: usize = 8;

pub struct Section {
    pub id: u8,
    /// With its id and size.
    pub whole: Range<usize>,
    pub content: Range<usize>,
}

/// REQUIRES: `wasm` is valid.
pub fn sections(wasm: &[u8]) -> Result<Vec<Section>> {
    let mut found = Vec::new();
    let mut reader = BinaryReader::new(&wasm[HEADER_BYTES..], HEADER_BYTES);
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let content = reader.read_reader()?.range();
        found.push(Section { id, whole: start..content.end, content });
    }
    Ok(found)
}

/// A section's content with `more` items appended.
pub fn grow(
    wasm: &[u8],
    content: Range<usize>,
    more: u32,
    append: impl Fn(&mut Vec<u8>),
) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(&wasm[content.clone()], content.start);
    let count = reader.read_var_u32()?;
    let mut out = Vec::with_capacity(content.len() + 16);
    (count + more).encode(&mut out);
    out.extend_from_slice(&wasm[reader.original_position()..content.end]);
    append(&mut out);
    Ok(out)
}
