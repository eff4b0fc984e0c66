//! Giving back in steps what a run leaves in its memories. Wasmtime resets a memory in one go when
//! the sandbox is freed: 128 MiB that were touched hold the worker for 5 to 10 ms. The pages that
//! were given back before cost it nothing.

use std::ffi::c_void;

use godwit_hosts::run::Bases;

/// The beginning of each memory is left to Wasmtime, which keeps it resident for the next run.
const KEPT_BYTES: u64 = 1 << 20;
/// Runs that end with no more than that are freed at once.
pub const SMALL_BYTES: u64 = 4 << 20;

/// Gives pages back to the operating system; private ones read as their file or as zero afterwards.
/// A failure leaves them as they were.
///
/// # Safety
/// `base` .. `base + size` is a mapping whose content nobody needs.
pub unsafe fn give_back(base: *mut u8, size: usize) {
    extern "C" {
        /// madvise(2).
        fn madvise(address: *mut c_void, size: usize, advice: i32) -> i32;
    }
    const MADV_DONTNEED: i32 = 4;
    // SAFETY: the contract of this function.
    unsafe { madvise(base.cast(), size, MADV_DONTNEED) };
}

/// How far the giving back has come.
#[derive(Default)]
pub struct Shedding {
    memory: usize,
    given: u64,
}

impl Shedding {
    /// Gives back about `bytes`; false when nothing is left. No memory is larger than `largest`.
    ///
    /// # Safety
    /// The memories at `bases` exist, `largest` is not more than the pool's room for one, and no
    /// guest will look at them again before they are reset.
    pub unsafe fn step(&mut self, bases: &Bases, largest: u64, bytes: u64) -> bool {
        let mut left = bytes;
        while let Some(base) = bases.get(self.memory) {
            let from = KEPT_BYTES + self.given;
            if base == 0 || from >= largest {
                self.memory += 1;
                self.given = 0;
                continue;
            }
            if left == 0 {
                return true;
            }
            let size = left.min(largest - from);
            // SAFETY: the contract of this function. The pages are private to the memory: they
            // become its image or zero, as Wasmtime's own reset makes them.
            unsafe { give_back((base as u64 + from) as *mut u8, size as usize) };
            self.given += size;
            left -= size;
        }
        false
    }
}
