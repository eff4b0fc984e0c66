//! Exports that the host needs and that a guest need not make: its memories, so that what a run
//! leaves in them can be given back in steps, and its start function, so that it runs as any other
//! code does and not within instantiation. Added to the module before it is compiled; their names
//! are reserved. A guest cannot see its own exports: nothing changes for it.

use std::borrow::Cow;

use wasm_encoder::Encode;
use wasmparser::{BinaryReader, Parser, Payload, TypeRef};

use crate::bulk::Refusal;

pub const START: &str = "godwit:start";
const RESERVED: &str = "godwit:";

pub fn memory(index: u32) -> String {
    format!("godwit:memory:{index}")
}

const EXPORT_SECTION: u8 = 7;
const START_SECTION: u8 = 8;
/// Start, elements, the count of data, code, data: behind the exports, wherever those are missing.
const LATER_SECTIONS: [u8; 5] = [START_SECTION, 9, 12, 10, 11];
const HEADER_BYTES: usize = 8;
const FUNCTION_KIND: u8 = 0;
const MEMORY_KIND: u8 = 2;

#[derive(Default)]
struct Found {
    memories: u32,
    start: Option<u32>,
    exports: u32,
}

/// REQUIRES: `wasm` is valid. The module to be compiled in its place.
pub fn add(wasm: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    let found = find(wasm)?;
    if found.memories == 0 && found.start.is_none() {
        return Ok(Cow::Borrowed(wasm));
    }
    let mut out = Vec::with_capacity(wasm.len() + 256);
    out.extend_from_slice(&wasm[..HEADER_BYTES]);
    let mut is_written = false;
    let mut reader = BinaryReader::new(&wasm[HEADER_BYTES..], HEADER_BYTES);
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let content = reader.read_reader()?.range();
        if id == EXPORT_SECTION {
            let mut items = BinaryReader::new(&wasm[content.clone()], content.start);
            items.read_var_u32()?;
            write_exports(&found, &wasm[items.original_position()..content.end], &mut out);
            is_written = true;
            continue;
        }
        if !is_written && LATER_SECTIONS.contains(&id) {
            write_exports(&found, &[], &mut out);
            is_written = true;
        }
        if id != START_SECTION {
            out.extend_from_slice(&wasm[start..content.end]);
        }
    }
    if !is_written {
        write_exports(&found, &[], &mut out);
    }
    Ok(Cow::Owned(out))
}

fn find(wasm: &[u8]) -> Result<Found, Refusal> {
    let mut found = Found::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    found.memories += u32::from(matches!(import?.ty, TypeRef::Memory(_)));
                }
            }
            Payload::MemorySection(memories) => found.memories += memories.count(),
            Payload::ExportSection(exports) => {
                found.exports = exports.count();
                for export in exports {
                    let name = export?.name;
                    if name.starts_with(RESERVED) {
                        return Err(Refusal::Unsupported(format!(
                            "names of exports that begin with `{RESERVED}` are reserved"
                        )));
                    }
                }
            }
            Payload::StartSection { func, .. } => found.start = Some(func),
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    Ok(found)
}

fn write_exports(found: &Found, existing: &[u8], out: &mut Vec<u8>) {
    let mut content = Vec::with_capacity(existing.len() + 64);
    let more = found.memories + u32::from(found.start.is_some());
    (found.exports + more).encode(&mut content);
    content.extend_from_slice(existing);
    for index in 0..found.memories {
        write_export(&memory(index), MEMORY_KIND, index, &mut content);
    }
    if let Some(function) = found.start {
        write_export(START, FUNCTION_KIND, function, &mut content);
    }
    out.push(EXPORT_SECTION);
    content.encode(out);
}

fn write_export(name: &str, kind: u8, index: u32, out: &mut Vec<u8>) {
    name.encode(out);
    out.push(kind);
    index.encode(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{ExternalKind, Validator};

    /// Name, kind and index of each export of the valid module that `text` becomes.
    fn exports(text: &str) -> Vec<(String, ExternalKind, u32)> {
        let original = crate::text::text_to_binary(text).unwrap();
        let changed = add(&original).unwrap();
        Validator::new().validate_all(&changed).unwrap();
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(&changed) {
            match payload.unwrap() {
                Payload::ExportSection(items) => found.extend(
                    items.into_iter().map(Result::unwrap).map(|e| (e.name.into(), e.kind, e.index)),
                ),
                Payload::StartSection { .. } => panic!("{text}: still has a start section"),
                _ => {}
            }
        }
        found
    }

    #[test]
    fn memories_and_the_start_function_can_be_reached() {
        let memory = |index| (super::memory(index), ExternalKind::Memory, index);
        let start = |index| (START.to_string(), ExternalKind::Func, index);
        assert_eq!(exports("(module (memory 1))"), [memory(0)]);
        assert_eq!(exports("(module (func) (start 0))"), [start(0)]);
        assert_eq!(
            exports(
                r#"(module (import "m" "f" (func)) (memory 1) (memory 2) (func (export "a"))
                   (start 0) (table 1 funcref) (elem (i32.const 0) 1) (data "x"))"#
            ),
            [("a".to_string(), ExternalKind::Func, 1), memory(0), memory(1), start(0)]
        );
        assert_eq!(
            exports(r#"(module (memory 1) (table 1 funcref) (elem (i32.const 0)) (data "x"))"#),
            [memory(0)]
        );
        assert_eq!(
            exports(r#"(module (memory 1) (@custom "after" (after last) "x"))"#),
            [memory(0)]
        );
    }

    #[test]
    fn a_module_without_either_stays_as_it_is() {
        let original = crate::text::text_to_binary("(module (func))").unwrap();
        assert!(matches!(add(&original).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn the_names_are_reserved() {
        for name in ["godwit:memory:0", "godwit:start", "godwit:"] {
            let text = format!(r#"(module (memory (export "{name}") 1))"#);
            let original = crate::text::text_to_binary(&text).unwrap();
            assert!(matches!(add(&original), Err(Refusal::Unsupported(_))), "{name}");
        }
    }
}
