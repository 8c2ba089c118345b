use causeway_api::*;
use serde_json::json;

use crate::script::{Served, machine, share, status};

#[tokio::test]
async fn shares_are_listed_and_shown() {
    let served = Served::start();
    let web = share("web");
    served.script.answer("share.list", [&web]);
    served.script.answer("share.show", &web);
    let listed = served.run("share list --json").await.with_code(0);
    assert_eq!(listed.json(), json!([web]));
    assert_eq!(listed.stderr, "");
    assert_eq!(served.run("--json share show web").await.with_code(0).json(), json!(web));
    assert_eq!(served.script.asked("share.show"), [json!({"share": "web"})]);

    let text = served.run("share list").await.with_code(0).stdout;
    assert!(text.contains("● Watching for filesystem changes  web   133\u{202f}919  2.31 GB"), "{text}");
    assert!(text.ends_with("/srv/harbour/platform/services/storefront\n"), "nothing is shortened in a pipe: {text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[tokio::test]
async fn show_has_the_keys_that_scripts_rely_on() {
    let served = Served::start();
    served.script.answer("share.show", share("web"));
    let shown = served.run("share show web --json").await.with_code(0).json();
    for key in [
        "id",
        "name",
        "host_path",
        "guest_path",
        "mode",
        "state",
        "state_since",
        "detail",
        "progress",
        "space",
        "entries",
        "containers",
        "conflicts",
        "problems",
        "pending",
        "last_change",
    ] {
        assert!(shown.get(key).is_some(), "{key}");
    }
    assert_eq!((&shown["state"], &shown["mode"]), (&json!("watching"), &json!("two-way-safe")));
    assert_eq!(shown["space"]["host_bytes"], 2_310_000_000u64);
    assert_eq!(shown["entries"]["untracked"], 0);
}

#[tokio::test]
async fn an_error_has_its_code_a_sentence_and_a_remedy() {
    let served = Served::start();
    served.script.refuse("share.show", ErrorCode::NoSuchShare, "There is no share \"nix\".");
    let ran = served.run("share show nix").await.with_code(3);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, "error: There is no share \"nix\".\n  Do this.\n    causeway do this\n");
    let ran = served.run("share show nix --json").await.with_code(3);
    let said: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    let remedy = json!({"sentence": "Do this.", "command": "causeway do this"});
    let error = json!({"code": "no_such_share", "message": "There is no share \"nix\".", "remedy": remedy});
    assert_eq!(said, json!({"error": error}));
}

#[tokio::test]
async fn a_share_is_paused_resumed_and_reset() {
    let served = Served::start();
    let paused = ShareInfo { state: State::Paused, ..share("web") };
    served.script.answer("share.pause", &paused);
    served.script.answer("share.resume", share("web"));
    served.script.answer("share.reset", share("web"));
    let ran = served.run("share pause web").await.with_code(0);
    assert_eq!(ran.stdout, "‖ web: Paused. For 0 s\n");
    served.run("share resume web").await.with_code(0);
    served.run("share resume web --accept mass-deletion").await.with_code(0);
    served.run("share reset web --json").await.with_code(0);
    served.script.answer("share.configure", share("web"));
    served.run("share mode web one-way-safe --json").await.with_code(0);
    served.script.answer("share.retry", share("web"));
    served.run("share retry web --json").await.with_code(0);
    assert_eq!(
        served.script.asked("share.resume"),
        [json!({"share": "web", "accept": null}), json!({"share": "web", "accept": "mass_deletion"})]
    );
}

#[tokio::test]
async fn a_flush_says_how_it_ended() {
    let served = Served::start();
    let flushed = |conflicts| Flushed { took_ms: 6, conflicts, problems: 0 };
    served.script.answer("share.flush", flushed(0));
    served.script.answer("share.flush", flushed(2));
    served.script.refuse("share.flush", ErrorCode::TimedOut, "3 changes are still on their way after 0.5 s.");
    let ran = served.run("share flush web").await.with_code(0);
    assert_eq!(ran.stdout, "Flushed web in 6 ms: all that stood on either side stands on both.\n");
    served.run("share flush web --json").await.with_code(4);
    let late = served.run("share flush web --timeout 0.5").await.with_code(5);
    assert!(late.stderr.contains("3 changes are still on their way"), "{late:?}");
    assert_eq!(served.script.asked("share.flush")[2], json!({"share": "web", "timeout_ms": 500}));
}

#[tokio::test]
async fn a_share_is_removed() {
    let served = Served::start();
    served.script.answer("share.show", share("web"));
    served.script.refuse("share.remove", ErrorCode::GuestHasMore, "The guest has 3 files more.");
    served.script.answer("share.remove", Nothing {});
    served.run("share remove web").await.with_code(1);
    served.run("share remove web --force").await.with_code(0);
    let asked = served.script.asked("share.remove");
    assert_eq!((&asked[0]["force"], &asked[1]["force"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn pruning_says_what_went() {
    let served = Served::start();
    served.script.answer("share.prune", Amount { entries: 41_702, bytes: 812_000_000 });
    let ran = served.run("share prune web").await.with_code(0);
    assert_eq!(ran.stdout, "Pruned 41\u{202f}702 entries, 812 MB, in the guest.\n");
}

#[tokio::test]
async fn a_verification_that_finds_something_has_a_code_of_its_own() {
    let served = Served::start();
    let clean = Verification {
        at: Timestamp::now(),
        took_ms: 1,
        entries: 5,
        bytes: 10,
        differ: 0,
        unexplained: 0,
        differences: Vec::new(),
    };
    let difference = Difference {
        path: "a".into(),
        host: SideEntry::Directory,
        guest: SideEntry::Absent,
        because: Because::Unknown,
    };
    served.script.answer("share.verify", &clean);
    served
        .script
        .answer("share.verify", Verification { differ: 1, unexplained: 1, differences: vec![difference], ..clean });
    let ran = served.run("share verify web").await.with_code(0);
    assert_eq!(ran.stdout, "web: compared 5 entries, read 10 B in 1 ms. No differences.\n");
    let ran = served.run("share verify web --json").await.with_code(4);
    assert_eq!(ran.json()["differences"][0]["path"], "a");
}

#[tokio::test]
async fn the_machine_is_shown_started_and_stopped() {
    let served = Served::start();
    served.script.answer("machine.status", machine());
    served.script.answer("machine.start", machine());
    let failed = MachineInfo { state: MachineState::Failed, detail: Some("The agent ended.".into()), ..machine() };
    served.script.answer("machine.stop", &failed);
    let ran = served.run("machine status").await.with_code(0);
    assert!(ran.stdout.starts_with("● Running. Since "), "{}", ran.stdout);
    assert_eq!(served.run("machine start --json").await.with_code(0).json()["state"], "running");
    assert!(served.run("machine stop").await.with_code(4).stdout.contains("The agent ended."));
}

#[tokio::test]
async fn the_doctor_joins_what_the_engine_and_the_command_see() {
    let served = Served::start();
    let bad = Check {
        code: "inotify_watches".into(),
        title: "Watched directories".into(),
        verdict: Verdict::Bad,
        sentence: "There are too few.".into(),
        remedy: Some(Remedy::command("Raise the limit.", "sudo sysctl x")),
    };
    served.script.answer("doctor", [&bad]);
    served.script.answer("doctor", Vec::<Check>::new());
    let ran = served.run("doctor").await.with_code(4);
    assert_eq!(ran.stdout.matches("Watched directories").count(), 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("▲ Watched directories: There are too few.\n  Raise the limit.\n    sudo sysctl x\n"));
    let checks = served.run("doctor --json").await.with_code(0).json();
    let found =
        |code: &str| checks.as_array().unwrap().iter().any(|check| check["code"] == code && check["verdict"] != "bad");
    assert!(found("home") && found("engine") && found("socket"), "{checks:#}");
}

#[tokio::test]
async fn an_engine_of_another_protocol_is_named() {
    let served = Served::start();
    served.script.answer("engine.status", EngineStatus { version: "9.9.9".into(), protocol: 99, ..status() });
    // The first answer is the one every server here begins with.
    served.run("engine status").await.with_code(0);
    let ran = served.run("share list").await.with_code(6);
    assert!(ran.stderr.contains("9.9.9") && ran.stderr.contains("kill 4242"), "{ran:?}");
}

#[tokio::test]
async fn what_can_not_be_typed_is_refused_before_anything_happens() {
    let served = Served::start();
    for line in ["share", "share fly", "share resolve web --keep host", "share create . --name a/b", "share show"] {
        let ran = served.run(line).await.with_code(2);
        assert!(ran.stderr.contains("Usage") || ran.stderr.contains("error:"), "{line}: {ran:?}");
    }
    assert!(served.script.asked("engine.status").is_empty());
}

#[tokio::test]
async fn help_documents_the_exit_codes_and_completions_are_written() {
    let served = Served::start();
    let help = served.run("--help").await.with_code(0).stdout;
    assert!(help.contains("Exit codes:") && help.contains("CAUSEWAY_HOME"), "{help}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = served.run(&format!("completions {shell}")).await.with_code(0);
        assert!(ran.stdout.contains("upload-exclude"), "{shell}");
    }
}
