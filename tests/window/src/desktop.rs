//! A display and a session bus, and the app on them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use causeway_e2e::{Place, eventually};

use crate::driver::Window;
use crate::notifications::Notifications;
use crate::screen::Screen;
use crate::tray::Tray;

/// A display, a session bus and a place.
pub struct Desktop {
    processes: Vec<Ended>,
    display: String,
    bus: String,
    /// Where Causeway keeps its files, and where shares are.
    pub place: Place,
}

/// A process that ends when this is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Default for Desktop {
    fn default() -> Self {
        Self::new()
    }
}

impl Desktop {
    /// An empty one.
    pub fn new() -> Self {
        let place = Place::new();
        let mut x = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is Xvfb");
        let display = format!(":{}", first_line(&mut x));
        let mut dbus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is dbus-daemon");
        let bus = first_line(&mut dbus);
        Self { processes: vec![Ended(x), Ended(dbus)], display, bus, place }
    }

    /// Watches tray icons from now on.
    pub fn tray(&self) -> Tray {
        Tray::watch(&self.bus)
    }

    /// Takes notifications from now on.
    pub fn notifications(&self) -> Notifications {
        Notifications::take(&self.bus)
    }

    /// `program` on this desktop and in this place.
    pub fn command(&self, program: impl Into<PathBuf>) -> Command {
        let mut command = Command::new(program.into());
        let base = self.place.base();
        let user = self.place.folder("user");
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("CAUSEWAY_HOME", self.place.home())
            .env("HOME", user)
            // No accessibility bus, which would outlive the test.
            .env("NO_AT_BRIDGE", "1")
            .env("GTK_A11Y", "none")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WEBKIT_DISABLE_DMABUF_RENDERER")
            .stdin(Stdio::null());
        for name in ["CONFIG", "DATA", "CACHE", "STATE"] {
            command.env(format!("XDG_{name}_HOME"), base.join("xdg").join(name));
        }
        let runtime = base.join("xdg/run");
        fs::create_dir_all(&runtime).unwrap();
        command.env("XDG_RUNTIME_DIR", runtime);
        command
    }

    /// Gives this desktop a program for text files, which writes the path of what it opens where this says.
    pub fn text_editor(&self) -> PathBuf {
        let (applications, settings) =
            (self.place.base().join("xdg/DATA/applications"), self.place.base().join("xdg/CONFIG"));
        let opened = self.place.base().join("opened");
        for folder in [&applications, &settings] {
            fs::create_dir_all(folder).unwrap();
        }
        let script = self.place.base().join("editor");
        fs::write(&script, format!("#!/bin/sh\nprintf %s \"$1\" > {}\n", opened.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let entry = format!(
            "[Desktop Entry]\nType=Application\nName=Editor\nExec={} %f\nMimeType=text/plain;\n",
            script.display()
        );
        fs::write(applications.join("editor.desktop"), entry).unwrap();
        fs::write(settings.join("mimeapps.list"), "[Default Applications]\ntext/plain=editor.desktop\n").unwrap();
        opened
    }

    /// Opens the app, with `environment` besides.
    pub fn open(&self, environment: &[(&str, &str)]) -> Window {
        let port = free_port();
        let mut command = self.command("WebKitWebDriver");
        command.arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true").envs(environment.iter().copied());
        let driver = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("there is WebKitWebDriver");
        Window::open(driver, port, &app())
    }

    /// Starts the app once more, as a person would who doesn't see it; waits until that second start has ended.
    pub fn start_again(&self) {
        let mut second = self.command(app()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually(|| second.try_wait().unwrap().is_some(), || "the second start goes on".to_owned());
    }

    /// The display.
    pub fn screen(&self) -> Screen {
        Screen::connect(&self.display)
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // The place looks for processes that are left over when it is dropped, after this.
        self.processes.clear();
    }
}

/// The app as it was built.
pub fn app() -> PathBuf {
    causeway_e2e::place::program("causeway-app")
}

fn first_line(process: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
