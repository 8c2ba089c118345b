//! `HOST:CONTAINER[:MODE]`, as `docker run -v` and `HostConfig.Binds` have it.
//!
//! As Docker reads it (moby, `volume/mounts/linux_parser.go`): parts are separated by colons, nothing is escaped, and a source that isn't
//! an absolute path is the name of a volume. A client on Windows says `C:\src:/app`, which Docker's own engine on Linux never sees.

/// Whose paths a client speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// `/home/me`.
    Unix,
    /// `C:\Users\me`, and what ports of Unix tools make of it: `/c/Users/me`, `//c/Users/me`.
    Windows,
}

impl System {
    /// Of this computer.
    pub const fn this() -> Self {
        if cfg!(windows) { Self::Windows } else { Self::Unix }
    }
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec<'a> {
    /// A path of the host in the container.
    Bind(Bind<'a>),
    /// A volume, with or without a name.
    Volume,
}

/// A path of the host in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The path on the host, as it was given.
    pub source: &'a str,
    /// All that follows, with the colon before it.
    pub rest: &'a str,
}

/// It has too many parts, or none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid volume specification: '{0}'")]
pub struct Invalid(pub String);

impl<'a> Bind<'a> {
    /// The options behind the second colon.
    pub fn options(&self) -> impl Iterator<Item = &'a str> {
        self.rest[1..].split_once(':').map_or("", |(_, mode)| mode).split(',')
    }
}

/// Reads a text.
pub fn parse(text: &str, system: System) -> Result<Spec<'_>, Invalid> {
    let invalid = || Invalid(text.to_owned());
    let drive = if system == System::Windows { drive_bytes(text) } else { 0 };
    let end = text[drive..].find(':').map(|at| drive + at);
    let (source, rest) = match end {
        // The container's path alone.
        None if text.is_empty() => return Err(invalid()),
        None => return Ok(Spec::Volume),
        Some(end) => text.split_at(end),
    };
    if source.is_empty() || rest.bytes().filter(|byte| *byte == b':').count() > 2 {
        return Err(invalid());
    }
    Ok(if is_absolute(source, system) { Spec::Bind(Bind { source, rest }) } else { Spec::Volume })
}

/// Whether a path begins at the root of a file system.
pub fn is_absolute(path: &str, system: System) -> bool {
    path.starts_with('/') || (system == System::Windows && (path.starts_with(r"\\") || drive_bytes(path) > 0))
}

/// The same path as this computer's programs write it.
pub fn native(path: &str, system: System) -> String {
    if system == System::Unix {
        return path.to_owned();
    }
    let rest = path.strip_prefix("//").or_else(|| path.strip_prefix('/')).filter(|rest| !rest.starts_with('/'));
    let of_drive = rest.and_then(|rest| {
        let (drive, below) = rest.split_once('/').unwrap_or((rest, ""));
        let is_drive = drive.len() == 1 && drive.as_bytes()[0].is_ascii_alphabetic();
        is_drive.then(|| format!("{}:/{below}", drive.to_ascii_uppercase()))
    });
    of_drive.unwrap_or_else(|| path.to_owned()).replace('/', "\\")
}

/// Length of `C:` where what follows makes it a drive, and of the beginning of `\\?\C:`.
fn drive_bytes(path: &str) -> usize {
    let verbatim = [r"\\?\", r"\\.\"].into_iter().find(|start| path.starts_with(start)).map_or(0, str::len);
    match path.as_bytes()[verbatim..] {
        [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic() => verbatim + 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind<'a>(source: &'a str, rest: &'a str) -> Result<Spec<'a>, Invalid> {
        Ok(Spec::Bind(Bind { source, rest }))
    }

    #[test]
    fn unix() {
        let invalid = |text: &str| Err(Invalid(text.to_owned()));
        for (text, expected) in [
            ("/a:/b", bind("/a", ":/b")),
            ("/a b/ü:/b:ro", bind("/a b/ü", ":/b:ro")),
            ("/a:/b:ro,z,rslave,nocopy", bind("/a", ":/b:ro,z,rslave,nocopy")),
            ("/a:b", bind("/a", ":b")),
            ("/a:", bind("/a", ":")),
            ("name:/b", Ok(Spec::Volume)),
            ("name:/b:ro", Ok(Spec::Volume)),
            ("./a:/b", Ok(Spec::Volume)),
            ("/b", Ok(Spec::Volume)),
            (r"C:\a:/b", Ok(Spec::Volume)),
            ("", invalid("")),
            (":/b", invalid(":/b")),
            ("/a:/b:ro:x", invalid("/a:/b:ro:x")),
        ] {
            assert_eq!(parse(text, System::Unix), expected, "{text}");
        }
    }

    #[test]
    fn windows() {
        for (text, source, rest) in [
            (r"C:\src:/app", r"C:\src", ":/app"),
            (r"c:\:/app:ro", r"c:\", ":/app:ro"),
            ("C:/src/a b:/app:ro,z", "C:/src/a b", ":/app:ro,z"),
            ("/c/Users/me:/app", "/c/Users/me", ":/app"),
            ("//c/Users:/app", "//c/Users", ":/app"),
            (r"\\server\share\x:/app", r"\\server\share\x", ":/app"),
            (r"\\?\C:\src:/app", r"\\?\C:\src", ":/app"),
        ] {
            assert_eq!(parse(text, System::Windows), bind(source, rest), "{text}");
        }
        for text in ["name:/app", "C:/app", "c:app", "/app"] {
            assert_eq!(parse(text, System::Windows), Ok(Spec::Volume), "{text}");
        }
        for (given, expected) in [
            ("/c/Users/me", r"C:\Users\me"),
            ("//d/x", r"D:\x"),
            ("/c", r"C:\"),
            ("C:/src/a", r"C:\src\a"),
            (r"C:\src", r"C:\src"),
            (r"\\server\share", r"\\server\share"),
            ("//server/share", r"\\server\share"),
        ] {
            assert_eq!(native(given, System::Windows), expected, "{given}");
        }
        assert_eq!(native("/c/Users", System::Unix), "/c/Users");
    }

    #[test]
    fn options() {
        for (text, expected) in
            [("/a:/b", &[""][..]), ("/a:/b:ro", &["ro"]), ("/a:/b:ro,consistent", &["ro", "consistent"])]
        {
            let Ok(Spec::Bind(bind)) = parse(text, System::Unix) else { panic!("{text}") };
            assert_eq!(bind.options().collect::<Vec<_>>(), expected);
        }
    }
}
