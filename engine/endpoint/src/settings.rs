//! What an endpoint goes by, and what it is asked to look at.

use causeway_sync::ignore::Rules;
use causeway_sync::{RelPathBuf, Side};

use crate::watch::Hint;

/// What an endpoint goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which side it is.
    pub side: Side,
    /// What is ignored. Upload and download patterns are the session's business.
    pub rules: Rules,
    /// What becomes of symlinks.
    pub symlinks: Symlinks,
}

/// What becomes of symlinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Symlinks {
    /// They cross as they are.
    #[default]
    Raw,
    /// Relative ones that stay inside the share cross; others are a problem.
    Portable,
    /// They are untracked.
    Ignore,
}

/// A path that may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirty {
    /// Where.
    pub path: RelPathBuf,
    /// How to look.
    pub look: Look,
}

/// How to look at a dirty path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The watcher saw something there.
    Hint(Hint),
    /// Look once more: a [`Later`] is due, or something stood there that wasn't expected.
    Again,
    /// Events were lost: look at everything at and below it.
    Below,
    /// The same, of what is complete as it stands.
    Anew,
}

/// A path to look at again: pass it to the next check at or after its time, with [`Look::Again`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// Where.
    pub path: RelPathBuf,
    /// When, in milliseconds since 1970.
    pub due_ms: u64,
}

/// What a look came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// What to look at again, and when.
    pub later: Vec<Later>,
    /// Whether the file with the rules has changed: read it ([`Endpoint::syncignore`](crate::Endpoint::syncignore)), and set the
    /// new rules on both sides.
    pub rules_changed: bool,
    /// False where the look was stopped before its end.
    pub complete: bool,
}
