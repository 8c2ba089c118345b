//! The app in a real window, with its tray icon.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod app;
mod containers;
mod engines;
mod life;
