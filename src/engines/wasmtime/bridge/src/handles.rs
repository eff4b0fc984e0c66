//! Exports that the host needs and that a guest need not make: its memories, so that what a run
//! leaves in them can be given back in steps, and its start function, so that it runs as any other
//! code does and not within instantiation. And what an instance of it takes of the host, said in the
//! name of one more: compiled code has no better place for it. Added to the module before it is
//! compiled; the names are reserved. A guest cannot see its own exports: nothing changes for it.

use std::borrow::Cow;
use std::ops::Range;

use wasm_encoder::Encode;
use wasmparser::{ElementItems, Parser, Payload, TypeRef};

use crate::bulk::Refusal;
use crate::sections::{grow, sections, Section, HEADER_BYTES};

pub const START: &str = "godwit:start";
const RESERVED: &str = "godwit:";

const HOST_BYTES: &str = "godwit:host-bytes:";

pub fn memory(index: u32) -> String {
    format!("godwit:memory:{index}")
}

/// What `add` found an instance to take besides its memories and tables; 0 when it is little.
pub fn host_bytes<'a>(mut exports: impl Iterator<Item = &'a str>) -> u64 {
    exports.find_map(|name| name.strip_prefix(HOST_BYTES)?.parse().ok()).unwrap_or_default()
}

/// Less is not worth counting: what every instance has.
const LITTLE_BYTES: u64 = 64 << 10;
/// Wasmtime's: a global, a reference to a function, an imported function, an element that is kept.
const GLOBAL_BYTES: u64 = 16;
const FUNCTION_BYTES: u64 = 32;
const ELEMENT_BYTES: u64 = 16;

/// The content of a section of no items: their count.
const EMPTY_SECTION: &[u8] = &[0];
const EXPORT_SECTION: u8 = 7;
const START_SECTION: u8 = 8;
/// Start, elements, the count of data, code, data: behind the exports, wherever those are missing.
const LATER_SECTIONS: [u8; 5] = [START_SECTION, 9, 12, 10, 11];
const FUNCTION_KIND: u8 = 0;
const MEMORY_KIND: u8 = 2;
const GLOBAL_KIND: u8 = 3;

#[derive(Default)]
struct Found {
    memories: u32,
    globals: u32,
    imported_functions: u32,
    functions: u32,
    elements: u64,
    start: Option<u32>,
    exports: u32,
}

impl Found {
    /// At most; 0 when that is little.
    fn host_bytes(&self) -> u64 {
        match self.all_host_bytes() {
            bytes if bytes > LITTLE_BYTES => bytes,
            _ => 0,
        }
    }

    /// References to functions exist for those that are exported or
    /// in a segment of elements.
    fn all_host_bytes(&self) -> u64 {
        let referenced = u64::from(self.functions).min(self.elements + u64::from(self.exports));
        u64::from(self.globals) * GLOBAL_BYTES
            + (u64::from(self.imported_functions) + referenced) * FUNCTION_BYTES
            + self.elements * ELEMENT_BYTES
    }

    /// Some item to say host_bytes() at: kind and index.
    fn counted_item(&self) -> Option<(u8, u32)> {
        let items = [
            (FUNCTION_KIND, self.functions),
            (GLOBAL_KIND, self.globals),
            (MEMORY_KIND, self.memories),
        ];
        let any = items.into_iter().find(|(_, count)| *count > 0).map(|(kind, _)| (kind, 0));
        any.filter(|_| self.host_bytes() > 0)
    }

    /// Exports that are added.
    fn added(&self) -> u32 {
        self.memories + u32::from(self.start.is_some()) + u32::from(self.counted_item().is_some())
    }
}

/// What an instance of the module takes of the host besides its memories and tables, little or much.
pub fn all_host_bytes(wasm: &[u8]) -> Result<u64, Refusal> {
    Ok(find(wasm)?.all_host_bytes())
}

/// REQUIRES: `wasm` is valid. The module to be compiled in its place.
pub fn add(wasm: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    let found = find(wasm)?;
    if found.added() == 0 {
        return Ok(Cow::Borrowed(wasm));
    }
    let mut out = Vec::with_capacity(wasm.len() + 256);
    out.extend_from_slice(&wasm[..HEADER_BYTES]);
    let mut is_written = false;
    for Section { id, whole, content } in sections(wasm)? {
        if id == EXPORT_SECTION {
            write_section(&found, wasm, content, &mut out)?;
            is_written = true;
            continue;
        }
        if !is_written && LATER_SECTIONS.contains(&id) {
            write_section(&found, EMPTY_SECTION, 0..1, &mut out)?;
            is_written = true;
        }
        if id != START_SECTION {
            out.extend_from_slice(&wasm[whole]);
        }
    }
    if !is_written {
        write_section(&found, EMPTY_SECTION, 0..1, &mut out)?;
    }
    Ok(Cow::Owned(out))
}

/// The section of exports, with what it had (its content in `wasm`) and ours.
fn write_section(
    found: &Found,
    wasm: &[u8],
    content: Range<usize>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    out.push(EXPORT_SECTION);
    grow(wasm, content, found.added(), |out| write_exports(found, out))?.encode(out);
    Ok(())
}

fn find(wasm: &[u8]) -> Result<Found, Refusal> {
    let mut found = Found::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    match import?.ty {
                        TypeRef::Memory(_) => found.memories += 1,
                        TypeRef::Global(_) => found.globals += 1,
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                            found.imported_functions += 1;
                            found.functions += 1;
                        }
                        TypeRef::Table(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(functions) => found.functions += functions.count(),
            Payload::GlobalSection(globals) => found.globals += globals.count(),
            Payload::ElementSection(segments) => {
                for segment in segments {
                    found.elements += u64::from(match segment?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    });
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

fn write_exports(found: &Found, out: &mut Vec<u8>) {
    for index in 0..found.memories {
        write_export(&memory(index), MEMORY_KIND, index, out);
    }
    if let Some(function) = found.start {
        write_export(START, FUNCTION_KIND, function, out);
    }
    if let Some((kind, index)) = found.counted_item() {
        write_export(&format!("{HOST_BYTES}{}", found.host_bytes()), kind, index, out);
    }
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
    fn what_an_instance_takes_of_the_host_is_said() {
        let globals: String = (0..5000).map(|i| format!("(global i64 (i64.const {i}))")).collect();
        let found = exports(&format!("(module {globals})"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, ExternalKind::Global);
        assert_eq!(host_bytes(found.iter().map(|(name, _, _)| name.as_str())), 5000 * 16);
        let elements = "0 ".repeat(3000);
        let found = exports(&format!("(module (memory 1) (func) (elem func {elements}))"));
        assert_eq!(host_bytes(found.iter().map(|(name, _, _)| name.as_str())), 0, "that is little");
        let elements = "0 ".repeat(30_000);
        let found = exports(&format!("(module (memory 1) (func) (elem func {elements}))"));
        assert_eq!(host_bytes(found.iter().map(|(name, _, _)| name.as_str())), 30_000 * 16 + 32);
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
