//! Dependencies run one way: `sync` ← `wire`, `index` ← `endpoint` ← `engine`, `vm-agent`; `api` ← `engine` ← the app;
//! `api` ← `cli`. Held against `cargo metadata`, tests' dependencies included, and where a package's name says too little,
//! against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::{Workspace, array, text};

/// What each package may depend on within the workspace. Programs that test the whole stand outside: they may depend on
/// anything, and nothing depends on them.
const ALLOWED: &[(&str, &[&str])] = &[
    ("causeway-sync", &[]),
    ("causeway-wire", &["causeway-sync"]),
    ("causeway-index", &["causeway-sync"]),
    ("causeway-endpoint", &["causeway-sync", "causeway-wire", "causeway-index"]),
    ("causeway-api", &[]),
    ("causeway-docker-proxy", &[]),
    (
        "causeway-engine",
        &[
            "causeway-api",
            "causeway-docker-proxy",
            "causeway-endpoint",
            "causeway-index",
            "causeway-sync",
            "causeway-wire",
        ],
    ),
    ("causeway-agent", &["causeway-endpoint", "causeway-index", "causeway-sync", "causeway-wire"]),
    // The engine for `causeway engine run` alone; see ONLY_IN.
    ("causeway-cli", &["causeway-api", "causeway-engine"]),
    ("causeway-app", &["causeway-api", "causeway-engine"]),
    ("xtask", &[]),
];

/// Directories whose packages test the whole.
const OUTSIDE: &[&str] = &["tests/", "fuzz/"];

/// Packages that must not be reached, whatever lies between: (from, why, names or beginnings of names that end in `*`).
const NEVER_REACHED: &[(&str, &str, &[&str])] = &[
    (
        "causeway-sync",
        "the core has no I/O, clock, randomness, threads or async",
        &[
            "tokio*",
            "async-*",
            "futures*",
            "mio",
            "rustix",
            "nix",
            "notify*",
            "getrandom",
            "rand*",
            "rusqlite",
            "tracing*",
        ],
    ),
    (
        "causeway-cli",
        "the command builds without any GUI library",
        &["tauri*", "wry", "tao", "gtk*", "gdk*", "webkit2gtk*", "javascriptcore*", "muda", "tray-icon"],
    ),
    ("causeway-agent", "the agent is small and static", &["tauri*", "gtk*", "causeway-engine", "causeway-api"]),
];

/// Words that stand in the sources below a directory in no file but the one named, tests apart.
const ONLY_IN: &[(&str, &str, &[&str])] = &[
    ("cli/src", "engine_run.rs", &["causeway_engine"]),
    (
        "engine/sync/src",
        "",
        &[
            "std::fs",
            "std::net",
            "std::thread",
            "std::process",
            "std::env",
            "std::os",
            "std::time::Instant",
            "SystemTime",
            "RandomState",
            "async fn",
            "println!",
        ],
    ),
];

/// Every offence at once, or none.
pub fn check(workspace: &Workspace) -> Result<()> {
    let metadata = workspace
        .metadata(&["--locked", "--all-features"])
        .context("is Cargo.lock committed as cargo would write it?")?;
    let mut offences = direct(workspace.root(), &metadata)?;
    offences.extend(reached(&metadata)?);
    for (directory, exempt, words) in ONLY_IN {
        for file in sources(&workspace.root().join(directory))? {
            if file.file_name().is_none_or(|name| name != *exempt) {
                let source = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                offences
                    .extend(words_in(&source, words).map(|(line, word)| format!("{}:{line}: {word}", file.display())));
            }
        }
    }
    if !offences.is_empty() {
        bail!("dependencies that DESIGN doesn't allow:\n  {}", offences.join("\n  "));
    }
    println!("{} packages, each depending on nothing but what is below it.", ALLOWED.len());
    Ok(())
}

/// Dependencies between packages of the workspace that `ALLOWED` doesn't list, of any kind.
fn direct(root: &Path, metadata: &Value) -> Result<Vec<String>> {
    let packages = array(metadata, "packages")?;
    let members: BTreeSet<&str> = array(metadata, "workspace_members")?.iter().filter_map(Value::as_str).collect();
    let mut offences = Vec::new();
    for package in packages {
        if !members.contains(text(package, "id")?) {
            continue;
        }
        let name = text(package, "name")?;
        let manifest = Path::new(text(package, "manifest_path")?);
        if OUTSIDE.iter().any(|outside| manifest.starts_with(root.join(outside))) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            offences.push(format!("{name} is new: say in xtask/src/direction.rs what it may depend on"));
            continue;
        };
        for dependency in array(package, "dependencies")? {
            let other = text(dependency, "name")?;
            if dependency["path"].is_string() && !allowed.contains(&other) {
                offences.push(format!("{name} -> {other}"));
            }
        }
    }
    Ok(offences)
}

/// Packages that `NEVER_REACHED` names and that are built into the package nevertheless (tests' dependencies don't count).
fn reached(metadata: &Value) -> Result<Vec<String>> {
    let mut names = BTreeMap::new();
    for package in array(metadata, "packages")? {
        names.insert(text(package, "id")?, text(package, "name")?);
    }
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in array(&metadata["resolve"], "nodes")? {
        let mut next = Vec::new();
        for dependency in array(node, "deps")? {
            // A kind of null is a normal dependency; what only builds it isn't in the program.
            if array(dependency, "dep_kinds")?.iter().any(|kind| kind["kind"].is_null()) {
                next.push(text(dependency, "pkg")?);
            }
        }
        edges.insert(text(node, "id")?, next);
    }
    let mut offences = Vec::new();
    for (from, why, forbidden) in NEVER_REACHED {
        let start = names.iter().find(|(_, name)| *name == from).map(|(id, _)| *id);
        let start = start.with_context(|| format!("there is no package {from}"))?;
        let mut seen = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            for next in edges.get(id).into_iter().flatten() {
                if !seen.insert(*next) {
                    continue;
                }
                open.push(*next);
                if forbidden.iter().any(|pattern| matches(pattern, names[next])) {
                    offences.push(format!("{from} reaches {} through {}: {why}", names[next], names[id]));
                }
            }
        }
    }
    Ok(offences)
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// The Rust files below `directory`.
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Where `words` stand in `source`, comments and the tests at its end apart.
fn words_in<'a>(source: &'a str, words: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> {
    let code = source.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
    code.filter_map(move |(number, line)| {
        let line = line.split("//").next().unwrap_or_default();
        words.iter().find(|word| line.contains(*word)).map(|word| (number + 1, *word))
    })
}

#[cfg(test)]
mod test {
    use super::*;
    use serde_json::json;

    fn package(name: &str, dependencies: &[&str]) -> Value {
        let dependencies: Vec<_> = dependencies.iter().map(|name| json!({ "name": name, "path": "/w" })).collect();
        json!({ "id": name, "name": name, "manifest_path": format!("/w/{name}/Cargo.toml"), "dependencies": dependencies })
    }

    #[test]
    fn a_dependency_upwards_is_an_offence() {
        for (name, dependencies, offences) in [
            ("causeway-sync", &["causeway-wire"][..], 1),
            ("causeway-wire", &["causeway-sync"], 0),
            ("causeway-agent", &["causeway-api", "causeway-engine"], 2),
            ("unheard-of", &[], 1),
            ("tests/sim", &["causeway-engine"], 0),
        ] {
            let metadata = json!({ "packages": [package(name, dependencies)], "workspace_members": [name] });
            assert_eq!(direct(Path::new("/w"), &metadata).unwrap().len(), offences, "{name}");
        }
    }

    #[test]
    fn what_must_not_be_reached_is_found_behind_others() {
        let node = |id: &str, to: &str, kind: Value| json!({ "id": id, "deps": [{ "pkg": to, "dep_kinds": [{ "kind": kind }] }] });
        for (kind, offences) in [(Value::Null, 1), (json!("dev"), 0), (json!("build"), 0)] {
            let names = ["causeway-sync", "causeway-cli", "causeway-agent", "between", "tokio-util"];
            let metadata = json!({
                "packages": names.map(|name| package(name, &[])),
                "resolve": { "nodes": [node("causeway-sync", "between", Value::Null), node("between", "tokio-util", kind)] },
            });
            assert_eq!(reached(&metadata).unwrap().len(), offences);
        }
    }

    #[test]
    fn words_are_found_in_code_alone() {
        let source = "use std::fs;\n// std::fs\nlet a = 1; // std::fs\n    #[cfg(test)]\nuse std::fs;\n";
        assert_eq!(words_in(source, &["std::fs"]).collect::<Vec<_>>(), [(1, "std::fs")]);
    }
}
