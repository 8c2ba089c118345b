//! The guest's image, as `cargo xtask image` makes it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::installed;

/// Names another directory than the one that is installed with this program.
pub const IMAGE_VARIABLE: &str = "CAUSEWAY_IMAGE";
/// Version of the layout that this engine knows.
const LAYOUT: u32 = 1;
const DIRECTORY: &str = "image";
const DESCRIPTION: &str = "image.json";
/// Longer than any description.
const DESCRIPTION_BYTES_MAX: u64 = 1024 * 1024;

/// The guest's image: read-only, for any number of machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Where it is.
    pub directory: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// The agent, and what it needs to reach the rest.
    pub initrd: PathBuf,
    /// The root file system.
    pub root: PathBuf,
    /// The kernel's release.
    pub release: String,
}

/// Why there is no image to boot.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// There is none.
    #[error("there is no image at {}", .0.display())]
    Missing(PathBuf),
    /// A part of it is missing or not as described.
    #[error("the image is damaged: {} {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is for another Causeway.
    #[error("the image at {} is of version {found}, and this is Causeway {}", path.display(), env!("CARGO_PKG_VERSION"))]
    Version {
        /// Where it is.
        path: PathBuf,
        /// Its version.
        found: String,
    },
}

#[derive(Deserialize)]
struct Description {
    layout: u32,
    version: String,
    kernel: String,
    files: std::collections::BTreeMap<String, Described>,
}

#[derive(Deserialize)]
struct Described {
    bytes: u64,
}

impl Image {
    /// Where it is looked for.
    pub fn place() -> PathBuf {
        match std::env::var_os(IMAGE_VARIABLE) {
            Some(named) => PathBuf::from(named),
            None => Self::first_of(installed::places().map(|place| place.join(DIRECTORY))),
        }
    }

    /// Where there is one; else where it should be.
    fn first_of([beside, packaged]: [PathBuf; 2]) -> PathBuf {
        if packaged.join(DESCRIPTION).is_file() && !beside.join(DESCRIPTION).is_file() { packaged } else { beside }
    }

    /// Opens the image in a directory, and checks that it is whole as far as sizes tell.
    pub fn open(directory: &Path) -> Result<Self, ImageError> {
        let path = directory.join(DESCRIPTION);
        let damaged = |path: &Path, reason: String| ImageError::Damaged { path: path.to_owned(), reason };
        match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ImageError::Missing(directory.to_owned()));
            }
            Ok(metadata) if metadata.len() > DESCRIPTION_BYTES_MAX => {
                return Err(damaged(&path, "is too long".to_owned()));
            }
            _ => {}
        }
        let text = fs::read(&path).map_err(|e| damaged(&path, format!("can't be read: {e}")))?;
        let found: Description =
            serde_json::from_slice(&text).map_err(|e| damaged(&path, format!("can't be understood: {e}")))?;
        if found.layout != LAYOUT || found.version != env!("CARGO_PKG_VERSION") {
            return Err(ImageError::Version { path: directory.to_owned(), found: found.version });
        }
        let file = |name: &str| {
            let path = directory.join(name);
            let described = found.files.get(name).ok_or_else(|| damaged(&path, "isn't described".to_owned()))?;
            match fs::metadata(&path) {
                Ok(metadata) if metadata.len() == described.bytes => Ok(path),
                Ok(metadata) => {
                    Err(damaged(&path, format!("has {} bytes instead of {}", metadata.len(), described.bytes)))
                }
                Err(error) => Err(damaged(&path, format!("can't be opened: {error}"))),
            }
        };
        Ok(Self {
            directory: directory.to_owned(),
            kernel: file("vmlinuz")?,
            initrd: file("initrd")?,
            root: file("root.erofs")?,
            release: found.kernel,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(version: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["vmlinuz", "initrd", "root.erofs"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let text = format!(
            r#"{{"layout":1,"version":"{version}","kernel":"6.12","packages":[],
               "files":{{"vmlinuz":{{"bytes":7}},"initrd":{{"bytes":6}},"root.erofs":{{"bytes":10}}}}}}"#
        );
        fs::write(dir.path().join(DESCRIPTION), text).unwrap();
        dir
    }

    #[test]
    fn a_whole_image_is_opened() {
        let dir = image(env!("CARGO_PKG_VERSION"));
        assert_eq!(Image::open(dir.path()).unwrap().release, "6.12");
    }

    #[test]
    fn an_image_beside_the_program_comes_before_a_packages() {
        let (with, also, without) = (image("1"), image("1"), tempfile::tempdir().unwrap());
        let [with, also, without] = [&with, &also, &without].map(|dir| dir.path().to_owned());
        assert_eq!(Image::first_of([with.clone(), also]), with);
        assert_eq!(Image::first_of([without.clone(), with.clone()]), with);
        assert_eq!(Image::first_of([without.clone(), without.join("neither")]), without);
    }

    #[test]
    fn what_is_wrong_with_an_image_is_named() {
        let nowhere = tempfile::tempdir().unwrap();
        assert!(matches!(Image::open(nowhere.path()), Err(ImageError::Missing(_))));
        assert!(matches!(Image::open(image("0.0.0").path()), Err(ImageError::Version { .. })));
        for (name, content) in [("root.erofs", "short"), (DESCRIPTION, "{")] {
            let dir = image(env!("CARGO_PKG_VERSION"));
            fs::write(dir.path().join(name), content).unwrap();
            let error = Image::open(dir.path()).unwrap_err();
            assert!(matches!(&error, ImageError::Damaged { path, .. } if path.ends_with(name)), "{error}");
        }
        let dir = image(env!("CARGO_PKG_VERSION"));
        fs::remove_file(dir.path().join("initrd")).unwrap();
        assert!(matches!(Image::open(dir.path()), Err(ImageError::Damaged { .. })));
    }
}
