//! Names and identities of shares.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name of a share, in bytes. Short enough for a line of a table, a container's label and a directory's name.
pub const SHARE_NAME_BYTES_MAX: usize = 64;

/// The text is not a share's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "A share's name has 1 to {SHARE_NAME_BYTES_MAX} of the characters a-z, A-Z, 0-9, \".\", \"_\" and \"-\", and begins with a letter or digit."
)]
pub struct InvalidShareName;

/// A share's name: unique among the shares, safe in a shell, in a file name and as a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
pub struct ShareName(String);

impl ShareName {
    /// Checks that `name` is a share's name.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidShareName> {
        let name = name.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let good = name.len() <= SHARE_NAME_BYTES_MAX
            && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
            && name.bytes().all(allowed);
        if good { Ok(Self(name)) } else { Err(InvalidShareName) }
    }

    /// The name that a folder called `folder` suggests: what isn't allowed becomes `-`. `share` where nothing is left.
    pub fn suggest(folder: &str) -> Self {
        let mut name = String::new();
        for c in folder.chars() {
            let good = c.is_ascii_alphanumeric() || (matches!(c, '.' | '_' | '-') && !name.is_empty());
            if good {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        name.truncate(SHARE_NAME_BYTES_MAX);
        name.truncate(name.trim_end_matches('-').len());
        Self::new(name).unwrap_or_else(|_| Self("share".into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ShareName {
    type Error = InvalidShareName;
    fn try_from(name: String) -> Result<Self, InvalidShareName> {
        Self::new(name)
    }
}

impl From<ShareName> for String {
    fn from(name: ShareName) -> Self {
        name.0
    }
}

impl std::str::FromStr for ShareName {
    type Err = InvalidShareName;
    fn from_str(name: &str) -> Result<Self, InvalidShareName> {
        Self::new(name)
    }
}

impl fmt::Display for ShareName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What tells a share from every other that ever was, also after it is renamed or removed. Opaque.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ShareId(pub String);

impl fmt::Display for ShareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "storefront", "Big-Repo_2.0", "9", &"x".repeat(64)] {
            assert_eq!(ShareName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", ".git", "_a", "a b", "a/b", "a\n", "é", "a$(b)", &"x".repeat(65)] {
            assert_eq!(ShareName::new(bad), Err(InvalidShareName), "{bad:?}");
        }
        assert!(serde_json::from_str::<ShareName>(r#""a b""#).is_err());
    }

    #[test]
    fn folders_suggest_names() {
        for (folder, name) in [
            ("storefront", "storefront"),
            ("My Project (copy)", "My-Project-copy"),
            (".dotfiles", "dotfiles"),
            ("--x", "x"),
            ("żółw", "w"),
            ("日本", "share"),
            ("", "share"),
            (&*"y".repeat(80), &*"y".repeat(64)),
        ] {
            assert_eq!(ShareName::suggest(folder).as_str(), name, "{folder:?}");
        }
    }
}
