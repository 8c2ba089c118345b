//! The whole-system simulation: one seed drives users, watchers, the network, processes, disks and time.
//!
//! Real are the session, both endpoints, indexes, the ledger, and the encoding of what crosses. Simulated are the file
//! systems ([`sim_fs`]), the watchers, and what stands between. A run is single-threaded and follows from its seed alone.

pub mod check;
pub mod crossing;
pub mod disk;
pub mod faults;
pub mod files;
pub mod ground;
pub mod history;
pub mod random;
pub mod run;
pub mod side;
pub mod sim_fs;
pub mod users;
pub mod watcher;
pub mod world;
