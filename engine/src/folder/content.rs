//! The content of one file below a root, for a person to read. No path is followed through a symlink: the guest may have put one
//! anywhere in its copy.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway_api::SideContent;
use causeway_api::compare::{PICTURE_BYTES_MAX, TEXT_BYTES_MAX};
use causeway_sync::RelPath;

/// Reads what stands at `path` below `root`.
pub fn read(root: &Path, path: &RelPath) -> SideContent {
    match read_bytes(root, path) {
        Ok(bytes) => shown(bytes),
        Err(error) if is_no_file(&error) => SideContent::NoFile,
        Err(error) => SideContent::Unreadable { sentence: format!("It can't be read: {error}.") },
    }
}

fn shown(bytes: Vec<u8>) -> SideContent {
    let (length, picture) = (bytes.len() as u64, picture_type(&bytes));
    match picture {
        Some(kind) if length <= PICTURE_BYTES_MAX => {
            SideContent::Picture { url: format!("data:{kind};base64,{}", STANDARD.encode(bytes)) }
        }
        None if length <= TEXT_BYTES_MAX && !bytes.contains(&0) => {
            String::from_utf8(bytes).map_or(SideContent::Binary, |text| SideContent::Text { text })
        }
        None if length <= TEXT_BYTES_MAX => SideContent::Binary,
        _ => SideContent::TooLong,
    }
}

/// The kind of a picture that every window can show, by how it begins. Not by its name: the guest isn't trusted. Formats that can hold
/// more than a picture (SVG) are none.
fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn is_no_file(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory | InvalidInput)
}

/// At most a byte more than is shown, which tells that there are too many.
#[cfg(unix)]
fn read_bytes(root: &Path, path: &RelPath) -> io::Result<Vec<u8>> {
    use std::fs::File;
    use std::io::Read;

    use rustix::fs::{CWD, Mode, OFlags, openat};

    let Some((parent, name)) = path.split_last() else { return Err(io::ErrorKind::IsADirectory.into()) };
    let directory = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let mut dir = openat(CWD, root, directory, Mode::empty())?;
    for step in parent.names() {
        dir = openat(&dir, step.as_bytes(), directory, Mode::empty())?;
    }
    // Without waiting, should it be a FIFO.
    let plain = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&dir, name.as_bytes(), plain, Mode::empty()).map_err(|error| match error {
        // A symlink.
        rustix::io::Errno::LOOP => io::ErrorKind::InvalidInput.into(),
        other => io::Error::from(other),
    })?;
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Without a way to open relative to a directory a link put in the way would be followed.
#[cfg(not(unix))]
fn read_bytes(_: &Path, _: &RelPath) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn at(root: &Path, path: &str) -> SideContent {
        read(root, RelPath::new(path.as_bytes()).unwrap())
    }

    #[test]
    fn text_is_read_and_everything_else_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/a.txt"), "żółw\n").unwrap();
        fs::write(root.join("b.png"), [1, 0, 2]).unwrap();
        fs::write(root.join("c"), [0xff, 0xfe, b'a']).unwrap();
        fs::write(root.join("long"), vec![b'a'; 300_000]).unwrap();
        assert_eq!(at(root, "sub/a.txt"), SideContent::Text { text: "żółw\n".into() });
        for (path, content) in [
            ("b.png", SideContent::Binary),
            ("c", SideContent::Binary),
            ("long", SideContent::TooLong),
            ("sub", SideContent::NoFile),
            ("gone", SideContent::NoFile),
            ("b.png/x", SideContent::NoFile),
        ] {
            assert_eq!(at(root, path), content, "{path}");
        }
    }

    #[test]
    fn pictures_are_told_by_how_they_begin() {
        let dir = tempfile::tempdir().unwrap();
        let png = *b"\x89PNG\r\n\x1a\nrest";
        fs::write(dir.path().join("a.txt"), png).unwrap();
        fs::write(dir.path().join("b.svg"), "<svg/>").unwrap();
        fs::write(dir.path().join("c.jpg"), "text").unwrap();
        let long = [&png[..], &vec![0; usize::try_from(PICTURE_BYTES_MAX).unwrap()]].concat();
        fs::write(dir.path().join("long.png"), long).unwrap();
        let url = "data:image/png;base64,iVBORw0KGgpyZXN0".to_owned();
        assert_eq!(at(dir.path(), "a.txt"), SideContent::Picture { url });
        assert_eq!(at(dir.path(), "b.svg"), SideContent::Text { text: "<svg/>".into() });
        assert_eq!(at(dir.path(), "c.jpg"), SideContent::Text { text: "text".into() });
        assert_eq!(at(dir.path(), "long.png"), SideContent::TooLong);
    }

    #[test]
    fn no_symlink_is_followed() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        let dir = tempfile::tempdir().unwrap();
        symlink(outside.path(), dir.path().join("way")).unwrap();
        symlink(outside.path().join("secret"), dir.path().join("file")).unwrap();
        assert!(!matches!(at(dir.path(), "way/secret"), SideContent::Text { .. }));
        assert_eq!(at(dir.path(), "file"), SideContent::NoFile);
    }
}
