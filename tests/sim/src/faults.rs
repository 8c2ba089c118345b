//! What may go wrong in a run. Each seed has some of it, so that a failure's story stays short.

use crate::random::Random;

/// What may go wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Users write between two calls of an endpoint, once in so many calls; 0 for never.
    pub race_one_in: u32,
    /// Users write in steps: truncate, then write; append.
    pub in_place: bool,
    /// Connections break, once in so many steps.
    pub break_one_in: u32,
    /// Processes end and start again, once in so many steps.
    pub restart_one_in: u32,
    /// The power fails.
    pub power_cuts: bool,
    /// Events are lost, once in so many deliveries.
    pub overflow_one_in: u32,
    /// Disks are full for a while.
    pub full_disks: bool,
    /// The host's file system takes `a` and `A` for one name.
    pub case_insensitive_host: bool,
    /// Users use names that differ in case only.
    pub case_names: bool,
    /// Users delete everything now and then.
    pub emptied_roots: bool,
    /// Users of each side work in a directory of their own, in which nobody else has anything to do, and much more.
    pub apart: bool,
}

/// Up to which class of faults a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Level {
    /// Nothing goes wrong, and users write whole files.
    None,
    /// Users write in steps.
    Steps,
    /// Connections break.
    Breaks,
    /// Events are lost.
    Losses,
    /// Users write between two calls of an endpoint.
    Races,
    /// Processes end.
    Ends,
    /// Disks are full; names clash.
    Disks,
    /// The power fails.
    Power,
}

impl Faults {
    /// Chooses, up to `level`.
    pub fn choose(level: Level, random: &mut Random) -> Self {
        let mut one_in = |from: Level, odds: u32| level >= from && random.one_in(odds);
        let apart = one_in(Level::None, 4);
        Self {
            apart,
            in_place: one_in(Level::Steps, 2) && !apart,
            emptied_roots: one_in(Level::Steps, 8) && !apart,
            break_one_in: if one_in(Level::Breaks, 3) { 60 } else { 0 },
            overflow_one_in: if one_in(Level::Losses, 3) { 30 } else { 0 },
            race_one_in: if one_in(Level::Races, 2) { 12 } else { 0 },
            restart_one_in: if one_in(Level::Ends, 3) { 60 } else { 0 },
            full_disks: one_in(Level::Disks, 4),
            case_insensitive_host: one_in(Level::Disks, 6),
            case_names: one_in(Level::Disks, 4) && !apart,
            power_cuts: one_in(Level::Power, 4) && !apart,
        }
    }
}
