//! Containers in the window: real ones, of a Docker Engine of the test's own.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use causeway_e2e::dockerd::{BUSYBOX, DOCKER_LIMIT, Dockerd, docker, import_busybox};
use causeway_e2e::place::{Ran, finish};
use causeway_window::{Desktop, Tray, Window};

/// The app's own engine in front of a Docker Engine.
struct Docked<'a> {
    desktop: &'a Desktop,
    dockerd: Dockerd,
}

impl<'a> Docked<'a> {
    /// The app runs already: so the engine is its own.
    fn beside(desktop: &'a Desktop) -> Self {
        let base = desktop.place.base();
        let dockerd = Dockerd::start(&base.join("docker"));
        let (socket, base) = (dockerd.socket(), base.to_str().unwrap().to_owned());
        let socket = socket.to_str().unwrap();
        desktop.place.ok(&["docker", "config", "--engine-socket", socket, "--allow", &base]);
        let docked = Self { desktop, dockerd };
        import_busybox(|arguments| docked.ok(arguments, Path::new("/")));
        docked
    }

    fn run(&self, arguments: &[&str], folder: &Path) -> Ran {
        let socket = self.desktop.place.home().join("run/docker.sock");
        let mut command = docker(&self.desktop.place, &socket, arguments);
        let child = command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        finish(child, DOCKER_LIMIT)
    }

    fn ok(&self, arguments: &[&str], folder: &Path) -> String {
        let ran = self.run(arguments, folder);
        let log = || format!("{}{}", self.desktop.place.log_end(), self.dockerd.log());
        assert_eq!(ran.code, 0, "docker {arguments:?}: {}{}\n{}", ran.out, ran.err, log());
        ran.out
    }
}

#[test]
fn a_container_appears_and_is_asked_about_before_it_loses_its_folder() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("storefront");
    fs::write(folder.join("a"), "a").unwrap();
    let window = desktop.open(&[]);
    tray.wait_for("No shares");
    desktop.place.share(&folder, &[]);
    window.click("button.name", "storefront");
    window.see("p", "No container has this share mounted.");

    let docked = Docked::beside(&desktop);
    let bind = format!("{}:/srv/app:ro", folder.display());
    docked.ok(&["run", "-d", "--name", "web", "--network", "none", "-v", &bind, BUSYBOX, "sleep", "1000"], &folder);
    // With the time since it runs.
    for shown in ["web", BUSYBOX, "Running, ", "/srv/app"] {
        window.see("td", shown);
    }
    window.see("td", "read-only");
    window.click("button", "Back to shares");
    window.see("[data-share] .l2", "web");

    removal_is_refused(&window);
    quitting_asks(&tray, &window);

    docked.ok(&["rm", "-f", "web"], &folder);
    window.see_no("[data-share] .l2", "web");
    window.click("button.name", "storefront");
    window.see("p", "No container has this share mounted.");
    window.close();
}

/// The dialog names the container; without force nothing is removed, and what is offered then is cancelled.
fn removal_is_refused(window: &Window) {
    window.click("button.name", "storefront");
    window.click("button", "Remove…");
    window.see("dialog p", "A container uses it: web.");
    window.click("dialog button", "Remove share");
    window.see("dialog [role=alert]", "Containers have the share \"storefront\": web.");
    window.see("dialog button", "Remove all the same");
    window.click("dialog button", "Cancel");
    window.see_no("dialog", "");
    window.click("button", "Back to shares");
}

fn quitting_asks(tray: &Tray, window: &Window) {
    tray.choose("Quit Causeway");
    window.see("dialog h2", "Quit Causeway?");
    window.see("dialog p", "storefront");
    window.click("dialog button", "Cancel");
    window.see_no("dialog", "");
    tray.wait_for("All up to date");
}

#[test]
fn a_folder_that_compose_wants_is_asked_for_and_shared() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("shop");
    fs::write(folder.join("file"), "content\n").unwrap();
    let compose = format!(
        "services:\n  web:\n    x-causeway: {{mode: two-way-resolved, exclude: [/build]}}\n    image: {BUSYBOX}\n    network_mode: none\n    \
         command: sleep 1000\n    volumes:\n      - .:/app\n"
    );
    fs::write(folder.join("compose.yaml"), compose).unwrap();
    let window = desktop.open(&[]);
    tray.wait_for("No shares");
    let docked = Docked::beside(&desktop);
    window.click("nav button", "Machine");
    window.see("[aria-pressed=true]", "Ask");
    window.see("dd", "No containers");
    window.see("dd", "Not in use");
    window.click("nav button", "Shares");

    assert_ne!(docked.run(&["compose", "up", "-d"], &folder).code, 0);
    window.see(".notice", "The Compose project shop wants");
    window.click(".notice button", "Create share");
    window.see("h2", "What is in it");
    window.see("span", "Counted in");
    // As the project's file says it.
    window.see("p code", "/build");
    window.click("button", "Create share");
    window.see("h2", "shop is shared");
    let shown = desktop.place.json(&["share", "show", "shop"]);
    assert_eq!(
        (&shown["mode"], &shown["patterns"]["exclude"][0]),
        (&"two-way-resolved".into(), &"/build".into()),
        "{shown}"
    );
    window.click("button", "Finish");
    window.see("h1", "shop");
    window.see(".state-line", "Watching for filesystem changes");
    docked.ok(&["compose", "up", "-d"], &folder);
    window.see("td", "shop / web");
    assert_eq!(docked.ok(&["compose", "exec", "-T", "web", "cat", "/app/file"], &folder), "content\n");
    window.click("button", "Back to shares");
    window.see_no(".notice", "wants");
    docked.ok(&["compose", "down", "-t", "0"], &folder);
    window.close();
}

#[test]
fn first_run_offers_a_project_that_docker_knows_and_waits_for_its_container() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("shop");
    let compose = format!("services:\n  web:\n    image: {BUSYBOX}\n    network_mode: none\n    command: sleep 1000\n");
    fs::write(folder.join("compose.yaml"), compose).unwrap();
    let window = desktop.open(&[]);
    tray.wait_for("No shares");
    let docked = Docked::beside(&desktop);
    docked.ok(&["compose", "up", "-d"], &folder);
    window.click("li button", "Share this");
    window.see("h2", "What is in it");
    window.see("span", "Counted in");
    window.click("button", "Create share");
    window.see("h2", "shop is shared");
    window.see("code", "docker");
    window.see("span", "Waiting for a container that mounts shop");
    let bind = format!("{}:/app", folder.display());
    docked.ok(&["run", "-d", "--name", "user", "--network", "none", "-v", &bind, BUSYBOX, "sleep", "1000"], &folder);
    window.see("span", "user has shop mounted");
    window.click("button", "Finish");
    window.see("h1", "shop");
    docked.ok(&["rm", "-f", "user"], &folder);
    docked.ok(&["compose", "down", "-t", "0"], &folder);
    window.close();
}
