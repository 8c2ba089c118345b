//! The fuzz targets: each takes any bytes and panics where an invariant doesn't hold.
//!
//! They are plain functions: `fuzz_targets/` hands them to libFuzzer, the program of this package feeds them without one.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod docker;
mod ignore;
mod path;
mod wire;

pub use docker::docker;
pub use ignore::ignore;
pub use path::path;
pub use wire::wire;

/// A target and its name, which is that of its directory in `corpus/`, too.
pub struct Target {
    /// Name on the command line.
    pub name: &'static str,
    /// Panics where the input breaks an invariant.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "docker", run: docker },
    Target { name: "ignore", run: ignore },
    Target { name: "path", run: path },
    Target { name: "wire", run: wire },
];
