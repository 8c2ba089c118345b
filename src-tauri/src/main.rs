//! The program `causeway-app`; see the library.
// On Windows a program with a window has no console.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

// Most of what a large share costs beside the disk's work is in small pieces of memory; see docs/performance.md.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    causeway_app::run()
}
