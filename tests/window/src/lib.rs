//! Tests of the app in a real window: on a display and a session bus of their own, steered as a person steers it, by WebDriver.
//!
//! A [`Desktop`] has a display, a session bus with a watcher for tray icons, and the app in it; dropping it ends them all. Every
//! wait is bounded.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]
#![cfg(target_os = "linux")]

pub mod desktop;
pub mod drag;
pub mod driver;
pub mod notifications;
pub mod screen;
pub mod tray;

pub use desktop::Desktop;
pub use drag::Drag;
pub use driver::Window;
pub use notifications::Notifications;
pub use screen::Screen;
pub use tray::Tray;
