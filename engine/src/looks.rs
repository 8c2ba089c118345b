//! What a person looks at in a share's folder: its `.syncignore`, what that does, the two contents of a conflict.

use std::collections::BTreeSet;
use std::path::Path;

use causeway_api::{
    ApiError, BothContents, ComparePath, ErrorCode, MachineKind, PathBytes, PreviewRules, Remedy, RulesPreview,
    RulesText, SideContent, TriedPath, TryPath, WriteRules,
};
use causeway_endpoint::Edited;
use causeway_endpoint::fs::{FileMode, OsFs, OsFsConfig};
use causeway_sync::ignore::SYNCIGNORE_NAME;
use causeway_sync::{Name, RelPath};

use crate::engine::Engine;
use crate::folder::{content, preview};
use crate::share::clock::Clock;
use crate::share::{host, rules};

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

/// A `.syncignore` that is to become longer.
#[derive(Debug, PartialEq, Eq)]
pub struct Longer {
    /// As it stands there; `None` where there is none.
    pub before: Option<String>,
    /// As it is to be.
    pub text: String,
}

/// The `.syncignore` of a folder with `lines` behind those that stand there; `None` where nothing is to be added.
pub fn with_lines(folder: &Path, lines: &[String]) -> Result<Option<Longer>, ApiError> {
    if lines.is_empty() {
        return Ok(None);
    }
    let before = text_in(folder)?;
    let mut text = before.clone().unwrap_or_default();
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
    Ok(Some(Longer { before, text }))
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

/// What a text would do with one path as the share's `.syncignore`.
pub fn try_path(engine: &Engine, params: &TryPath) -> Result<TriedPath, ApiError> {
    let settings = engine.settings_of(&params.share)?;
    let typed = params.path.as_bytes();
    let bytes = typed.strip_suffix(b"/").unwrap_or(typed);
    let invalid = |why: String| ApiError::new(ErrorCode::InvalidParams, format!("\"{}\": {why}.", params.path));
    let path = RelPath::new(bytes).map_err(|error| invalid(error.to_string()))?;
    let place = PathBytes::from(bytes.to_vec()).to_path().ok_or_else(|| invalid("no name of this computer".into()))?;
    let stands = std::fs::symlink_metadata(settings.host_path.join(place)).ok();
    let is_directory = stands.as_ref().map_or(bytes != typed, |stands| stands.is_dir());
    let now = rules::read(&settings.host_path).unwrap_or_default();
    let (ignored, line) = preview::judge(&rules::texts(&settings.patterns, now), &params.text, path, is_directory);
    Ok(TriedPath { ignored, line, exists: stands.is_some() })
}

/// Writes the share's `.syncignore`, whole or not at all, unless another text stands there than the one that was read.
pub fn write_rules(engine: &Engine, params: &WriteRules) -> Result<(), ApiError> {
    let settings = engine.settings_of(&params.share)?;
    let texts = rules::texts(&settings.patterns, Some(params.text.as_bytes().to_vec()));
    rules::compile(&texts).map_err(|error| ApiError::new(ErrorCode::InvalidPattern, format!("{error}.")))?;
    let dir = engine.home().share_dir(&settings.id);
    write_syncignore(&settings.host_path, &dir, params.replaces.as_deref(), &params.text)
}

/// Writes a folder's `.syncignore`, whole or not at all, unless another text stands there than `replaces`, `None` for nothing. That
/// text goes to the recycle bin of the share whose own directory is `dir`.
pub fn write_syncignore(folder: &Path, dir: &Path, replaces: Option<&str>, text: &str) -> Result<(), ApiError> {
    let config = OsFsConfig { share: folder.to_owned(), private: dir.join(host::PRIVATE_NAME), mode: FileMode::User };
    let name = Name::new(SYNCIGNORE_NAME.as_bytes()).expect("it is a name");
    let now_ms = Clock::new().now_ms();
    let edited = OsFs::open(config)
        .and_then(|fs| causeway_endpoint::edit(&fs, name, replaces.map(str::as_bytes), text.as_bytes(), now_ms));
    match edited {
        Ok(Edited::Written) => Ok(()),
        Ok(Edited::Changed) => Err(ApiError::new(
            ErrorCode::ShareBusy,
            "The file .syncignore was changed meanwhile, and stands as it is now.",
        )
        .with_remedy(Remedy::sentence(
            "Look at it as it is now, and edit that. What was written at the very same moment rests in the recycle bin.",
        ))),
        Err(error) => {
            let place = folder.join(SYNCIGNORE_NAME);
            Err(ApiError::new(ErrorCode::Io, format!("{} can't be written: {error}.", place.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_are_added_once_behind_what_stands_there() {
        let (dir, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let lines = ["target".to_owned(), "**/node_modules".to_owned()];
        let longer = with_lines(dir.path(), &lines).unwrap().unwrap();
        assert_eq!((longer.before, longer.text.as_str()), (None, "target\n**/node_modules\n"));
        fs::write(dir.path().join(SYNCIGNORE_NAME), "# mine\ntarget").unwrap();
        let longer = with_lines(dir.path(), &lines).unwrap().unwrap();
        assert_eq!(longer.text, "# mine\ntarget\n**/node_modules\n");
        write_syncignore(dir.path(), own.path(), longer.before.as_deref(), &longer.text).unwrap();
        assert_eq!(with_lines(dir.path(), &lines).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn another_text_than_was_read_is_left_alone() {
        let (dir, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = dir.path().join(SYNCIGNORE_NAME);
        fs::write(&place, "mine\n").unwrap();
        for replaces in [None, Some("other\n")] {
            let refused = write_syncignore(dir.path(), own.path(), replaces, "new\n").unwrap_err();
            assert_eq!(refused.code, ErrorCode::ShareBusy);
            assert_eq!(fs::read_to_string(&place).unwrap(), "mine\n");
        }
    }
}
