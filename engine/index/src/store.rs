//! A SQLite file with one owner.

/// Whether what was remembered is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There was no file; it is new.
    Fresh,
    /// The file was there.
    Existing,
    /// The file was damaged or of another version. It was set aside, and a new one begun.
    Replaced {
        /// Why, in words for a log.
        reason: String,
    },
}
