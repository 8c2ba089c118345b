//! How quickly shares became usable on this machine, and what that says of the next one.
//!
//! What a file costs and what a byte costs can't be told apart from a few preparations, so only those whose files had about the same length
//! count. Where there were none, nothing is said.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use causeway_api::{Amount, MachineInfo, MachineKind};
use serde::{Deserialize, Serialize};

use crate::remembered::Remembered;

/// Name of the file in the data directory.
const FILE: &str = "preparations.json";
/// Version of its format.
const VERSION: u32 = 1;
/// Preparations that are remembered; the oldest are forgotten.
const PREPARATIONS_MAX: usize = 16;
/// What an entry weighs beside its bytes: about what handling a small file costs.
const ENTRY_BYTES: u64 = 16_000;
/// Smaller ones aren't remembered: what they took was mostly the joining of the two sides.
const WEIGHT_MIN: u64 = 1_000 * ENTRY_BYTES;
/// By how much the mean length of the files may differ.
const ALIKE: u64 = 4;

/// The preparations of this machine.
pub struct Preparations {
    known: Mutex<Remembered<Known>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    preparations: Vec<Preparation>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Preparation {
    machine: MachineKind,
    accelerated: bool,
    entries: u64,
    bytes: u64,
    took_ms: u64,
}

impl Preparation {
    fn amount(&self) -> Amount {
        Amount { entries: self.entries, bytes: self.bytes }
    }
}

impl Preparations {
    /// Reads what is remembered.
    pub fn open(data: &Path) -> Self {
        Self { known: Mutex::new(Remembered::open(data.join(FILE), VERSION)) }
    }

    /// So much was copied to a machine for the first time, and was usable after so long.
    pub fn note(&self, machine: &MachineInfo, amount: Amount, took_ms: u64) {
        if weight(amount) < WEIGHT_MIN || took_ms == 0 {
            return;
        }
        let (machine, accelerated) = kind(machine);
        let Amount { entries, bytes } = amount;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).change(|known| {
            known.preparations.push(Preparation { machine, accelerated, entries, bytes, took_ms });
            let surplus = known.preparations.len().saturating_sub(PREPARATIONS_MAX);
            known.preparations.drain(..surplus);
        });
    }

    /// How long so much would take on this machine, in milliseconds.
    pub fn estimate_ms(&self, machine: &MachineInfo, amount: Amount) -> Option<u64> {
        let kind = kind(machine);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = known.get().preparations.iter().filter(|one| {
            (one.machine, one.accelerated) == kind && are_alike(mean_bytes(one.amount()), mean_bytes(amount))
        });
        let (done, took_ms) = alike.fold((0, 0), |(done, took), one| (done + weight(one.amount()), took + one.took_ms));
        (done > 0).then(|| {
            u64::try_from(u128::from(weight(amount)) * u128::from(took_ms) / u128::from(done)).unwrap_or(u64::MAX)
        })
    }
}

fn kind(machine: &MachineInfo) -> (MachineKind, bool) {
    (machine.kind, machine.vm.as_ref().is_some_and(|vm| vm.accelerated))
}

fn weight(amount: Amount) -> u64 {
    amount.bytes.saturating_add(amount.entries.saturating_mul(ENTRY_BYTES))
}

/// What an entry weighs on an average: of small files the handling counts, however much smaller they are.
fn mean_bytes(amount: Amount) -> u64 {
    weight(amount) / amount.entries.max(1)
}

fn are_alike(a: u64, b: u64) -> bool {
    a <= b.saturating_mul(ALIKE) && b <= a.saturating_mul(ALIKE)
}

#[cfg(test)]
mod tests {
    use causeway_api::{MachineState, Timestamp};

    use super::*;

    fn machine(kind: MachineKind) -> MachineInfo {
        MachineInfo {
            kind,
            state: MachineState::Running,
            state_since: Timestamp::now(),
            detail: None,
            remedy: None,
            agent: None,
            disk_path: None,
            disk_used_bytes: None,
            disk_free_bytes: None,
            restarts: 0,
            chosen_because: String::new(),
            acceleration_remedy: None,
            start: None,
            vm: None,
        }
    }

    fn amount(entries: u64, bytes: u64) -> Amount {
        Amount { entries, bytes }
    }

    #[test]
    fn the_same_machine_and_files_of_about_the_same_length_say_how_long_it_takes() {
        let dir = tempfile::tempdir().unwrap();
        let local = machine(MachineKind::Local);
        let open = || Preparations::open(dir.path());
        open().note(&local, amount(10_000, 50_000_000), 1_000);
        open().note(&local, amount(20_000, 100_000_000), 2_000);
        let known = open();
        for (wanted, expected) in [
            (amount(10_000, 50_000_000), Some(1_000)),
            (amount(100_000, 500_000_000), Some(10_000)),
            (amount(100_000, 0), Some(7_619)),
            // Large files were never copied, and other files say nothing of them.
            (amount(10, 50_000_000), None),
            (amount(0, 0), None),
        ] {
            assert_eq!(known.estimate_ms(&local, wanted), expected, "{wanted:?}");
        }
        assert_eq!(known.estimate_ms(&machine(MachineKind::Vm), amount(10_000, 50_000_000)), None);
    }

    #[test]
    fn what_is_too_small_says_nothing_and_old_ones_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let local = machine(MachineKind::Local);
        let known = Preparations::open(dir.path());
        known.note(&local, amount(900, 0), 50);
        assert_eq!(known.estimate_ms(&local, amount(900, 0)), None);
        for took_ms in std::iter::once(1_000_000).chain([1_000; PREPARATIONS_MAX]) {
            known.note(&local, amount(10_000, 0), took_ms);
        }
        assert_eq!(known.estimate_ms(&local, amount(10_000, 0)), Some(1_000));
    }
}
