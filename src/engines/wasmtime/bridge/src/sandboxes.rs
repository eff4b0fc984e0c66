//! How many sandboxes may exist at once: the pool itself counts core instances, of which a component
//! has several, and stacks, of which there are more.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

pub struct Sandboxes {
    most: u32,
    used: AtomicU32,
}

/// One of them, taken for as long as this lives.
pub struct Place(Arc<Sandboxes>);

impl Sandboxes {
    pub fn new(most: u32) -> Arc<Sandboxes> {
        Arc::new(Sandboxes { most, used: AtomicU32::new(0) })
    }

    /// None when all are taken.
    pub fn take(self: &Arc<Sandboxes>) -> Option<Place> {
        if self.used.fetch_add(1, Ordering::Relaxed) < self.most {
            return Some(Place(self.clone()));
        }
        self.used.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_there_are() {
        let sandboxes = Sandboxes::new(2);
        let first = sandboxes.take().unwrap();
        let second = sandboxes.take().unwrap();
        assert!(sandboxes.take().is_none());
        assert!(sandboxes.take().is_none());
        drop(first);
        let third = sandboxes.take().unwrap();
        assert!(sandboxes.take().is_none());
        drop((second, third));
        assert!(sandboxes.take().is_some());
    }
}
