//! How a side's file system is set up: where its areas stand, and what is created gets which permissions.

use std::path::PathBuf;

/// What [`OsFs::open`](super::OsFs::open) needs to know.
#[derive(Clone, Debug)]
pub struct OsFsConfig {
    /// The share's root: absolute, its last component not a symlink.
    pub share: PathBuf,
    /// A directory of this share's own, outside the share, where the areas `staging` and `bin` are created. Preferably on the share's
    /// file system; where it isn't, staging moves into the share.
    pub private: PathBuf,
    /// Permissions of what is created.
    pub mode: FileMode,
}

/// Permissions of what is created in the share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileMode {
    /// As a program of the user would create it: 0644, 0755 for executables and directories, less the umask. For the host.
    User,
    /// Readable and writable by everybody, whatever the umask: 0666, 0777 for executables and directories. For the guest, where
    /// containers run as any user.
    Everyone,
}
