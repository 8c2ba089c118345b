//! What is different on a terminal: widths, colours, progress, and the live view.

use std::{
    fs::File,
    io::Read,
    os::fd::OwnedFd,
    process::{Child, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use causeway_api::{methods::Handler, *};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::{
    program::command,
    script::{Served, share},
};

/// A program on a terminal of 80 columns and 24 rows.
struct Terminal {
    child: Child,
    shown: mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    fn run(served: &Served, line: &str) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = || -> OwnedFd { File::options().read(true).write(true).open(&name).unwrap().into() };
        let mut command = command(served.home.root());
        command.env("TERM", "xterm-256color").args(line.split(' '));
        let child = command.stdin(theirs()).stdout(Stdio::from(theirs())).stderr(theirs()).spawn().unwrap();
        let (sender, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut ours = File::from(ours);
            let mut bytes = [0; 4096];
            // The end of the program is an error of the terminal (EIO).
            while let Ok(count) = ours.read(&mut bytes)
                && sender.send(bytes[..count].to_vec()).is_ok()
            {}
        });
        Self { child, shown, text: String::new() }
    }

    /// Waits until `text` was shown, and forgets what came before its end.
    async fn until(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(at) = self.text.find(text) {
                self.text.drain(..at + text.len());
                return;
            }
            assert!(Instant::now() < deadline, "{text:?} isn't shown: {:?}", self.text);
            while let Ok(bytes) = self.shown.try_recv() {
                self.text.push_str(&String::from_utf8_lossy(&bytes));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn ends(&mut self) -> i32 {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(Instant::now() < deadline, "it goes on: {:?}", self.text);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_path_is_shortened_to_the_terminal_and_states_have_colours() {
    let served = Served::start();
    served.script.answer("share.list", [share("web")]);
    let mut terminal = Terminal::run(&served, "share list");
    terminal.until("\x1b[32m● Watching for filesystem changes\x1b[0m").await;
    terminal.until("…/storefront").await;
    assert_eq!(terminal.ends().await, 0);
}

#[tokio::test]
async fn creating_shows_how_far_it_is() {
    let served = Served::start();
    let progress = Progress {
        phase: Phase::Copying,
        files_done: 48_212,
        files_total: Some(131_067),
        bytes_done: 1_200_000_000,
        bytes_total: Some(3_400_000_000),
        bytes_per_second: 0,
        left_ms: Some(41_000),
    };
    let preparing = ShareInfo { state: State::Preparing, progress: Some(progress), ..share("web") };
    served.script.answer("share.create", &preparing);
    served.script.feed().put_share(preparing);
    let mut terminal = Terminal::run(&served, "share create .");
    terminal.until("35 %").await;
    terminal.until("41 s left · 48\u{202f}212 of 131\u{202f}067 files").await;
    served.script.feed().put_share(share("web"));
    terminal.until("web is shared").await;
    assert_eq!(terminal.ends().await, 0);
}

#[tokio::test]
async fn the_live_view_is_drawn_anew_and_gives_the_terminal_back() {
    let served = Served::start();
    served.script.feed().put_share(share("web"));
    let mut terminal = Terminal::run(&served, "share monitor");
    terminal.until("\x1b[?1049h").await;
    terminal.until("Watching for filesystem changes").await;
    terminal.until("1 share").await;
    served.script.feed().put_share(ShareInfo { state: State::Conflict, conflicts: 3, ..share("web") });
    terminal.until("3 conflicts").await;
    terminal.until("1 share, 1 in conflict").await;
    terminal.interrupt();
    terminal.until("\x1b[?1049l").await;
    assert_eq!(terminal.ends().await, 0);
}

#[tokio::test]
async fn without_a_terminal_each_change_is_a_line() {
    let served = Served::start();
    served.script.feed().put_share(share("web"));
    served.script.feed().put_share(share("other"));
    let steps = async {
        for step in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            match step {
                0 => served.script.feed().put_share(ShareInfo { state: State::Syncing, pending: 3, ..share("web") }),
                1 => served.script.feed().put_share(ShareInfo { state: State::Syncing, pending: 1, ..share("web") }),
                _ => served.script.feed().remove_share(&share("web").id),
            }
        }
    };
    let (text, json, ()) = tokio::join!(served.run("share monitor web"), served.run("share monitor web --json"), steps);
    let text = text.with_code(0).stdout;
    let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        lines,
        ["● web: Watching for filesystem changes", "◐ web: Syncing. 3 changes left, host to guest", "web: Removed"]
    );
    let events: Vec<serde_json::Value> =
        json.with_code(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["machine", "share", "share", "share", "removed"]);
    assert_eq!(events[3]["share"]["pending"], 1);
}

#[tokio::test]
async fn a_share_that_does_not_exist_is_not_followed() {
    let served = Served::start();
    served.run("share monitor nix").await.with_code(3);
}
