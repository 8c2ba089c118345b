use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use causeway_api::*;
use serde_json::json;

use crate::{
    program::run,
    script::{Served, share},
};

fn served() -> Served {
    let served = Served::start();
    served.script.answer("share.show", share("web"));
    served.script.answer("share.resolve", Resolved { resolved: 2, refused: Vec::new() });
    served
}

#[tokio::test]
async fn conflicts_are_settled_by_any_spelling_of_a_path() {
    let served = served();
    let absolute = "/srv/harbour/platform/services/storefront/src/b.rs";
    let line = format!("share resolve web ./src//a.rs {absolute} /causeway/storefront/c --keep guest");
    let ran = served.run(&line).await.with_code(0);
    assert_eq!(ran.stdout, "Settled 2 conflicts: the guest's version is kept.\n");
    let which = json!({"paths": ["src/a.rs", "src/b.rs", "c"]});
    assert_eq!(served.script.asked("share.resolve"), [json!({"share": "id-web", "which": which, "keep": "guest"})]);
    served.run("share resolve web --all --keep both").await.with_code(0);
    assert_eq!(served.script.asked("share.resolve")[1]["which"], "all");
}

#[tokio::test]
async fn a_path_outside_is_refused() {
    let served = served();
    for path in ["/etc/passwd", "../other", "a/../../b"] {
        let ran = served.run(&format!("share resolve web {path} --keep host")).await.with_code(2);
        assert!(ran.stderr.contains(path), "{ran:?}");
    }
    assert!(served.script.asked("share.resolve").is_empty());
}

#[tokio::test]
async fn a_path_that_is_not_text_crosses_whole() {
    let served = served();
    let words = ["share", "resolve", "web", "--keep", "host"].map(OsString::from);
    let words = words.into_iter().chain([OsString::from_vec(b"caf\xe9".to_vec())]);
    run(served.home.root(), words).await.with_code(0);
    assert_eq!(served.script.asked("share.resolve")[0]["which"]["paths"][0]["bytes"], "Y2Fm6Q==");
}

#[tokio::test]
async fn many_paths_are_sent_in_parts() {
    let served = served();
    let paths = (0..1200).map(|n| format!("a-rather-long-name-in-a-directory/{n}"));
    let words = ["share", "resolve", "web", "--keep", "host"].map(str::to_owned).into_iter().chain(paths);
    let ran = run(served.home.root(), words).await.with_code(0);
    assert_eq!(ran.stdout, "Settled 6 conflicts: the host's version is kept.\n");
    let sizes: Vec<_> = served
        .script
        .asked("share.resolve")
        .iter()
        .map(|asked| asked["which"]["paths"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [500, 500, 200]);
}

#[tokio::test]
async fn what_could_not_be_done_is_listed() {
    let served = Served::start();
    served.script.answer("share.show", share("web"));
    let refused = Refused { path: "b".into(), sentence: "There is no conflict here.".into() };
    served.script.answer("share.resolve", Resolved { resolved: 1, refused: vec![refused.clone()] });
    served.script.answer("bin.restore", Restored { restored: 0, refused: vec![refused] });
    let ran = served.run("share resolve web a b --keep host").await.with_code(4);
    assert!(ran.stdout.ends_with("  b: There is no conflict here.\n"), "{ran:?}");
    let ran = served.run("share bin web restore --id 7 --id 8 --json").await.with_code(4);
    assert_eq!(ran.json()["refused"][0]["path"], "b");
    assert_eq!(served.script.asked("bin.restore")[0]["which"], json!({"ids": ["7", "8"]}));
    served.run("share bin web restore ./b").await.with_code(4);
    assert_eq!(served.script.asked("bin.restore")[1]["which"], json!({"paths": ["b"]}));
}

#[tokio::test]
async fn a_bin_is_emptied() {
    let served = Served::start();
    served.script.answer("bin.empty", Amount { entries: 31, bytes: 12_000_000 });
    let ran = served.run("share bin web empty --side host").await.with_code(0);
    assert_eq!(ran.stdout, "Deleted 31 entries, 12 MB, for good.\n");
    assert_eq!(served.script.asked("bin.empty"), [json!({"share": "web", "side": "host"})]);
}
