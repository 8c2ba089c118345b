//! The steps of the full test run: each with a heading, its time, and the command that repeats it alone.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::cargo::Workspace;
use crate::{checks, cross, direction, fuzz, image, setup, sim, tests, ui};

/// One step. The order is that of the run: what fails soonest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Step {
    /// Install system packages, Rust targets and cargo tools that are missing
    Setup,
    /// The interface: format, types, component tests, build
    Ui,
    /// Formatting
    Fmt,
    /// Dependencies run one way
    Direction,
    /// Licences, bans and sources of the dependencies
    Deny,
    /// Lints
    Clippy,
    /// Type-checks for the other systems
    Cross,
    /// Documentation without warnings
    Docs,
    /// Programs and tests, built
    Build,
    /// The guest's image
    Image,
    /// Unit and integration tests
    Tests,
    /// The interface in a browser: pictures, accessibility
    Browser,
    /// Examples in the documentation
    Doctests,
    /// Fuzz corpus and a short random run
    Fuzz,
    /// Whole-system simulation
    Sim,
}

/// How many tests a step ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
}

impl Counts {
    /// A step that is one check by itself and has passed.
    pub const ONE_PASSED: Self = Self { passed: 1, failed: 0 };
}

impl Step {
    /// The full run.
    pub const ALL: &'static [Self] = &[
        Self::Setup,
        Self::Ui,
        Self::Fmt,
        Self::Direction,
        Self::Deny,
        Self::Clippy,
        Self::Cross,
        Self::Docs,
        Self::Build,
        Self::Image,
        Self::Tests,
        Self::Browser,
        Self::Doctests,
        Self::Fuzz,
        Self::Sim,
    ];

    /// What needs no running program.
    pub const CHECKS: &'static [Self] =
        &[Self::Setup, Self::Ui, Self::Fmt, Self::Direction, Self::Deny, Self::Clippy, Self::Cross, Self::Docs];

    /// `steps` in the order of the full run, each once.
    pub fn in_order(steps: &[Self]) -> Vec<Self> {
        let mut steps = steps.to_vec();
        steps.sort();
        steps.dedup();
        steps
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Setup => "what the other steps need",
            Self::Ui => "the interface: format, types, component tests, build",
            Self::Fmt => "formatting",
            Self::Direction => "dependencies run one way",
            Self::Deny => "licences, bans and sources of the dependencies",
            Self::Clippy => "lints",
            Self::Cross => "type-checks for other systems",
            Self::Docs => "documentation without warnings",
            Self::Build => "programs and tests, built",
            Self::Image => "the image of the VM's guest, made where it isn't there",
            Self::Tests => "unit and integration tests",
            Self::Browser => "the interface in a browser: pictures, accessibility",
            Self::Doctests => "examples in the documentation",
            Self::Fuzz => "fuzz corpus and random input",
            Self::Sim => "whole-system simulation",
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Without these nothing after them says anything.
    fn is_a_condition(self) -> bool {
        matches!(self, Self::Setup | Self::Ui | Self::Build)
    }

    fn run(self, workspace: &Workspace) -> Result<Counts> {
        match self {
            Self::Setup => setup::everything(workspace)?,
            Self::Ui => ui::test(workspace)?,
            Self::Fmt => checks::fmt(workspace)?,
            Self::Direction => direction::check(workspace)?,
            Self::Deny => checks::deny(workspace)?,
            Self::Clippy => checks::clippy(workspace)?,
            Self::Cross => cross::check(workspace)?,
            Self::Docs => checks::docs(workspace)?,
            Self::Build => tests::build(workspace)?,
            Self::Image => image::make(workspace, &image::Arguments::in_test())?,
            Self::Tests => return tests::run(workspace),
            Self::Browser => ui::browser(workspace)?,
            Self::Doctests => tests::examples(workspace)?,
            Self::Fuzz => fuzz::run(workspace, &fuzz::Arguments::in_test())?,
            Self::Sim => sim::run(workspace, &sim::Arguments::in_test())?,
        }
        Ok(Counts::ONE_PASSED)
    }
}

/// Runs `steps`, all of them even where one fails (but none after a failed condition), and closes with the sums.
pub fn run_all(workspace: &Workspace, steps: &[Step]) -> Result<()> {
    let begun = Instant::now();
    let mut sum = Counts::default();
    let mut report = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        println!("\n=== {}/{} {}: {}", number + 1, steps.len(), step.name(), step.heading());
        let step_begun = Instant::now();
        let result = step.run(workspace);
        let took = shown(step_begun.elapsed());
        let failed = match result {
            Ok(counts) => {
                sum.passed += counts.passed;
                sum.failed += counts.failed;
                counts.failed > 0
            }
            Err(error) => {
                println!("error: {error:#}");
                sum.failed += 1;
                true
            }
        };
        let verdict = if failed { "FAILED" } else { "passed" };
        println!("=== {} {verdict} in {took}", step.name());
        if failed {
            println!("    to repeat it alone: cargo xtask test {}", step.name());
        }
        report.push(format!("  {:<10} {verdict} {took:>8}", step.name()));
        if failed && step.is_a_condition() {
            report.extend(steps[number + 1..].iter().map(|left| format!("  {:<10} not run", left.name())));
            break;
        }
    }
    println!("\n{}\nin {}; tests, and each other step as one:", report.join("\n"), shown(begun.elapsed()));
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn shown(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}
