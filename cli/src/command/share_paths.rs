//! Paths as a person types them, and as the engine knows them: relative to the share's root.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Component, Path},
};

use causeway_api::{PathBytes, ShareInfo};

use crate::exit::Usage;

/// Paths in one request; longer lists are sent in parts.
pub const PATHS_AT_ONCE: usize = 500;

/// The paths of `typed`, which are relative to the root of `share`, or absolute and below its folder on the host or
/// its place in the guest.
pub fn in_share(share: &ShareInfo, typed: Vec<OsString>) -> Result<Vec<PathBytes>, Usage> {
    typed.into_iter().map(|path| one(share, &path)).collect()
}

fn one(share: &ShareInfo, typed: &OsStr) -> Result<PathBytes, Usage> {
    let path = Path::new(typed);
    if path.is_relative() {
        return clean(path).ok_or_else(|| Usage(format!("The path {} leads out of the share.", path.display())));
    }
    for root in [&share.host_path, &share.guest_path] {
        if let Some(root) = root.to_path()
            && let Some(rest) = below(path, &root)
        {
            return Ok(rest);
        }
    }
    Err(Usage(format!(
        "The path {} isn't in the share {}, whose folder is {}.",
        path.display(),
        share.name,
        share.host_path
    )))
}

/// `path` as seen from `root`. Where that isn't so by the letter, the symlinks on the way to the path's last name are
/// followed; that name itself may be gone, or a symlink.
fn below(path: &Path, root: &Path) -> Option<PathBytes> {
    if let Ok(rest) = path.strip_prefix(root) {
        return clean(rest);
    }
    let parent = fs::canonicalize(path.parent()?).ok()?;
    clean(parent.join(path.file_name()?).strip_prefix(root).ok()?)
}

/// Without `.`, `..` and doubled slashes. `None` where it leads out.
fn clean(path: &Path) -> Option<PathBytes> {
    let mut names: Vec<&OsStr> = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => names.push(name),
            Component::ParentDir => {
                names.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let names: Vec<_> = names.iter().map(|name| name.as_encoded_bytes()).collect();
    Some(names.join(&b'/').into())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::{ffi::OsStringExt, fs::symlink};

    use super::*;
    use crate::command::share_table::tests::share;

    #[test]
    fn paths_are_seen_from_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap().join("repo");
        fs::create_dir_all(root.join("src")).unwrap();
        symlink(&root, dir.path().join("alias")).unwrap();
        let share =
            ShareInfo { host_path: root.as_path().into(), guest_path: "/causeway/repo".into(), ..share("repo") };
        let absolute = |rest: &str| root.join(rest).to_str().unwrap().to_owned();
        let alias = dir.path().join("alias/src/main.rs").to_str().unwrap().to_owned();
        for (typed, path) in [
            ("src/main.rs", "src/main.rs"),
            ("./src//main.rs/", "src/main.rs"),
            ("src/../a", "a"),
            (".", ""),
            (&absolute("src/gone.rs"), "src/gone.rs"),
            (&absolute("src/../a"), "a"),
            (&absolute(""), ""),
            (&alias, "src/main.rs"),
            ("/causeway/repo/a", "a"),
        ] {
            assert_eq!(one(&share, typed.as_ref()).unwrap(), path.into(), "{typed}");
        }
        for typed in ["..", "a/../../b", "/etc/passwd", &absolute("../other")] {
            assert!(one(&share, typed.as_ref()).is_err(), "{typed}");
        }
        let bytes = OsString::from_vec(b"caf\xe9".to_vec());
        assert_eq!(one(&share, &bytes).unwrap().as_bytes(), b"caf\xe9");
    }
}
