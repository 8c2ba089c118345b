//! The ignore rules: what stands in a `.syncignore`, and the patterns of `--exclude`.

use causeway_sync::RelPath;
use causeway_sync::ignore::{RuleTexts, Rules, Verdict};

/// Rules are refused or answer, in bounded time; a walk comes to the verdict that the path alone gets; and what is below an
/// ignored directory is ignored.
///
/// The input is a `.syncignore`, a list of `--exclude` patterns by lines, and paths, with a NUL between each two.
pub fn ignore(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0);
    let syncignore = parts.next().map(<[u8]>::to_vec);
    let exclude = String::from_utf8_lossy(parts.next().unwrap_or_default()).lines().map(str::to_owned).collect();
    let texts = RuleTexts { syncignore, exclude, ..RuleTexts::default() };
    let Ok(rules) = Rules::new(&texts) else { return };
    for path in parts.filter_map(|bytes| RelPath::new(bytes).ok()).filter(|path| !path.is_root()) {
        for is_directory in [false, true] {
            assert_eq!(walk(&rules, path, is_directory), rules.ignored(path, is_directory), "{path:?} {is_directory}");
        }
    }
}

/// What a walk from the root finds out about `path`.
fn walk(rules: &Rules, path: &RelPath, is_directory: bool) -> Verdict {
    let mut state = rules.root();
    let mut names = path.names().peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            return rules.judge(&state, name, is_directory);
        }
        if rules.judge(&state, name, true) == Verdict::Ignored {
            return Verdict::Ignored;
        }
        state = rules.enter(&state, name);
    }
    Verdict::Included
}
