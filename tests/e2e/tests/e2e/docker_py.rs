//! The container and API tests of docker-py's own suite: what passes with Docker alone passes through the proxy too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use causeway_e2e::dockerd::{BUSYBOX, Dockerd, docker, import_busybox, tool};
use causeway_e2e::place::finish;
use causeway_e2e::{Docked, HasDocker};

/// How long the suite may take: most of it waits for containers to end.
const SUITE_LIMIT: Duration = Duration::from_secs(240);
/// What is run of it.
const FILES: [&str; 4] = [
    "tests/integration/api_container_test.py",
    "tests/integration/api_exec_test.py",
    "tests/integration/api_volume_test.py",
    "tests/integration/models_containers_test.py",
];
/// The names of the image that it runs.
const IMAGES: [&str; 2] = ["alpine:3.10", "alpine:latest"];
/// Which of their tests: all that speak to the API themselves, and of the others those that bind. What is left out fails with Docker alone as
/// well: Docker of the tests has no network, and there is no registry.
const TESTS: &str =
    "(api or volume) and not (port or link or network or ws or stats or proxy or shared or mac_address or none_driver)";
/// Fewer that pass would mean that something else is wrong.
const PASSED_MIN: usize = 80;
/// How often tests that differ are run again: some depend on how quick a container is.
const AGAIN_MAX: u32 = 6;

/// Runs tests of the suite against a socket; their temporary directories are in `folder`. Gives what became of each.
fn suite(socket: &Path, folder: &Path, tests: &[&str]) -> BTreeMap<String, String> {
    let installed = tool("docker-py");
    let report = folder.join("report.txt");
    let mut python = Command::new(installed.join("bin/python"));
    python.args("-m pytest -v -p no:cacheprovider -o addopts= --tb=line --timeout 30 -k".split(' ')).arg(TESTS);
    python.args(tests).current_dir(installed.join("suite"));
    python.env("DOCKER_HOST", format!("unix://{}", socket.display())).env("TMPDIR", folder);
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = fs::File::create(&report).unwrap();
    let child = python.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).spawn().unwrap();
    finish(child, SUITE_LIMIT);
    let report = fs::read_to_string(report).unwrap();
    let outcomes = report.lines().filter_map(|line| {
        let (test, outcome) = line.split_once(' ')?;
        let outcome = outcome.split_whitespace().next()?;
        let is_outcome = ["PASSED", "FAILED", "ERROR", "XFAIL", "XPASS", "SKIPPED"].contains(&outcome);
        (is_outcome && test.contains("::")).then(|| (test.to_owned(), outcome.to_owned()))
    });
    let outcomes: BTreeMap<_, _> = outcomes.collect();
    assert!(!outcomes.is_empty(), "{report}");
    outcomes
}

#[test]
fn the_suite_passes_as_it_does_without_the_proxy() {
    let docked = Docked::new();
    let folder = docked.place.folder("repo");
    docked.place.share(&folder, &[]);
    for image in IMAGES {
        docked.docker_ok(&["tag", BUSYBOX, image]);
    }
    let alone = Dockerd::start(&docked.place.base().join("alone"));
    import_busybox(|arguments| {
        let output = docker(&docked.place, &alone.socket(), arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::new()
    });
    for image in IMAGES {
        assert!(docker(&docked.place, &alone.socket(), &["tag", BUSYBOX, image]).status().unwrap().success());
    }
    let beside = docked.place.folder("beside");
    let both = |tests: &[&str]| {
        std::thread::scope(|scope| {
            let direct = scope.spawn(|| suite(&alone.socket(), &beside, tests));
            (suite(&docked.socket(), &folder, tests), direct.join().unwrap())
        })
    };
    let (proxied, direct) = both(&FILES);
    let passed = direct.values().filter(|outcome| *outcome == "PASSED").count();
    assert!(passed >= PASSED_MIN, "only {passed} pass without the proxy: {direct:#?}");
    let mut seen = Seen::default();
    seen.add(proxied, direct);
    for _ in 0..AGAIN_MAX {
        let differ = seen.differ();
        if differ.is_empty() {
            return;
        }
        let (proxied, direct) = both(&differ.iter().map(String::as_str).collect::<Vec<_>>());
        seen.add(proxied, direct);
    }
    let differ = seen.differ();
    assert!(differ.is_empty(), "{differ:?}: {:?}\n{}", seen.of(&differ), docked.place.log_end());
}

/// What became of each test, as often as it was run: through the proxy, and without it.
#[derive(Default)]
struct Seen(BTreeMap<String, [BTreeSet<String>; 2]>);

impl Seen {
    fn add(&mut self, proxied: BTreeMap<String, String>, direct: BTreeMap<String, String>) {
        for (way, outcomes) in [proxied, direct].into_iter().enumerate() {
            for (test, outcome) in outcomes {
                self.0.entry(test).or_default()[way].insert(outcome);
            }
        }
    }

    /// Those that never went the same way through the proxy and without it.
    fn differ(&self) -> Vec<String> {
        let differ = self.0.iter().filter(|(_, [proxied, direct])| proxied.is_disjoint(direct));
        differ.map(|(test, _)| test.clone()).collect()
    }

    fn of(&self, tests: &[String]) -> Vec<&[BTreeSet<String>; 2]> {
        tests.iter().filter_map(|test| self.0.get(test)).collect()
    }
}
