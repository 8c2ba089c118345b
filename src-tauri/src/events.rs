//! What the window hears.

use causeway_api::{PathBytes, ShareId, feed};
use serde::Serialize;

/// How the engine is, as this app reaches it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum EngineState {
    /// Not reached yet.
    #[default]
    Starting,
    /// Reached.
    Running {
        /// Whether it runs in this process and ends with it.
        embedded: bool,
    },
    /// A person stopped it; `start_engine` starts it again.
    Stopped,
    /// It can't be started or reached; tried again by itself.
    Failed {
        /// Why, as a sentence.
        sentence: String,
    },
}

/// What the window hears. A snapshot of all there is comes first, and again whenever the engine was reached anew.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum AppEvent {
    /// How the engine is.
    Engine {
        /// The same.
        engine: EngineState,
    },
    /// Begin anew from this.
    Snapshot {
        /// All there is.
        snapshot: feed::Snapshot,
    },
    /// This changed.
    Delta {
        /// What.
        delta: feed::Delta,
    },
    /// Something is dragged over the window, or not any more.
    DragOver {
        /// Whether it is.
        over: bool,
    },
    /// Things were dropped on the window.
    Dropped {
        /// Where they stand.
        paths: Vec<PathBytes>,
    },
    /// Show a page, as somebody asked in the tray's menu.
    Show {
        /// Which.
        page: ShownPage,
    },
    /// A person wants to quit, though containers use shares: ask.
    QuitAsked {
        /// The shares that running containers use.
        shares: Vec<String>,
    },
}

/// A page that the tray's menu leads to.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "page", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ShownPage {
    /// One share.
    Share {
        /// Which.
        id: ShareId,
    },
}
