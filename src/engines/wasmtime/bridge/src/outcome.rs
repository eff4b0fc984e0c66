//! How a run ended, and what the operator is told about it.

use std::fmt::Write;

use godwit_hosts::call::{Exit, HostTrap};
use wasmtime::{Error, GcHeapOutOfMemory, ThrownException, Trap, WasmBacktrace};

use crate::error::{clean_name, BoundedText};

/// Longest name of one frame, after demangling, in bytes.
const MAX_FRAME_BYTES: usize = 256;
/// Longest symbol that is demangled at all: mangled names can describe exponentially long ones.
const MAX_SYMBOL_BYTES: usize = 2048;

/// The values of engine::OutcomeKind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Finished = 0,
    Exited = 1,
    Trapped = 2,
    OutOfMemory = 3,
}

/// The values of engine::Trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TrapKind {
    None = 0,
    Unreachable = 1,
    MemoryOutOfBounds = 2,
    TableOutOfBounds = 3,
    IndirectCallToNull = 4,
    BadSignature = 5,
    IntegerOverflow = 6,
    IntegerDivisionByZero = 7,
    BadConversionToInteger = 8,
    StackOverflow = 9,
    UncaughtException = 10,
    Host = 11,
    Other = 12,
}

#[derive(Debug)]
pub struct RunOutcome {
    pub kind: Kind,
    pub trap: TrapKind,
    pub exit_code: i32,
    pub detail: String,
}

impl RunOutcome {
    pub fn finished() -> RunOutcome {
        RunOutcome {
            kind: Kind::Finished,
            trap: TrapKind::None,
            exit_code: 0,
            detail: String::new(),
        }
    }

    /// The engine itself failed (a panic was caught): the run ends as trapped by the host.
    pub fn defect(text: &str) -> RunOutcome {
        RunOutcome {
            kind: Kind::Trapped,
            trap: TrapKind::Host,
            exit_code: 0,
            detail: format!("the engine failed: {}", clean_name(text)),
        }
    }

    /// `refused`: a growth was refused during the run.
    pub fn failed(error: &Error, refused: bool, detail_bytes: usize) -> RunOutcome {
        if let Some(Exit(code)) = error.downcast_ref::<Exit>() {
            let kind = if refused && *code != 0 { Kind::OutOfMemory } else { Kind::Exited };
            return RunOutcome {
                kind,
                trap: TrapKind::None,
                exit_code: *code,
                detail: String::new(),
            };
        }
        let out_of_memory = refused || error.is::<GcHeapOutOfMemory<()>>();
        RunOutcome {
            kind: if out_of_memory { Kind::OutOfMemory } else { Kind::Trapped },
            trap: trap_kind(error),
            exit_code: 0,
            detail: detail(error, detail_bytes),
        }
    }
}

fn trap_kind(error: &Error) -> TrapKind {
    if error.is::<HostTrap>() {
        return TrapKind::Host;
    }
    if error.is::<ThrownException>() {
        return TrapKind::UncaughtException;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => TrapKind::Unreachable,
        Some(Trap::MemoryOutOfBounds) => TrapKind::MemoryOutOfBounds,
        Some(Trap::TableOutOfBounds) => TrapKind::TableOutOfBounds,
        Some(Trap::IndirectCallToNull) => TrapKind::IndirectCallToNull,
        Some(Trap::BadSignature) => TrapKind::BadSignature,
        Some(Trap::IntegerOverflow) => TrapKind::IntegerOverflow,
        Some(Trap::IntegerDivisionByZero) => TrapKind::IntegerDivisionByZero,
        Some(Trap::BadConversionToInteger) => TrapKind::BadConversionToInteger,
        Some(Trap::StackOverflow) => TrapKind::StackOverflow,
        _ => TrapKind::Other,
    }
}

/// The reason, then the guest's frames, a line each, innermost first; at most `limit` bytes.
fn detail(error: &Error, limit: usize) -> String {
    let mut out = BoundedText::new(limit);
    // Errors say that the limit was met: what fits is kept.
    let _ = write_detail(&mut out, error);
    out.text
}

fn write_detail(out: &mut BoundedText, error: &Error) -> std::fmt::Result {
    match error.downcast_ref::<Trap>() {
        Some(trap) => write!(out, "{trap}")?,
        None => write!(out, "{}", error.root_cause())?,
    }
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Ok(()) };
    for (index, frame) in backtrace.frames().iter().enumerate() {
        if out.remaining() == 0 {
            break;
        }
        write!(out, "\n  {index}: ")?;
        match frame.func_name() {
            Some(name) => out.write_str(&readable(name))?,
            None => write!(out, "<function {}>", frame.func_index())?,
        }
    }
    Ok(())
}

/// A demangled name where the symbol is Rust's or C++'s; bounded in size and work.
fn readable(symbol: &str) -> String {
    if symbol.len() > MAX_SYMBOL_BYTES {
        return clean_name(symbol);
    }
    let mut out = BoundedText::new(MAX_FRAME_BYTES);
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        // The alternate form leaves out the hash.
        let _ = write!(out, "{name:#}");
    } else if let Ok(name) = cpp_demangle::Symbol::new(symbol) {
        let _ = name.structured_demangle(&mut out, &cpp_demangle::DemangleOptions::default());
    }
    if out.text.is_empty() {
        return clean_name(symbol);
    }
    clean_name(&out.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_demangled() {
        assert_eq!(
            readable("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        assert_eq!(
            readable("_ZNSt6vectorIiSaIiEE4dataEv"),
            "std::vector<int, std::allocator<int> >::data()"
        );
        assert_eq!(readable("main.main"), "main.main");
    }

    #[test]
    fn a_name_that_explodes_is_cut() {
        // Each parameter is a pair of the one before: 2^30 characters if it were written out.
        let mut symbol = "_Z1fSt4pairIiiE".to_string();
        for index in 0..30 {
            let back = char::from_digit(index, 36).unwrap().to_ascii_uppercase();
            symbol.push_str(&format!("S_IS{back}_S{back}_E"));
        }
        assert!(readable(&symbol).starts_with("f(std::pair<int, int>, "));
        assert!(readable(&symbol).len() <= MAX_FRAME_BYTES + 16);
        assert!(readable(&"x".repeat(1 << 20)).len() <= MAX_FRAME_BYTES + 16);
    }
}
