//! What must hold before a folder becomes a share. Looking only: nothing is changed, whatever the answer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use causeway_api::{ApiError, ErrorCode, Mode, Remedy, ShareName};

/// What a person asked for.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// The folder; absolute.
    pub folder: &'a Path,
    /// The name, if one was given.
    pub name: Option<&'a ShareName>,
    /// Mode.
    pub mode: Mode,
    /// Whether they insisted on a folder as large as the home folder.
    pub force: bool,
}

/// What it is checked against.
#[derive(Clone, Debug)]
pub struct Present<'a> {
    /// Name and canonical folder of each share.
    pub shares: Vec<(&'a ShareName, &'a Path)>,
    /// Causeway's own directories, those that exist.
    pub own: Vec<PathBuf>,
    /// The user's home folder, if there is one.
    pub home: Option<PathBuf>,
}

/// A wish that can be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The share's name.
    pub name: ShareName,
    /// The canonical folder.
    pub folder: PathBuf,
    /// Causeway's own directories inside the folder, relative to it. They must be excluded.
    pub own_inside: Vec<PathBuf>,
}

/// Why a folder can't become a share.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Relative.
    #[error("{} is not an absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// Nothing there.
    #[error("the folder {} does not exist", .0.display())]
    Missing(PathBuf),
    /// Something else there.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// It can't be read.
    #[error("the folder {} can't be read: {source}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A mode that changes the host needs to write there.
    #[error("the folder {} can't be written to, and this mode brings changes to the host: {reason}", path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Paths cross the control API as text.
    #[error("the path {} is not valid UTF-8", .0.display())]
    NotText(PathBuf),
    /// The same folder, or one inside it.
    #[error("the folder {} is inside the share \"{share}\" ({})", path.display(), folder.display())]
    InsideShare {
        /// The folder.
        path: PathBuf,
        /// The share that has it.
        share: ShareName,
        /// That share's folder.
        folder: PathBuf,
    },
    /// A folder around a share.
    #[error("the folder {} holds the share \"{share}\" ({})", path.display(), folder.display())]
    AroundShare {
        /// The folder.
        path: PathBuf,
        /// The share inside it.
        share: ShareName,
        /// That share's folder.
        folder: PathBuf,
    },
    /// Causeway's own data.
    #[error("the folder {} is inside Causeway's own directory {}", path.display(), own.display())]
    InsideOwn {
        /// The folder.
        path: PathBuf,
        /// Causeway's directory.
        own: PathBuf,
    },
    /// A folder around Causeway's own data, without insisting.
    #[error("the folder {} holds Causeway's own directory {}", path.display(), own.display())]
    AroundOwn {
        /// The folder.
        path: PathBuf,
        /// Causeway's directory.
        own: PathBuf,
    },
    /// The home folder or the root, without insisting.
    #[error("{} is {what}, which holds far more than one project", path.display())]
    TooWide {
        /// The folder.
        path: PathBuf,
        /// "the home folder" or "the root of the file system".
        what: &'static str,
    },
    /// Two shares can't have one name.
    #[error("a share named \"{0}\" exists already")]
    NameTaken(ShareName),
}

impl Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotAbsolute(_) | Self::NotText(_) => ErrorCode::InvalidParams,
            Self::Missing(_) => ErrorCode::FolderMissing,
            Self::NotAFolder(_) => ErrorCode::NotADirectory,
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                ErrorCode::PermissionDenied
            }
            Self::Unreadable { .. } => ErrorCode::Io,
            Self::ReadOnly { .. } => ErrorCode::ReadOnly,
            Self::InsideShare { .. } | Self::AroundShare { .. } => ErrorCode::FolderOverlaps,
            Self::InsideOwn { .. } | Self::AroundOwn { .. } | Self::TooWide { .. } => ErrorCode::FolderRefused,
            Self::NameTaken(_) => ErrorCode::NameTaken,
        }
    }

    /// What a person can do about it.
    fn remedy(&self) -> &'static str {
        match self {
            Self::NotAbsolute(_) => "Give the folder's whole path.",
            Self::Missing(_) => "Create the folder first, or correct the path.",
            Self::NotAFolder(_) => "Share the folder that holds it.",
            Self::Unreadable { .. } => "Give your user the right to list the folder.",
            Self::ReadOnly { .. } => "Make the folder writable, or choose the mode one-way-safe or one-way-replica.",
            Self::NotText(_) => "Rename the folder, or share a folder inside it.",
            Self::InsideShare { .. } => "It is synchronised already, as a part of that share.",
            Self::AroundShare { .. } => "Remove that share first, or choose another folder.",
            Self::InsideOwn { .. } => "Choose another folder.",
            Self::AroundOwn { .. } => {
                "Choose another folder. With --force it is shared, and Causeway's directory is excluded."
            }
            Self::TooWide { .. } => "Choose a folder inside it, or insist with --force.",
            Self::NameTaken(_) => "Choose another name with --name.",
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let mut message = refusal.to_string();
        message.push('.');
        Self::new(refusal.code(), message).with_remedy(Remedy::sentence(refusal.remedy()))
    }
}

/// Checks a wish. What concerns patterns is checked where rules are made.
pub fn check(wish: &Wish<'_>, present: &Present<'_>) -> Result<Granted, Refusal> {
    let folder = check_folder(wish)?;
    check_width(wish, &folder, present)?;
    check_shares(&folder, present)?;
    let own_inside = check_own(wish, &folder, present)?;
    let name = check_name(wish.name, &folder, present)?;
    Ok(Granted { name, folder, own_inside })
}

fn check_folder(wish: &Wish<'_>) -> Result<PathBuf, Refusal> {
    let given = wish.folder.to_path_buf();
    if !given.is_absolute() {
        return Err(Refusal::NotAbsolute(given));
    }
    let unreadable = |path: &Path, source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Refusal::Missing(path.to_path_buf()),
        io::ErrorKind::NotADirectory => Refusal::Missing(path.to_path_buf()),
        _ => Refusal::Unreadable { path: path.to_path_buf(), source },
    };
    let folder = fs::canonicalize(&given).map_err(|e| unreadable(&given, e))?;
    if !fs::metadata(&folder).map_err(|e| unreadable(&folder, e))?.is_dir() {
        return Err(Refusal::NotAFolder(folder));
    }
    if folder.to_str().is_none() {
        return Err(Refusal::NotText(folder));
    }
    fs::read_dir(&folder).map_err(|e| unreadable(&folder, e))?;
    check_mode(&folder, wish.mode)?;
    Ok(folder)
}

/// Refuses a mode that brings changes to a folder which can't be written to.
pub fn check_mode(folder: &Path, mode: Mode) -> Result<(), Refusal> {
    let writes_to_host = matches!(mode, Mode::TwoWaySafe | Mode::TwoWayResolved);
    match may_write(folder) {
        Err(e) if writes_to_host => Err(Refusal::ReadOnly { path: folder.to_path_buf(), reason: e.to_string() }),
        _ => Ok(()),
    }
}

#[cfg(unix)]
pub(crate) fn may_write(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Windows has no question to ask without writing: what can't be written shows as problems of paths.
#[cfg(not(unix))]
pub(crate) fn may_write(_: &Path) -> io::Result<()> {
    Ok(())
}

fn check_width(wish: &Wish<'_>, folder: &Path, present: &Present<'_>) -> Result<(), Refusal> {
    if wish.force {
        return Ok(());
    }
    let home = present.home.as_deref().and_then(|home| fs::canonicalize(home).ok());
    let what = match home {
        _ if folder.parent().is_none() => "the root of the file system",
        Some(home) if home == folder => "the home folder",
        Some(home) if home.starts_with(folder) => "a folder around the home folder",
        _ => return Ok(()),
    };
    Err(Refusal::TooWide { path: folder.to_path_buf(), what })
}

fn check_shares(folder: &Path, present: &Present<'_>) -> Result<(), Refusal> {
    for (share, other) in &present.shares {
        let (path, share, other_folder) = (folder.to_path_buf(), (*share).clone(), other.to_path_buf());
        if stands_in(folder, other) {
            return Err(Refusal::InsideShare { path, share, folder: other_folder });
        }
        if stands_in(other, folder) {
            return Err(Refusal::AroundShare { path, share, folder: other_folder });
        }
    }
    Ok(())
}

fn check_own(wish: &Wish<'_>, folder: &Path, present: &Present<'_>) -> Result<Vec<PathBuf>, Refusal> {
    let mut inside = Vec::new();
    for own in &present.own {
        // One that doesn't exist has nothing in it and can't be inside of anything yet.
        let Ok(own) = fs::canonicalize(own) else { continue };
        if stands_in(folder, &own) {
            return Err(Refusal::InsideOwn { path: folder.to_path_buf(), own });
        }
        if !stands_in(&own, folder) {
            continue;
        }
        match own.strip_prefix(folder) {
            Ok(relative) if wish.force => inside.push(relative.to_path_buf()),
            // Without insisting, or where it is reached through another mount and no pattern would name it.
            _ => return Err(Refusal::AroundOwn { path: folder.to_path_buf(), own }),
        }
    }
    Ok(inside)
}

/// Whether `inner` is `outer` or stands below it, by name or by identity: a bind mount has two names.
fn stands_in(inner: &Path, outer: &Path) -> bool {
    if inner.starts_with(outer) {
        return true;
    }
    let Some(outer) = identity(outer) else { return false };
    inner.ancestors().any(|dir| identity(dir) == Some(outer))
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

/// Windows tells a file's number only of an opened file; canonical names are compared there.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

fn check_name(given: Option<&ShareName>, folder: &Path, present: &Present<'_>) -> Result<ShareName, Refusal> {
    let name = match given {
        Some(name) => name.clone(),
        None => ShareName::suggest(&folder.file_name().unwrap_or_default().to_string_lossy()),
    };
    if present.shares.iter().any(|(other, _)| **other == name) {
        return Err(Refusal::NameTaken(name));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ground {
        _dir: tempfile::TempDir,
        base: PathBuf,
    }

    fn ground() -> Ground {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        for folder in ["home/me/src/shared/sub", "home/me/src/free", "home/me/own/data", "home/me/.x y"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        fs::write(base.join("home/me/file"), "").unwrap();
        Ground { _dir: dir, base }
    }

    fn ask(ground: &Ground, folder: &str, name: Option<&str>, force: bool) -> Result<Granted, Refusal> {
        let shared = ground.base.join("home/me/src/shared");
        let (taken, name) = (ShareName::new("shared").unwrap(), name.map(|name| ShareName::new(name).unwrap()));
        let present = Present {
            shares: vec![(&taken, &shared)],
            own: vec![ground.base.join("home/me/own"), ground.base.join("absent")],
            home: Some(ground.base.join("home/me")),
        };
        let folder = if folder.is_empty() { PathBuf::from("/") } else { ground.base.join(folder) };
        check(&Wish { folder: &folder, name: name.as_ref(), mode: Mode::TwoWaySafe, force }, &present)
    }

    #[test]
    fn what_is_refused_and_why() {
        let ground = ground();
        for (folder, name, force, reason) in [
            ("home/me/src/none", None, false, "does not exist"),
            ("home/me/file", None, false, "not a folder"),
            ("home/me/file/below", None, false, "does not exist"),
            ("home/me/src/shared", None, false, "inside the share \"shared\""),
            ("home/me/src/shared/sub", None, false, "inside the share \"shared\""),
            ("home/me/src", None, false, "holds the share \"shared\""),
            ("home/me/src", None, true, "holds the share \"shared\""),
            ("home/me/own", None, false, "inside Causeway's own directory"),
            ("home/me/own/data", None, true, "inside Causeway's own directory"),
            ("home/me", None, false, "the home folder"),
            ("home", None, false, "around the home folder"),
            ("", None, false, "the root of the file system"),
            ("home/me/src/free", Some("shared"), false, "exists already"),
        ] {
            let refusal = ask(&ground, folder, name, force).unwrap_err();
            assert!(refusal.to_string().contains(reason), "{folder}: {refusal}");
            assert!(!refusal.remedy().is_empty());
        }
    }

    #[test]
    fn what_is_granted() {
        let ground = ground();
        for (folder, name, granted) in [
            ("home/me/src/free", None, "free"),
            ("home/me/src/free", Some("Free_1.x-y"), "Free_1.x-y"),
            ("home/me/src/../src/free/.", None, "free"),
            ("home/me/.x y", None, "x-y"),
        ] {
            let got = ask(&ground, folder, name, false).unwrap();
            assert_eq!(got.name.as_str(), granted);
            assert_eq!(got.folder, fs::canonicalize(ground.base.join(folder)).unwrap());
            assert!(got.own_inside.is_empty());
        }
    }

    #[cfg(unix)]
    #[test]
    fn symlinks_are_seen_through() {
        let ground = ground();
        std::os::unix::fs::symlink(ground.base.join("home/me/src/shared/sub"), ground.base.join("home/me/link"))
            .unwrap();
        let refusal = ask(&ground, "home/me/link", None, false).unwrap_err();
        assert!(matches!(refusal, Refusal::InsideShare { .. }), "{refusal}");
    }

    #[test]
    fn own_directories_inside_a_forced_folder_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(base.join("own")).unwrap();
        let present = Present { shares: vec![], own: vec![base.join("own")], home: Some(base.clone()) };
        let wish = Wish { folder: &base, name: None, mode: Mode::TwoWaySafe, force: true };
        assert_eq!(check(&wish, &present).unwrap().own_inside, [PathBuf::from("own")]);
        let timid = Wish { force: false, ..wish };
        assert!(matches!(check(&timid, &Present { home: None, ..present }), Err(Refusal::AroundOwn { .. })));
    }
}
