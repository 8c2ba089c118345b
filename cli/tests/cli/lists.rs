use causeway_api::*;
use serde_json::{Value, json};

use crate::script::{Served, share};

fn conflict(n: usize) -> Conflict {
    let mtime = Timestamp::from_ns(0);
    Conflict {
        path: format!("src/{n}.rs").as_str().into(),
        host: SideEntry::File { size: 1, mtime, digest: None, executable: false },
        guest: SideEntry::Absent,
        since: Timestamp::now(),
        resolutions: vec![Keep::Host, Keep::Guest],
    }
}

fn page<T>(items: Vec<T>, next: Option<&str>) -> Page<T> {
    Page { items, next: next.map(str::to_owned), total: 3 }
}

#[tokio::test]
async fn every_page_of_a_list_is_shown() {
    let served = Served::start();
    served.script.answer("share.conflicts", page(vec![conflict(1), conflict(2)], Some("c2")));
    served.script.answer("share.conflicts", page(Vec::<Conflict>::new(), Some("c3")));
    served.script.answer("share.conflicts", page(vec![conflict(3)], None));
    let listed = served.run("share conflicts web --json").await.with_code(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[2]["path"], "src/3.rs");
    let cursors: Vec<Value> =
        served.script.asked("share.conflicts").iter().map(|asked| asked["cursor"].clone()).collect();
    assert_eq!(cursors, [json!(null), json!("c2"), json!("c3")]);

    let served = Served::start();
    served.script.answer("share.conflicts", page(vec![conflict(1), conflict(2)], Some("c2")));
    served.script.answer("share.conflicts", page(vec![conflict(3)], None));
    let text = served.run("share conflicts web").await.with_code(0).stdout;
    assert!(text.contains("src/1.rs\n") && text.contains("src/3.rs\n"), "{text}");
    assert!(text.contains("causeway share resolve web PATH… --keep host|guest|both"), "{text}");
}

#[tokio::test]
async fn an_empty_list_says_so() {
    let served = Served::start();
    served.script.answer("share.conflicts", page(Vec::<Conflict>::new(), None));
    served.script.answer("share.problems", page(Vec::<Problem>::new(), None));
    served.script.answer("bin.list", page(Vec::<BinItem>::new(), None));
    for (line, text) in [
        ("share conflicts web", "No conflicts.\n"),
        ("share problems web", "No problems.\n"),
        ("share bin web list", "The recycle bins are empty.\n"),
    ] {
        assert_eq!(served.run(line).await.with_code(0).stdout, text);
        assert_eq!(served.run(&format!("{line} --json")).await.with_code(0).json(), json!([]));
    }
}

#[tokio::test]
async fn a_path_is_renamed_on_one_side() {
    let served = Served::start();
    served.script.answer("share.show", share("web"));
    served.script.answer("share.rename_path", Nothing {});
    served.script.refuse("share.rename_path", ErrorCode::Io, "Something stands at \"docs/b\".");
    let ran = served.run("share rename-path web docs/a b --side guest").await.with_code(0);
    assert_eq!(ran.stdout, "Renamed docs/a to b on the guest.\n");
    let wish = json!({"share": share("web").id, "side": "guest", "path": "docs/a", "name": "b"});
    assert_eq!(served.script.asked("share.rename_path"), [wish]);
    let refused = served.run("share rename-path web docs/a b --side host").await;
    assert!(!refused.status.success() && refused.stderr.contains("Something stands at"), "{refused:?}");
}

#[tokio::test]
async fn problems_and_the_bin_are_listed() {
    let served = Served::start();
    let problem = Problem {
        path: PathBytes::from(b"caf\xe9".as_slice()),
        other_path: None,
        side: Side::Guest,
        code: ProblemCode::NoSpace,
        sentence: "212 MB are free on the machine's disk.".into(),
        remedy: Some(Remedy::sentence("Free space in the machine.")),
        since: Timestamp::now(),
        next_try: None,
    };
    served.script.answer("share.problems", page(vec![problem], None));
    let text = served.run("share problems web").await.with_code(0).stdout;
    assert!(text.starts_with("▲ Disk full on the guest: caf\\xe9\n  212 MB are free"), "{text}");
    let listed = served.run("share problems web --json").await.with_code(0).json();
    assert_eq!((&listed[0]["code"], &listed[0]["path"]["bytes"]), (&json!("no_space"), &json!("Y2Fm6Q==")));

    let item = BinItem {
        id: "g-17".into(),
        side: Side::Guest,
        path: "old".into(),
        entry: SideEntry::Directory,
        amount: Amount { entries: 12, bytes: 4200 },
        at: Timestamp::now(),
        reason: BinReason::Deleted,
    };
    served.script.answer("bin.list", page(vec![item], None));
    let text = served.run("share bin web list").await.with_code(0).stdout;
    assert!(text.contains("guest  deleted  Directory, 12 entries  4.2 KB  old\n"), "{text}");
}
