//! Makes bulk instructions interruptible. Wasmtime checks the epoch before a `memory.fill`, not
//! inside: one of 128 MiB holds the worker for 50 ms (150 ms on a slow machine), and every other
//! function with it. So a module is rewritten before it is compiled. Where the size is not known
//! to be small, `memory.fill` becomes
//!
//!   local.set $n  local.set $value  local.set $at
//!   if ($n > CHUNK)  $n = helper($at, $value, $n)  end
//!   memory.fill($at, $value, $n)
//!
//! The helper, a function after the module's own, does the work in chunks, with an epoch check at
//! each turn, and returns 0: nothing is left. What would be out of bounds it does not touch, and
//! returns its size, so that the guest's own instruction traps, in the guest's frame, before
//! anything was written. A small operation costs a compare and a branch, no call.
//!
//! No index of the module changes; names, custom sections and everything else stay byte for byte.
//! The original is validated first (appended functions could make an invalid index valid), the
//! result by Wasmtime. A module that cannot be rewritten is refused, never compiled as it was.
//!
//! The size of an array of the garbage collector cannot be chunked while it is made: `array.new`
//! beyond MAX_NEW_ARRAY_BYTES traps as an allocation that is too large. What instantiation does in
//! one go is bounded too (`startup.rs`).

mod helper;
mod operation;
mod scan;
mod startup;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_arrays;
#[cfg(test)]
mod tests_modules;
#[cfg(test)]
mod tests_startup;
#[cfg(test)]
mod tests_tables;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use wasm_encoder::{BlockType, Encode, InstructionSink, ValType};
use wasmparser::{BinaryReader, WasmFeatures};

use self::operation::{Operation, Shape, Treatment};
use self::scan::{Body, Module};
use crate::sections::{grow, sections, Section, HEADER_BYTES};

/// Part of every artifact's fingerprint: to be raised with any change of what is generated (here or
/// in handles.rs).
pub const REWRITE_VERSION: u32 = 4;
/// Bytes that one instruction may move at once: 5 µs when the memory is resident, 30–300 µs when
/// it must be faulted in.
pub const CHUNK_BYTES: u32 = 256 << 10;
/// The same for elements of tables: lazily made function references cost 50 ns each.
pub const CHUNK_TABLE_ELEMENTS: u32 = 2048;
/// References in arrays: 3–5 ns each with their barriers, 100 ns when the last one goes.
pub const CHUNK_ARRAY_REFERENCES: u32 = 8192;
/// Largest array that is made at once, in bytes: 3 ms when its memory must be faulted in.
pub const MAX_NEW_ARRAY_BYTES: u32 = 8 << 20;
/// Instructions that are rewritten in one module; real ones of 60 MB have some ten thousand.
const MAX_SITES: usize = 500_000;
/// wasmparser's (and V8's) limits, told before the validator would say it less clearly.
const MAX_LOCALS: u32 = 50_000;
const MAX_BODY_BYTES: usize = 7_654_321;

#[derive(Debug)]
pub enum Refusal {
    /// The original is not valid (or needs a proposal that is off).
    Invalid(String),
    /// Valid, but beyond what can be bounded.
    Unsupported(String),
}

impl From<wasmparser::Error> for Refusal {
    fn from(error: wasmparser::Error) -> Refusal {
        Refusal::Invalid(error.to_string())
    }
}

/// The module to compile instead of `wasm`: itself when nothing in it can run long.
pub fn rewrite(features: WasmFeatures, wasm: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    let module = scan::scan(features, wasm)?;
    startup::check(&module)?;
    let mut additions = Additions::new(&module);
    let mut bodies = HashMap::new();
    for body in &module.bodies {
        if let Some(edited) = additions.edit(wasm, body)? {
            bodies.insert(body.range.start, edited);
        }
    }
    if bodies.is_empty() && module.split_from.is_none() {
        return Ok(Cow::Borrowed(wasm));
    }
    Ok(Cow::Owned(assemble(wasm, &module, &additions, &bodies)?))
}

/// Types and functions that are appended, each once.
struct Additions<'a> {
    module: &'a Module<'a>,
    types: Vec<(Vec<ValType>, Vec<ValType>)>,
    type_indices: HashMap<(Vec<ValType>, Vec<ValType>), u32>,
    /// The type and the body of each.
    helpers: Vec<(u32, wasm_encoder::Function)>,
    helper_indices: HashMap<Operation, u32>,
    treatments: HashMap<Operation, Treatment>,
}

impl<'a> Additions<'a> {
    fn new(module: &'a Module<'a>) -> Additions<'a> {
        Additions {
            module,
            types: Vec::new(),
            type_indices: HashMap::new(),
            helpers: Vec::new(),
            helper_indices: HashMap::new(),
            treatments: HashMap::new(),
        }
    }

    fn type_index(&mut self, params: Vec<ValType>, results: Vec<ValType>) -> u32 {
        let next = self.module.types.len() as u32 + self.types.len() as u32;
        let key = (params, results);
        if let Some(index) = self.type_indices.get(&key) {
            return *index;
        }
        self.types.push(key.clone());
        self.type_indices.insert(key, next);
        next
    }

    fn helper_index(&mut self, operation: Operation, shape: &Shape) -> u32 {
        if let Some(index) = self.helper_indices.get(&operation) {
            return *index;
        }
        let mut params = shape.operands.clone();
        params.push(shape.size);
        let ty = self.type_index(params, vec![shape.size]);
        let index = self.module.functions + self.helpers.len() as u32;
        self.helpers.push((ty, helper::body(operation, shape)));
        self.helper_indices.insert(operation, index);
        index
    }

    /// The body with its instructions replaced; None when all of them stay.
    fn edit(&mut self, wasm: &[u8], body: &Body) -> Result<Option<Vec<u8>>, Refusal> {
        let mut code = Vec::new();
        let mut scratch = Scratch { first: body.locals, types: Vec::new() };
        let mut from = body.code_start;
        for site in &body.sites {
            let module = self.module;
            let treatment = self
                .treatments
                .entry(site.operation)
                .or_insert_with(|| operation::treat(site.operation, module))
                .clone();
            if treatment.allows(site.size) {
                continue;
            }
            code.extend_from_slice(&wasm[from..site.range.start]);
            self.guard(&mut code, site.operation, &treatment, &mut scratch);
            code.extend_from_slice(&wasm[site.range.clone()]);
            from = site.range.end;
        }
        if from == body.code_start {
            return Ok(None);
        }
        code.extend_from_slice(&wasm[from..body.range.end]);
        if scratch.end() > MAX_LOCALS || code.len() > MAX_BODY_BYTES {
            return Err(Refusal::Unsupported(format!(
                "function {} is too large to make its bulk instructions interruptible",
                body.function
            )));
        }
        let mut edited = Vec::with_capacity(code.len() + 16);
        (body.local_groups + scratch.types.len() as u32).encode(&mut edited);
        edited.extend_from_slice(&wasm[body.groups_start..body.code_start]);
        scratch.declare(&mut edited);
        edited.extend_from_slice(&code);
        Ok(Some(edited))
    }

    /// What goes before the instruction: with its operands on the stack, it leaves operands on the
    /// stack.
    fn guard(
        &mut self,
        code: &mut Vec<u8>,
        operation: Operation,
        treatment: &Treatment,
        scratch: &mut Scratch,
    ) {
        match treatment {
            Treatment::Leave => {}
            Treatment::Chunked(shape) => {
                let helper = self.helper_index(operation, shape);
                let locals = scratch.locals(shape.operands.iter().chain([&shape.size]));
                let size = locals[shape.operands.len()];
                let mut sink = InstructionSink::new(code);
                for local in locals.iter().rev() {
                    sink.local_set(*local);
                }
                sink.local_get(size);
                helper::larger_than(&mut sink, shape.size, shape.chunk);
                sink.if_(BlockType::Empty);
                for local in &locals {
                    sink.local_get(*local);
                }
                sink.call(helper).local_set(size).end();
                for local in &locals {
                    sink.local_get(*local);
                }
            }
            Treatment::Capped { array, elements } => {
                let size = scratch.locals([&ValType::I32])[0];
                let mut sink = InstructionSink::new(code);
                sink.local_tee(size);
                helper::larger_than(&mut sink, ValType::I32, *elements);
                sink.if_(BlockType::Empty);
                // 2^32 - 1 elements are too large an allocation for every type.
                if matches!(operation, Operation::ArrayNewData { .. }) {
                    sink.i32_const(-1).array_new_default(*array).drop();
                } else {
                    sink.i32_const(-1).local_set(size);
                }
                sink.end().local_get(size);
            }
        }
    }
}

/// The locals that one function gets: they hold the operands of one instruction after another.
struct Scratch {
    first: u32,
    types: Vec<ValType>,
}

impl Scratch {
    /// One local for each, all different.
    fn locals<'t>(&mut self, wanted: impl IntoIterator<Item = &'t ValType>) -> Vec<u32> {
        let mut taken = Vec::new();
        for ty in wanted {
            let free = |(at, have): (usize, &ValType)| have == ty && !taken.contains(&at);
            let at = self.types.iter().enumerate().position(free).unwrap_or_else(|| {
                self.types.push(*ty);
                self.types.len() - 1
            });
            taken.push(at);
        }
        taken.iter().map(|at| self.first + *at as u32).collect()
    }

    fn end(&self) -> u32 {
        self.first + self.types.len() as u32
    }

    fn declare(&self, out: &mut Vec<u8>) {
        for ty in &self.types {
            1u32.encode(out);
            ty.encode(out);
        }
    }
}

const TYPE_SECTION: u8 = 1;
const FUNCTION_SECTION: u8 = 3;
const CODE_SECTION: u8 = 10;
const DATA_SECTION: u8 = 11;
const DATA_COUNT_SECTION: u8 = 12;

/// Copies section by section; those that grow are written anew.
fn assemble(
    wasm: &[u8],
    module: &Module<'_>,
    additions: &Additions<'_>,
    bodies: &HashMap<usize, Vec<u8>>,
) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::with_capacity(wasm.len() + wasm.len() / 16);
    out.extend_from_slice(&wasm[..HEADER_BYTES]);
    for Section { id, whole, content } in sections(wasm)? {
        let grown = match id {
            TYPE_SECTION => grow(wasm, content, additions.types.len() as u32, |out| {
                for (params, results) in &additions.types {
                    encode_function_type(params, results, out);
                }
            })?,
            FUNCTION_SECTION => grow(wasm, content, additions.helpers.len() as u32, |out| {
                additions.helpers.iter().for_each(|(ty, _)| ty.encode(out));
            })?,
            CODE_SECTION => code_section(wasm, content, additions, bodies)?,
            DATA_SECTION if module.split_from.is_some() => startup::split_data(wasm, module)?,
            DATA_COUNT_SECTION if module.split_from.is_some() => {
                let mut count = Vec::new();
                startup::split_count(module).encode(&mut count);
                count
            }
            _ => {
                out.extend_from_slice(&wasm[whole]);
                continue;
            }
        };
        out.push(id);
        grown.encode(&mut out);
    }
    Ok(out)
}

fn encode_function_type(params: &[ValType], results: &[ValType], out: &mut Vec<u8>) {
    out.push(0x60);
    params.encode(out);
    results.encode(out);
}

fn code_section(
    wasm: &[u8],
    content: Range<usize>,
    additions: &Additions<'_>,
    bodies: &HashMap<usize, Vec<u8>>,
) -> Result<Vec<u8>, Refusal> {
    let mut reader = BinaryReader::new(&wasm[content.clone()], content.start);
    let mut out = Vec::with_capacity(content.len() + content.len() / 16);
    let count = reader.read_var_u32()?;
    (count + additions.helpers.len() as u32).encode(&mut out);
    for _ in 0..count {
        let start = reader.original_position();
        let body = reader.read_reader()?.range();
        match bodies.get(&body.start) {
            Some(edited) => edited.encode(&mut out),
            None => out.extend_from_slice(&wasm[start..body.end]),
        }
    }
    additions.helpers.iter().for_each(|(_, body)| body.encode(&mut out));
    Ok(out)
}
