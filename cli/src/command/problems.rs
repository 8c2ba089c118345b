//! `causeway share problems`, and the cure of some: `causeway share rename-path`.

use std::path::Path;

use anstyle::Style;
use causeway_api::{Client, OfShare, PathBytes, Problem, RenamePath, State, Timestamp};

use crate::{
    args,
    command::share_paths,
    exit::Exit,
    show::{
        facts::remedy_lines,
        paths,
        screen::{JsonArray, Screen},
        state, times,
    },
};

/// Lists all problems.
pub async fn list(client: &Client, screen: Screen, share: &str) -> anyhow::Result<Exit> {
    let mut pages = client.pages::<Problem>("share.problems", share);
    let mut array = screen.json.then(JsonArray::default);
    let mut count = 0;
    while let Some(page) = pages.next().await? {
        count += page.items.len();
        let now = Timestamp::now();
        match &mut array {
            Some(array) => page.items.iter().try_for_each(|problem| array.item(problem))?,
            None => screen.lines(page.items.iter().flat_map(|problem| lines(problem, now)))?,
        }
    }
    match array {
        Some(array) => array.end()?,
        None if count == 0 => screen.line("No problems.")?,
        None => screen.line("All other paths are kept in sync.")?,
    }
    Ok(Exit::Done)
}

/// Renames a path on one side.
pub async fn rename_path(client: &Client, screen: Screen, rename: args::RenamePath) -> anyhow::Result<Exit> {
    let share = client.share_show(&OfShare { share: rename.share.name }).await?;
    let [path] = &share_paths::in_share(&share, vec![rename.path])?[..] else { unreachable!("one path was given") };
    let name = PathBytes::from(Path::new(&rename.new_name));
    let (share, side) = (share.id.0, rename.side.0);
    let wish = RenamePath { share, side, path: path.clone(), name };
    let done = client.share_rename_path(&wish).await?;
    screen.show(&done, |_| {
        let (path, name) = (paths::in_share(path), paths::in_share(&wish.name));
        vec![format!("Renamed {path} to {name} on the {}.", side.word())]
    })?;
    Ok(Exit::Done)
}

fn lines(problem: &Problem, now: Timestamp) -> Vec<String> {
    let (mark, style) = state::mark(State::Problem);
    let bold = Style::new().bold();
    let other = problem.other_path.as_ref().map(|path| format!(", {}", paths::in_share(path))).unwrap_or_default();
    let mut lines = vec![format!(
        "{style}{mark} {}{style:#} on the {}: {bold}{}{other}{bold:#}",
        problem.code.title(),
        problem.side.word(),
        paths::in_share(&problem.path)
    )];
    lines.push(format!("  {}", paths::safe(&problem.sentence)));
    lines.extend(problem.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
    let next = problem
        .next_try
        .map(|at| match now.ms_until(at) {
            0 => ". Tried again now".to_owned(),
            ms => format!(". Tried again in {}", times::coarse(ms.max(1000))),
        })
        .unwrap_or_default();
    lines.push(format!("  {}{next}.", times::since(problem.since, now)));
    lines.push(String::new());
    lines
}

#[cfg(test)]
mod tests {
    use causeway_api::{ProblemCode, Remedy};

    use super::*;
    use crate::command::share_table::tests::{at, problem};

    #[test]
    fn a_problem_says_path_why_remedy_and_when() {
        let problem = Problem {
            code: ProblemCode::FileExists,
            other_path: Some("docs/Setup.md".into()),
            remedy: Some(Remedy::command("Rename one of them.", "mv 'a' 'b'")),
            next_try: Some(at(750)),
            ..problem("docs/setup.md")
        };
        let shown = lines(&problem, at(720)).join("\n");
        let shown = anstream::adapter::strip_str(&shown).to_string();
        for part in [
            "▲ File exists on the guest: docs/setup.md, docs/Setup.md\n",
            "  212 MB are free on the machine's disk.\n",
            "  Rename one of them.\n    mv 'a' 'b'\n",
            ", 12 min. Tried again in 30 s.\n",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
