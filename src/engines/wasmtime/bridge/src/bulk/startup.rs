//! What instantiation does in one go, before the first instruction of the guest.
//!
//! Wasmtime compiles it into a function that checks the epoch before each active segment, not
//! inside, and not at all for passive element segments. Data segments are cut up, the rest is
//! refused where it would take long.

use wasm_encoder::Encode;
use wasmparser::{ConstExpr, DataKind, Operator};

use super::operation::max_new_array;
use super::scan::{Module, Segment};
use super::{Refusal, MAX_NEW_ARRAY_BYTES};

/// Bytes of an active data segment that are copied at once, where they are copied at all (mostly
/// they are part of the memory's image, which costs nothing): 1 ms when faulted in.
pub const SPLIT_BYTES: usize = 1 << 20;
/// Elements of all passive segments: each costs 44 ns and 16 bytes of the host per instance.
pub const MAX_PASSIVE_ELEMENTS: u64 = 65_536;

pub fn check(module: &Module<'_>) -> Result<(), Refusal> {
    let passive = module.elements.iter().sum::<u64>();
    if passive > MAX_PASSIVE_ELEMENTS {
        return Err(Refusal::Unsupported(format!(
            "{passive} elements in passive segments, more than {MAX_PASSIVE_ELEMENTS}"
        )));
    }
    for (array, size) in &module.constant_arrays {
        let most = u64::from(max_new_array(module, *array));
        if size.is_none_or(|size| size > most) {
            return Err(Refusal::Unsupported(format!(
                "a constant expression makes an array that may have more than \
                 {MAX_NEW_ARRAY_BYTES} bytes"
            )));
        }
    }
    Ok(())
}

/// The content of the data section with large active segments in pieces. Indices stay: from the
/// first large one on, an active segment's place is taken by an empty passive one (which is what
/// it would be after instantiation), and all of them follow behind the last, in their old order.
///
/// A segment that does not fit traps at the piece that does not: the ones before have been
/// written, which nobody can see. (Unless its memory has the full 4 GiB and its offset is no
/// constant: then the rest wraps around.)
pub fn split_data(wasm: &[u8], module: &Module<'_>) -> Result<Vec<u8>, Refusal> {
    let from = module.split_from.unwrap_or(module.data.len());
    let mut out = Vec::new();
    split_count(module).encode(&mut out);
    for (index, segment) in module.data.iter().enumerate() {
        if index >= from && is_active(segment) {
            out.extend_from_slice(&[1, 0]);
        } else {
            out.extend_from_slice(&wasm[segment.range.clone()]);
        }
    }
    for segment in module.data.iter().skip(from) {
        let DataKind::Active { memory_index, offset_expr } = &segment.kind else { continue };
        let wide = module.memories[*memory_index as usize].memory64;
        for piece in 0..pieces(segment) {
            let start = piece * SPLIT_BYTES;
            let end = segment.data.len().min(start + SPLIT_BYTES);
            2u32.encode(&mut out);
            memory_index.encode(&mut out);
            encode_offset(offset_expr, wide, start, &mut out)?;
            segment.data[start..end].encode(&mut out);
        }
    }
    Ok(out)
}

pub fn split_count(module: &Module<'_>) -> u32 {
    let from = module.split_from.unwrap_or(module.data.len());
    let more: usize =
        module.data.iter().skip(from).filter(|segment| is_active(segment)).map(pieces).sum();
    (module.data.len() + more) as u32
}

fn is_active(segment: &Segment<'_>) -> bool {
    matches!(segment.kind, DataKind::Active { .. })
}

/// An empty segment is one piece: its bounds are checked.
fn pieces(segment: &Segment<'_>) -> usize {
    segment.data.len().div_ceil(SPLIT_BYTES).max(1)
}

/// The offset plus `start`. A lone constant stays one: only then can Wasmtime make an image.
fn encode_offset(
    expr: &ConstExpr<'_>,
    wide: bool,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let mut reader = expr.get_binary_reader();
    let bytes = reader.read_bytes(reader.bytes_remaining())?;
    let mut operators = expr.get_operators_reader();
    let mut sink = wasm_encoder::InstructionSink::new(out);
    match (operators.read()?, operators.is_end_then_eof()) {
        (Operator::I32Const { value }, true) => {
            let moved = u64::from(value.cast_unsigned()) + start as u64;
            // Beyond 4 GiB: as far out of bounds as before.
            let moved = u32::try_from(moved).unwrap_or(u32::MAX);
            sink.i32_const(moved.cast_signed()).end();
        }
        (Operator::I64Const { value }, true) => {
            let moved = value.cast_unsigned().saturating_add(start as u64);
            sink.i64_const(moved.cast_signed()).end();
        }
        _ => {
            let Some((_end, expression)) = bytes.split_last() else {
                return Err(Refusal::Invalid("an empty constant expression".to_string()));
            };
            out.extend_from_slice(expression);
            let mut sink = wasm_encoder::InstructionSink::new(out);
            if wide {
                sink.i64_const(start as i64).i64_add().end();
            } else {
                sink.i32_const(start as i32).i32_add().end();
            }
        }
    }
    Ok(())
}
