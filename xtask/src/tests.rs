//! Unit and integration tests, and the examples in the documentation.

use std::fs;

use anyhow::{Context, Result};

use crate::cargo::{Workspace, must};
use crate::step::Counts;

/// Builds all programs and all tests at once, so that dependencies are built once, with one set of features. The tests of
/// whole programs find `causeway` and `causeway-agent` in the same directory as themselves.
pub fn build(workspace: &Workspace) -> Result<()> {
    must(&mut workspace.cargo(&["build", "--workspace", "--all-targets"]))
}

/// Runs what [`build`] built, by nextest, configured in `.config/nextest.toml`.
pub fn run(workspace: &Workspace) -> Result<Counts> {
    let report = workspace.target().join("nextest/default/junit.xml");
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("cannot remove {}", report.display()))?;
    }
    let ran = must(&mut workspace.cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]));
    let counts = fs::read_to_string(&report).ok().and_then(|report| counts(&report));
    match (ran, counts) {
        (Ok(()), counts) => counts.with_context(|| format!("no sums in {}", report.display())),
        (Err(_), Some(counts)) if counts.failed > 0 => Ok(counts),
        (Err(error), _) => Err(error),
    }
}

/// Compiles and runs the examples in the documentation, which nextest doesn't.
pub fn examples(workspace: &Workspace) -> Result<()> {
    must(&mut workspace.cargo(&["test", "--workspace", "--doc"]))
}

/// The sums in a JUnit report: attributes of its element `testsuites`.
fn counts(report: &str) -> Option<Counts> {
    let (_, element) = report.split_once("<testsuites ")?;
    let (element, _) = element.split_once('>')?;
    let attribute = |name: &str| -> Option<u64> {
        let (_, value) = element.split_once(&format!("{name}=\""))?;
        value.split_once('"')?.0.parse().ok()
    };
    let failed = attribute("failures")? + attribute("errors")?;
    Some(Counts { passed: attribute("tests")?.checked_sub(failed)?, failed })
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn sums_of_a_junit_report() {
        for (report, expected) in [
            (
                r#"<?xml?><testsuites name="n" tests="7" failures="2" errors="1" time="0.1"><testsuite tests="9" failures="9">"#,
                Some(Counts { passed: 4, failed: 3 }),
            ),
            (r#"<testsuites tests="7" failures="0" errors="0">"#, Some(Counts { passed: 7, failed: 0 })),
            (r#"<testsuites tests="7">"#, None),
            (r#"<testsuites tests="1" failures="2" errors="0">"#, None),
            ("", None),
        ] {
            assert_eq!(counts(report), expected, "{report}");
        }
    }
}
