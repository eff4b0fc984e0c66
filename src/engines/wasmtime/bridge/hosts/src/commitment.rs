//! What an instance commits: its memories, tables, heaps, and what the host keeps for its guest. All
//! of it counts against the run's limit and is charged to C++'s engine::MemoryAccount.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::types::GodwitMemoryAccount;

/// C++'s engine::MemoryAccount of this invocation.
#[derive(Clone, Copy)]
pub struct Account(pub GodwitMemoryAccount);
// SAFETY: its context is only handed back to C++, on the thread that runs the instance.
unsafe impl Send for Account {}
// SAFETY: as above.
unsafe impl Sync for Account {}

impl Account {
    pub fn charge(&self, bytes: u64) -> bool {
        (self.0.charge)(self.0.context, bytes)
    }

    pub fn release(&self, bytes: u64) {
        (self.0.release)(self.0.context, bytes);
    }
}

/// So much the host keeps for every guest uncounted; more is charged in steps as large.
pub const HOST_STEP_BYTES: u64 = 64 << 10;

/// Used by one thread only; the atomics are relaxed (plain loads and stores) and there because a
/// store's data must be Send.
#[derive(Default)]
pub struct Commitment {
    limit: u64,
    account: Option<Account>,
    /// The account was charged with exactly this.
    bytes: AtomicU64,
    /// A growth was refused.
    refused: AtomicBool,
    /// The account refused it.
    account_refused: AtomicBool,
    host_used: AtomicU64,
    host_charged: AtomicU64,
}

impl Commitment {
    pub fn new(limit: u64, account: Option<Account>) -> Commitment {
        Commitment { limit, account, ..Commitment::default() }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    pub fn account_refused(&self) -> bool {
        self.account_refused.load(Ordering::Relaxed)
    }

    pub fn forget_refusals(&self) {
        self.refused.store(false, Ordering::Relaxed);
        self.account_refused.store(false, Ordering::Relaxed);
    }

    pub fn account(&self) -> Option<Account> {
        self.account
    }

    /// Always false.
    pub fn refuse(&self) -> bool {
        self.refused.store(true, Ordering::Relaxed);
        false
    }

    /// Is so much more within the run's limit?
    pub fn allows(&self, bytes: u64) -> bool {
        self.bytes().saturating_add(bytes) <= self.limit
    }

    /// False: neither counted nor charged.
    pub fn take(&self, bytes: u64) -> bool {
        if !self.allows(bytes) {
            return self.refuse();
        }
        if bytes != 0 && self.account.is_some_and(|account| !account.charge(bytes)) {
            self.account_refused.store(true, Ordering::Relaxed);
            return self.refuse();
        }
        self.bytes.store(self.bytes() + bytes, Ordering::Relaxed);
        true
    }

    /// What was taken was not had: the operating system refused.
    pub fn take_back(&self, bytes: u64) {
        self.bytes.store(self.bytes().saturating_sub(bytes), Ordering::Relaxed);
        self.refuse();
        if let Some(account) = &self.account {
            account.release(bytes);
        }
    }

    /// The host keeps so much more for the guest. False: it must not.
    pub fn host_take(&self, bytes: u64) -> bool {
        let used = self.host_used.load(Ordering::Relaxed).saturating_add(bytes);
        while used > self.host_charged.load(Ordering::Relaxed) + HOST_STEP_BYTES {
            if !self.take(HOST_STEP_BYTES) {
                return false;
            }
            self.host_charged.fetch_add(HOST_STEP_BYTES, Ordering::Relaxed);
        }
        self.host_used.store(used, Ordering::Relaxed);
        true
    }

    /// It does not keep that any more. What was charged stays charged until the run is over: a guest
    /// that needed it once will need it again.
    pub fn host_give(&self, bytes: u64) {
        let used = self.host_used.load(Ordering::Relaxed);
        self.host_used.store(used.saturating_sub(bytes), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_keeps_counts_in_steps_once_it_is_much() {
        let commitment = Commitment::new(3 * HOST_STEP_BYTES, None);
        assert!(commitment.host_take(HOST_STEP_BYTES));
        assert_eq!(commitment.bytes(), 0);
        assert!(commitment.host_take(1));
        assert_eq!(commitment.bytes(), HOST_STEP_BYTES);
        commitment.host_give(HOST_STEP_BYTES);
        assert!(commitment.host_take(HOST_STEP_BYTES));
        assert_eq!(commitment.bytes(), HOST_STEP_BYTES);
        assert!(!commitment.refused());
        assert!(!commitment.host_take(4 * HOST_STEP_BYTES));
        assert!(commitment.refused());
        assert!(!commitment.host_take(u64::MAX));
    }
}
