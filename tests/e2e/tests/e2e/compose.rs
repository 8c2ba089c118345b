//! Docker Compose, unchanged, through the proxy.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use causeway_e2e::dockerd::{BUSYBOX, DOCKER_LIMIT};
use causeway_e2e::place::finish;
use causeway_e2e::{Docked, HasDocker, Ran, Share, eventually};

fn compose(docked: &Docked, folder: &Path, arguments: &[&str]) -> Ran {
    let mut docker = docked.docker(&[&["compose"], arguments].concat());
    let child = docker.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finish(child, DOCKER_LIMIT)
}

fn compose_ok(docked: &Docked, folder: &Path, arguments: &[&str]) -> String {
    let ran = compose(docked, folder, arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {}{}\n{}", ran.out, ran.err, docked.place.log_end());
    ran.out
}

/// A project in a folder, with more in its file.
fn project(docked: &Docked, name: &str, more: &str) -> std::path::PathBuf {
    let folder = docked.place.folder(name);
    fs::create_dir(folder.join("src")).unwrap();
    fs::write(folder.join("src/file"), "content\n").unwrap();
    let file = format!(
        "services:
  web:
    image: {BUSYBOX}
    network_mode: none
    command: sleep 1000
    volumes:
      - ./src:/app
      - {{type: bind, source: ., target: /all, read_only: true}}
{more}"
    );
    fs::write(folder.join("compose.yaml"), file).unwrap();
    folder
}

#[test]
fn a_project_works_on_a_share() {
    let docked = Docked::new();
    let source = docked.place.base().join("shop/src");
    let made = format!(
        "      - made:/made
volumes:
  made:
    driver_opts: {{type: none, o: bind, device: {}}}
",
        source.display()
    );
    let folder = project(&docked, "shop", &made);
    docked.place.share(&folder, &[]);
    compose_ok(&docked, &folder, &["up", "-d"]);
    let seen = compose_ok(&docked, &folder, &["exec", "-T", "web", "cat", "/app/file", "/all/src/file", "/made/file"]);
    assert_eq!(seen, "content\n".repeat(3));
    let first = compose_ok(&docked, &folder, &["ps", "-q"]);
    compose_ok(&docked, &folder, &["up", "-d"]);
    assert_eq!(compose_ok(&docked, &folder, &["ps", "-q"]), first, "nothing has changed, and nothing is made again");
    let shown = || Share::new(&docked.place, "shop").show()["containers"].clone();
    eventually(|| shown().as_array().unwrap().len() == 3, || shown().to_string());
    assert_eq!((&shown()[0]["compose_project"], &shown()[0]["compose_service"]), (&"shop".into(), &"web".into()));
    compose_ok(&docked, &folder, &["down", "-v", "-t", "0"]);
}

#[test]
fn folders_of_projects_become_shares_as_it_is_set() {
    let docked = Docked::new();
    // Compose makes the containers of a project side by side.
    let other = |name: &str| {
        format!(
            "  {name}:\n    image: {BUSYBOX}\n    network_mode: none\n    command: sleep 1000\n    volumes: [\"./src:/app\"]\n"
        )
    };
    // The volume is made before any container, and doesn't say which folder it belongs to.
    let volume = format!(
        "  d:\n    image: {BUSYBOX}\n    network_mode: none\n    command: sleep 1000\n    volumes: [\"made:/app\"]\n\
         volumes:\n  made:\n    driver_opts: {{type: none, o: bind, device: {}}}\n",
        docked.place.base().join("shop/src").display()
    );
    let folder = project(&docked, "shop", &(["a", "b", "c"].map(other).concat() + &volume));
    for number in 0..3000 {
        fs::write(folder.join(format!("src/{number}")), number.to_string()).unwrap();
    }
    let ran = compose(&docked, &folder, &["up", "-d"]);
    assert!(ran.code != 0 && ran.err.contains("causeway share create"), "{ran:?}");
    let wanted = docked.place.json(&["docker", "status"])["wanted"].clone();
    let [wanted] = wanted.as_array().unwrap().as_slice() else { panic!("{wanted}") };
    assert_eq!((wanted["folder"].as_str(), wanted["project"].as_str()), (folder.to_str(), Some("shop")));
    docked.place.ok(&["docker", "config", "--compose-auto-share", "off"]);
    let ran = compose(&docked, &folder, &["up", "-d"]);
    assert!(ran.code != 0 && ran.err.contains("no share covers"), "{ran:?}");
    compose_ok(&docked, &folder, &["down", "-v", "-t", "0"]);

    docked.place.ok(&["docker", "config", "--compose-auto-share", "on"]);
    let kept = docked.place.folder("kept");
    docked.place.share(&kept, &[]);
    compose_ok(&docked, &folder, &["up", "-d"]);
    for service in ["web", "a", "b", "c", "d"] {
        assert_eq!(
            compose_ok(&docked, &folder, &["exec", "-T", service, "cat", "/app/file", "/app/2999"]),
            "content\n2999"
        );
    }
    let names = || docked.place.ok(&["--json", "share", "list"]);
    assert!(names().contains("\"shop\""));
    assert_eq!(docked.place.json(&["docker", "status"])["wanted"], serde_json::json!([]));
    let shown = || Share::new(&docked.place, "shop").show()["containers"].clone();
    eventually(|| shown().as_array().unwrap().len() == 6, || shown().to_string());
    assert_eq!(docked.place.json(&["share", "prune", "--unused"]), serde_json::json!([]));
    compose_ok(&docked, &folder, &["down", "-v", "-t", "0"]);
    eventually(|| shown().as_array().unwrap().is_empty(), || shown().to_string());
    Share::new(&docked.place, "shop").flush();
    assert_eq!(docked.place.json(&["share", "prune", "--unused"]), serde_json::json!(["shop"]));
    assert!(!names().contains("\"shop\"") && names().contains("\"kept\""));
    assert!(folder.join("src/file").exists());
}

#[test]
fn the_file_of_a_project_says_what_its_share_is_like() {
    let docked = Docked::new();
    let marked = "    x-causeway: {mode: two-way-resolved, exclude: [/src/out]}
volumes:
  unused:
    x-causeway: {exclude: [\"*.tmp\"]}
";
    let folder = project(&docked, "shop", marked);
    fs::create_dir(folder.join("src/out")).unwrap();
    fs::write(folder.join("src/out/built"), "").unwrap();
    fs::write(folder.join("src/x.tmp"), "").unwrap();
    // Compose merges it with the other, and names both.
    fs::write(
        folder.join("compose.override.yaml"),
        "services:\n  web:\n    x-causeway: {mode: one-way-replica}\n    environment: !override {A: b}\n",
    )
    .unwrap();
    let ran = compose(&docked, &folder, &["up", "-d"]);
    let command = "--mode one-way-replica --exclude '/src/out' --exclude '*.tmp'";
    assert!(ran.code != 0 && ran.err.contains(command), "{ran:?}");

    docked.place.ok(&["docker", "config", "--compose-auto-share", "on"]);
    let broken = fs::read_to_string(folder.join("compose.override.yaml")).unwrap().replace("one-way", "any-way");
    let good = fs::read_to_string(folder.join("compose.override.yaml")).unwrap();
    fs::write(folder.join("compose.override.yaml"), broken).unwrap();
    let ran = compose(&docked, &folder, &["up", "-d"]);
    assert!(ran.code != 0 && ran.err.contains("any-way-replica") && ran.err.contains("override.yaml"), "{ran:?}");

    fs::write(folder.join("compose.override.yaml"), good).unwrap();
    compose_ok(&docked, &folder, &["up", "-d"]);
    let shown = Share::new(&docked.place, "shop").show();
    assert_eq!(shown["mode"], "one-way-replica");
    assert_eq!(shown["patterns"]["exclude"], serde_json::json!(["/src/out", "*.tmp"]));
    assert_eq!(compose_ok(&docked, &folder, &["exec", "-T", "web", "ls", "/app"]), "file\n");
    compose_ok(&docked, &folder, &["down", "-v", "-t", "0"]);
}
