//! The contents of both sides of a conflict, for a person to compare.

use serde::{Deserialize, Serialize};

use crate::path::PathBytes;

/// Longest file that is shown as text, in bytes.
pub const TEXT_BYTES_MAX: u64 = 256 * 1024;

/// Longest file that is shown as a picture, in bytes.
pub const PICTURE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Ask for what stands at a path on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ComparePath {
    /// Name or id of the share.
    pub share: String,
    /// Where, relative to the share's root.
    pub path: PathBytes,
}

/// What stands at a path on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct BothContents {
    /// On the host.
    pub host: SideContent,
    /// In the guest.
    pub guest: SideContent,
}

/// The content of a file on one side. In JSON an object whose `is` is the variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum SideContent {
    /// Text in UTF-8.
    Text {
        /// All of it.
        text: String,
    },
    /// A picture in one of the formats that every window can show: PNG, JPEG, GIF, WebP.
    Picture {
        /// All of it, as a `data:` URL.
        url: String,
    },
    /// No text.
    Binary,
    /// Longer than [`TEXT_BYTES_MAX`], and no picture; or longer than [`PICTURE_BYTES_MAX`].
    TooLong,
    /// No file stands there.
    NoFile,
    /// It can't be read from here.
    Unreadable {
        /// Why, as a sentence.
        sentence: String,
    },
}
