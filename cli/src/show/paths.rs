//! Paths on a terminal.

use std::{
    env,
    fmt::Write,
    path::{Path, PathBuf},
};

use causeway_api::PathBytes;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A path as text that is safe to show and can be typed again in a shell's `$'…'`: what isn't UTF-8, and what would
/// steer the terminal, is escaped as `\xe9`.
pub fn shown(path: &PathBytes) -> String {
    let mut text = String::new();
    for chunk in path.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.width().is_none() || is_steering(c) {
                let mut bytes = [0; 4];
                escape(&mut text, c.encode_utf8(&mut bytes).as_bytes());
            } else {
                text.push(c);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// As [`shown`]; the share's root is `.`.
pub fn in_share(path: &PathBytes) -> String {
    if path.as_bytes().is_empty() { ".".into() } else { shown(path) }
}

/// Text of another program, such as a sentence that names a path, without what would steer the terminal.
pub fn safe(text: &str) -> String {
    text.chars().map(|c| if (c.width().is_none() && c != '\n') || is_steering(c) { '\u{fffd}' } else { c }).collect()
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("writing to a string");
    }
}

/// Marks that turn the direction of the text after them (Unicode's UAX 9), with which one name can look like another.
fn is_steering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// An absolute path of this computer, with `~` for the home folder.
pub fn on_host(path: &PathBytes) -> String {
    let home = env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
    below_home(path, home.as_deref())
}

fn below_home(path: &PathBytes, home: Option<&Path>) -> String {
    let home = home.map(|home| home.as_os_str().as_encoded_bytes()).filter(|home| home.len() > 1);
    let rest = home.and_then(|home| path.as_bytes().strip_prefix(home));
    match rest {
        Some([]) => "~".into(),
        Some(rest @ [b'/' | b'\\', ..]) => format!("~{}", shown(&rest.into())),
        _ => shown(path),
    }
}

/// `text`, which is a path, in at most `columns`: the first segments and the last stay, with `…` between. The last name
/// is cut only where it alone doesn't fit.
pub fn shorten(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let names: Vec<&str> = text.split('/').collect();
    let mut last = names.len() - 1;
    let tail = |from: usize| names[from..].join("/");
    if names[last].width() + 2 > columns {
        return cut(names[last], columns);
    }
    // As many of the last names as half of the room takes, then as many of the first as fit.
    while last > 1 && tail(last - 1).width() + 2 <= columns.div_ceil(2) {
        last -= 1;
    }
    let mut first = 0;
    let join = |first: usize| {
        let head = names[..first].join("/");
        if first == 0 { format!("…/{}", tail(last)) } else { format!("{head}/…/{}", tail(last)) }
    };
    while first + 1 < last && join(first + 1).width() <= columns {
        first += 1;
    }
    join(first)
}

/// The end of `name`, in at most `columns`: what tells names apart is mostly at the end.
fn cut(name: &str, columns: usize) -> String {
    if name.width() <= columns {
        return name.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let mut at = name.len();
    for (index, c) in name.char_indices().rev() {
        let width = c.width().unwrap_or_default();
        if width > room {
            break;
        }
        room -= width;
        at = index;
    }
    format!("…{}", &name[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (bytes, text) in [
            (&b"src/main.rs"[..], "src/main.rs"),
            ("żółw 日本".as_bytes(), "żółw 日本"),
            (b"caf\xe9", r"caf\xe9"),
            (b"a\x1b[31mb\n\t\x7f", r"a\x1b[31mb\x0a\x09\x7f"),
            ("txt.\u{202e}exe".as_bytes(), r"txt.\xe2\x80\xaeexe"),
        ] {
            assert_eq!(shown(&bytes.into()), text);
        }
        assert_eq!(safe("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\nc");
        assert_eq!(in_share(&"".into()), ".");
    }

    #[test]
    fn the_home_folder_is_a_tilde() {
        let home = Some(Path::new("/home/ada"));
        for (path, text) in
            [("/home/ada", "~"), ("/home/ada/src", "~/src"), ("/home/adam/src", "/home/adam/src"), ("/srv", "/srv")]
        {
            assert_eq!(below_home(&path.into(), home), text);
        }
        assert_eq!(below_home(&"/srv".into(), Some(Path::new("/"))), "/srv");
        assert_eq!(below_home(&"/srv".into(), None), "/srv");
    }

    #[test]
    fn long_paths_lose_their_middle() {
        for (path, columns, text) in [
            ("~/src/storefront", 20, "~/src/storefront"),
            ("~/src/billing/backend/services/api", 28, "~/src/billing/…/services/api"),
            ("~/clients/harbour/platform/apps/legacy-monolith", 27, "~/clients/…/legacy-monolith"),
            ("~/a/b/c/storefront", 14, "~/…/storefront"),
            ("~/a/b/c/storefront", 12, "…/storefront"),
            ("~/a/b/c/storefront", 11, "storefront"),
            ("~/a/b/c/storefront", 6, "…front"),
            ("/日本/日本/日本/日本", 11, "/…/日本"),
        ] {
            let short = shorten(path, columns);
            assert!(short.width() <= columns, "{short}");
            assert_eq!(short, text, "{path} in {columns}");
        }
    }

    #[test]
    fn shortening_never_exceeds_the_room() {
        let path = "~/clients/harbour/platform/apps/żółw/legacy-monolith";
        for columns in 1..60 {
            assert!(shorten(path, columns).width() <= columns, "{columns}");
        }
    }
}
