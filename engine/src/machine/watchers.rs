//! Who wants to know when something changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

type Callback = Arc<dyn Fn() + Send + Sync>;

/// Callbacks, until their [`Watching`] is dropped. Clones are the same list.
#[derive(Clone, Default)]
pub struct Watchers {
    list: Arc<Mutex<List>>,
}

#[derive(Default)]
struct List {
    next: u64,
    callbacks: BTreeMap<u64, Callback>,
}

/// Keeps a callback on the list.
pub struct Watching {
    list: Weak<Mutex<List>>,
    number: u64,
}

impl Watchers {
    /// Puts a callback on the list.
    pub fn add(&self, changed: Box<dyn Fn() + Send + Sync>) -> Watching {
        let mut list = lock(&self.list);
        let number = list.next;
        list.next += 1;
        list.callbacks.insert(number, changed.into());
        Watching { list: Arc::downgrade(&self.list), number }
    }

    /// Calls all, without holding the list.
    pub fn call(&self) {
        let callbacks: Vec<Callback> = lock(&self.list).callbacks.values().cloned().collect();
        for changed in callbacks {
            changed();
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(list) = self.list.upgrade() {
            lock(&list).callbacks.remove(&self.number);
        }
    }
}

fn lock(list: &Mutex<List>) -> MutexGuard<'_, List> {
    // Nothing that panics is done while it is held.
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn callbacks_end_with_their_guard() {
        let watchers = Watchers::default();
        let calls = Arc::new(AtomicU32::new(0));
        let theirs = Arc::clone(&calls);
        let watching = watchers.add(Box::new(move || {
            theirs.fetch_add(1, Ordering::Relaxed);
        }));
        watchers.call();
        drop(watching);
        watchers.call();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}
