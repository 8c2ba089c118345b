//! The program `causeway-app`; see the library.
// On Windows a program with a window has no console.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> anyhow::Result<()> {
    causeway_app::run()
}
