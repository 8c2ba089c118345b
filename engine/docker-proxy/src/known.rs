//! What containers need, as it was found out before.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::needs::Needs;

/// Containers that are known at once; the oldest are forgotten, and asked for again.
const CONTAINERS_MAX: usize = 256;

/// The needs of containers. They never change for a container, and a volume that one has can be neither removed nor made anew, so nobody is
/// asked twice.
#[derive(Debug, Default)]
pub struct KnownNeeds(Mutex<VecDeque<Needs>>);

impl KnownNeeds {
    /// Of the container with this id of Docker's, whole: a name may be another's by now.
    pub fn get(&self, container: &str) -> Option<Needs> {
        self.known().iter().find(|needs| needs.container.as_deref() == Some(container)).cloned()
    }

    /// All of a container's needs have been found out.
    pub fn put(&self, needs: &Needs) {
        let Some(container) = &needs.container else { return };
        let mut known = self.known();
        known.retain(|needs| needs.container.as_ref() != Some(container));
        known.push_back(needs.clone());
        let surplus = known.len().saturating_sub(CONTAINERS_MAX);
        known.drain(..surplus);
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<Needs>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(container: &str, place: &str) -> Needs {
        Needs { container: Some(container.into()), places: vec![place.into()], ..Needs::default() }
    }

    #[test]
    fn the_latest_are_known() {
        let known = KnownNeeds::default();
        known.put(&Needs::default());
        known.put(&of("first", "/m/a"));
        known.put(&of("first", "/m/b"));
        assert_eq!((known.get("first"), known.get("fir"), known.known().len()), (Some(of("first", "/m/b")), None, 1));
        for number in 0..CONTAINERS_MAX {
            known.put(&of(&number.to_string(), "/m"));
        }
        assert_eq!((known.get("first"), known.known().len()), (None, CONTAINERS_MAX));
        assert_eq!(known.get("0"), Some(of("0", "/m")));
    }
}
