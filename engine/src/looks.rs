//! What a person looks at in a share's folder: its `.syncignore`, what that does, the two contents of a conflict.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use causeway_api::{
    ApiError, BothContents, ComparePath, ErrorCode, MachineKind, PreviewRules, Remedy, RulesPreview, RulesText,
    SideContent, WriteRules,
};
use causeway_sync::RelPath;
use causeway_sync::ignore::SYNCIGNORE_NAME;

use crate::engine::Engine;
use crate::folder::{content, preview};
use crate::share::rules;

/// While a `.syncignore` is written it stands under this name, which begins as all short-lived files in a share do.
const FRESH_NAME: &str = ".causeway-tmp-syncignore";

/// What stands at a path on both sides.
pub fn compare(engine: &Engine, params: &ComparePath) -> Result<BothContents, ApiError> {
    let settings = engine.settings_of(&params.share)?;
    let path = RelPath::new(params.path.as_bytes())
        .map_err(|error| ApiError::new(ErrorCode::InvalidParams, format!("\"{}\": {error}.", params.path)))?;
    let shown = engine.shown(&params.share)?;
    let guest = match (engine.machine().info().kind, shown.guest_path.to_path()) {
        (MachineKind::Local, Some(root)) => content::read(&root, path),
        _ => SideContent::Unreadable { sentence: "What stands inside the machine can't be shown here.".into() },
    };
    Ok(BothContents { host: content::read(&settings.host_path, path), guest })
}

/// The share's `.syncignore`.
pub fn read_rules(engine: &Engine, share: &str) -> Result<RulesText, ApiError> {
    Ok(RulesText { text: text_in(&engine.settings_of(share)?.host_path)? })
}

/// The `.syncignore` of a folder; `None` where there is none.
fn text_in(folder: &Path) -> Result<Option<String>, ApiError> {
    let read = rules::read(folder).map_err(|error| ApiError::new(ErrorCode::Io, format!("{error}.")))?;
    read.map(String::from_utf8).transpose().map_err(|_| {
        ApiError::new(ErrorCode::Io, "The file .syncignore isn't text in UTF-8.")
            .with_remedy(Remedy::sentence("Edit it with a program that shows bytes."))
    })
}

/// The `.syncignore` of a folder with `lines` behind those that stand there; `None` where nothing is to be added.
pub fn with_lines(folder: &Path, lines: &[String]) -> Result<Option<String>, ApiError> {
    let mut text = if lines.is_empty() { String::new() } else { text_in(folder)?.unwrap_or_default() };
    let known: BTreeSet<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    let fresh: Vec<_> = lines.iter().filter(|line| !known.contains(line.trim())).collect();
    if fresh.is_empty() {
        return Ok(None);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in fresh {
        text.push_str(line);
        text.push('\n');
    }
    Ok(Some(text))
}

/// What a text would do as the share's `.syncignore`.
pub fn preview_rules(
    engine: &Engine,
    params: &PreviewRules,
    ends: impl FnMut() -> bool,
) -> Result<RulesPreview, ApiError> {
    let settings = engine.settings_of(&params.share)?;
    let now = rules::read(&settings.host_path).unwrap_or_default();
    let texts = rules::texts(&settings.patterns, now);
    Ok(preview::preview(&settings.host_path, &texts, &params.text, ends))
}

/// Writes the share's `.syncignore`, whole or not at all, unless another text stands there than the one that was read.
pub fn write_rules(engine: &Engine, params: &WriteRules) -> Result<(), ApiError> {
    let settings = engine.settings_of(&params.share)?;
    let texts = rules::texts(&settings.patterns, Some(params.text.as_bytes().to_vec()));
    rules::compile(&texts).map_err(|error| ApiError::new(ErrorCode::InvalidPattern, format!("{error}.")))?;
    if read_rules(engine, &params.share)?.text != params.replaces {
        return Err(ApiError::new(ErrorCode::ShareBusy, "The file .syncignore was changed meanwhile.")
            .with_remedy(Remedy::sentence("Look at it as it is now, and edit that.")));
    }
    write_syncignore(&settings.host_path, &params.text)
}

/// Writes a folder's `.syncignore`, whole or not at all.
pub fn write_syncignore(folder: &Path, text: &str) -> Result<(), ApiError> {
    let (place, fresh) = (folder.join(SYNCIGNORE_NAME), folder.join(FRESH_NAME));
    let write = || -> io::Result<()> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // A new file, so that nothing is written through a link that somebody put there.
        fs::File::create_new(&fresh)?.write_all(text.as_bytes())?;
        fs::rename(&fresh, &place)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&fresh);
        ApiError::new(ErrorCode::Io, format!("{} can't be written: {error}.", place.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_once_behind_what_stands_there() {
        let dir = tempfile::tempdir().unwrap();
        let lines = ["target".to_owned(), "**/node_modules".to_owned()];
        let text = with_lines(dir.path(), &lines).unwrap().unwrap();
        assert_eq!(text, "target\n**/node_modules\n");
        fs::write(dir.path().join(SYNCIGNORE_NAME), "# mine\ntarget").unwrap();
        let text = with_lines(dir.path(), &lines).unwrap().unwrap();
        assert_eq!(text, "# mine\ntarget\n**/node_modules\n");
        write_syncignore(dir.path(), &text).unwrap();
        assert_eq!(with_lines(dir.path(), &lines).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "kept").unwrap();
        std::os::unix::fs::symlink(&other, dir.path().join(FRESH_NAME)).unwrap();
        write_syncignore(dir.path(), "a\n").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
        assert_eq!(fs::read_to_string(dir.path().join(SYNCIGNORE_NAME)).unwrap(), "a\n");
    }
}
