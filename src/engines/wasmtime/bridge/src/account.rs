//! Who pays for what an instance commits: C++'s engine::MemoryAccount, charged by the limiter in
//! limiter.rs.

use std::sync::Arc;

use godwit_hosts::commitment::Account;
use godwit_hosts::run::Run;

/// What an account was charged with for one instance: released once, however the run ends.
pub struct Charged {
    account: Option<Account>,
    /// Besides what the run's commitment counts.
    host_bytes: u64,
    run: Arc<Run>,
}

impl Charged {
    /// None when the account refuses `host_bytes`.
    pub fn new(host_bytes: u64, run: &Arc<Run>) -> Option<Charged> {
        let account = run.commitment.account();
        if host_bytes > 0 && account.is_some_and(|account| !account.charge(host_bytes)) {
            return None;
        }
        Some(Charged { account, host_bytes, run: run.clone() })
    }

    pub fn release(&mut self) {
        let Some(account) = self.account.take() else { return };
        match self.run.commitment.bytes() + self.host_bytes {
            0 => {}
            bytes => account.release(bytes),
        }
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi;
    use crate::instance::{HostSide, Instance};
    use crate::module::Loaded;
    use crate::types::{GodwitMemoryAccount, GodwitOutcome, GodwitProgress};
    use std::ffi::c_void;

    /// An account for tests: what it holds, and how often it was asked.
    #[derive(Default)]
    struct Ledger {
        held: i64,
        charges: u32,
        releases: u32,
    }

    extern "C" fn charge(ledger: *mut c_void, bytes: u64) -> bool {
        // SAFETY: `account` below; the test's thread only.
        let ledger = unsafe { &mut *ledger.cast::<Ledger>() };
        ledger.held += bytes as i64;
        ledger.charges += 1;
        true
    }

    extern "C" fn release(ledger: *mut c_void, bytes: u64) {
        // SAFETY: as above.
        let ledger = unsafe { &mut *ledger.cast::<Ledger>() };
        ledger.held -= bytes as i64;
        ledger.releases += 1;
    }

    fn account(ledger: *mut Ledger) -> GodwitMemoryAccount {
        GodwitMemoryAccount { context: ledger.cast(), charge, release }
    }

    fn loaded(text: &str) -> Arc<Loaded> {
        let engine = crate::engine::tests::runtime();
        crate::module::tests::with_panicking_import(&engine, text)
    }

    /// A panic below the guest is caught at the boundary: the run has failed, nothing is leaked.
    #[test]
    fn a_caught_panic_releases_what_was_charged() {
        let module = loaded(
            r#"(module (import "test" "panic" (func $panic)) (memory 3)
              (func (export "_start") (drop (memory.grow (i32.const 2))) (call $panic)))"#,
        );
        let mut ledger = Ledger::default();
        let account = account(&mut ledger);
        let instance =
            Instance::new(&module, HostSide::none(), Some(account), "_start", false).unwrap();
        assert_eq!(ledger.held, 3 << 16);
        let instance = abi::tests::boxed(instance);
        // SAFETY: the instance is valid until it is freed below.
        let progress = unsafe { abi::godwit_instance_resume(instance) };
        assert_eq!(progress, GodwitProgress::Done);
        assert_eq!(ledger.held, 0);
        assert_eq!((ledger.charges, ledger.releases), (2, 1));
        let mut outcome = std::mem::MaybeUninit::<GodwitOutcome>::uninit();
        // SAFETY: as above; the outcome is written.
        let outcome = unsafe {
            abi::godwit_instance_take_outcome(instance, outcome.as_mut_ptr());
            outcome.assume_init()
        };
        assert_eq!(outcome.trap, crate::outcome::TrapKind::Host as u8);
        // SAFETY: both came from this library and are freed once.
        unsafe {
            abi::godwit_bytes_free(outcome.detail);
            abi::godwit_instance_free(instance);
        }
        assert_eq!((ledger.held, ledger.releases), (0, 1));
        // The place in the pool is free again.
        let again = Instance::new(&module, HostSide::none(), Some(account), "_start", false);
        drop(again.unwrap());
        assert_eq!((ledger.held, ledger.releases), (0, 2));
    }
}
