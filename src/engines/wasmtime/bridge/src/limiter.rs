//! What an instance may commit: asked by Wasmtime whenever a memory or table is made or grows.

use std::sync::Arc;

use godwit_hosts::run::Run;
use wasmtime::ResourceLimiter;

use crate::engine::{MAX_MEMORY_BYTES, MAX_TABLE_ELEMENTS};
use crate::module::TABLE_ELEMENT_BYTES;

pub struct Limiter {
    run: Arc<Run>,
    /// Bytes of the growth that was granted last.
    granted_bytes: u64,
}

impl Limiter {
    pub fn new(run: &Arc<Run>) -> Limiter {
        Limiter { run: run.clone(), granted_bytes: 0 }
    }

    /// `room`: what the pool has. Whatever is granted here can fail only in the operating system.
    fn growing(
        &mut self,
        (current, desired): (usize, usize),
        maximum: Option<usize>,
        room: usize,
        unit: u64,
    ) -> bool {
        self.granted_bytes = 0;
        let commitment = &self.run.commitment;
        let bytes = (desired.saturating_sub(current) as u64).saturating_mul(unit);
        if !commitment.allows(bytes) {
            return commitment.refuse();
        }
        // Beyond its own maximum a growth fails without any limit of ours. (Bounded by the pool's
        // room, it is ours.)
        if maximum.is_some_and(|maximum| maximum < room && desired > maximum) {
            return false;
        }
        if desired > room {
            return commitment.refuse();
        }
        if !commitment.take(bytes) {
            return false;
        }
        self.granted_bytes = bytes;
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.growing((current, desired), maximum, MAX_MEMORY_BYTES, 1))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Wasmtime also reports growths here that it never asked for; taking the one before back
        // then would let a guest have memory for nothing.
        if error.is::<std::io::Error>() {
            match std::mem::take(&mut self.granted_bytes) {
                0 => {}
                bytes => self.run.commitment.take_back(bytes),
            }
        }
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.growing((current, desired), maximum, MAX_TABLE_ELEMENTS, TABLE_ELEMENT_BYTES))
    }

    // table_grow_failed: a granted growth of a table does not fail, the pool has its room.
}
