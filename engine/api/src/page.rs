//! Long lists, page by page.

use serde::{Deserialize, Serialize};

/// Items on a page where the request doesn't say.
pub const PAGE_ITEMS_DEFAULT: u32 = 200;

/// Most items on a page; more are asked for with the next cursor.
pub const PAGE_ITEMS_MAX: u32 = 1000;

/// Ask for a page of a share's list. Lists are ordered, and have no end that is cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ListOf {
    /// Name or id of the share.
    pub share: String,
    /// `next` of the page before; the first page where `null`.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Most items on the page, up to [`PAGE_ITEMS_MAX`]; [`PAGE_ITEMS_DEFAULT`] where `null`. There may be fewer though
    /// more follow, so that a page stays far from the longest line.
    #[serde(default)]
    pub limit: Option<u32>,
}

impl ListOf {
    /// The first page.
    pub fn first(share: impl Into<String>) -> Self {
        Self { share: share.into(), cursor: None, limit: None }
    }

    /// How many items the page may have.
    pub fn items_max(&self) -> usize {
        self.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX) as usize
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Page<T> {
    /// The items, in the list's order: by path.
    pub items: Vec<T>,
    /// Where the next page begins; `null` on the last. Opaque. It stays good while the list changes: what is added or
    /// leaves behind it isn't seen, nothing else is seen twice or left out.
    pub next: Option<String>,
    /// How many items the whole list has now.
    pub total: u64,
}
