//! The fuzz targets: each takes any bytes and panics where an invariant doesn't hold.
//!
//! They are plain functions: `fuzz_targets/` hands them to libFuzzer, the program of this package feeds them without one.

mod ignore;
mod path;

pub use ignore::ignore;
pub use path::path;

/// A target and its name, which is that of its directory in `corpus/`, too.
pub struct Target {
    /// Name on the command line.
    pub name: &'static str,
    /// Panics where the input breaks an invariant.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[Target { name: "ignore", run: ignore }, Target { name: "path", run: path }];
