//! A Docker Engine of a test's own, on this computer: its data, its sockets and its containers are in the test's [`Place`], and end with it.
//!
//! Docker needs root. Where a test isn't run by root, sudo that asks nothing starts it.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::eventually;
use crate::place::{Place, Ran, finish};

/// How long anything that goes through Docker may take.
pub const DOCKER_LIMIT: Duration = Duration::from_secs(60);
/// How long Docker may take to end: it ends its containers first.
const END_LIMIT: Duration = Duration::from_secs(30);
/// The image of the tests: busybox, and what shows events of files.
pub const BUSYBOX: &str = "busybox:test";
/// Debian's static busybox, which `setup` installs.
const BUSYBOX_PROGRAM: &str = "/bin/busybox";
/// What is linked to it in the image.
const APPLETS: &str = "awk cat cp dd df echo fallocate find head httpd kill ls mkdir mv nc nslookup printf pwd rm sed seq sh sha256sum sort \
                       sleep stat sync tail test top touch true wc whoami";

/// A Docker Engine.
pub struct Dockerd {
    directory: PathBuf,
    child: Option<Child>,
}

impl Dockerd {
    /// Starts one whose data is in a directory.
    pub fn start(directory: &Path) -> Self {
        fs::create_dir_all(directory).unwrap();
        let mut dockerd = Self { directory: directory.to_owned(), child: None };
        dockerd.again();
        dockerd
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("d.sock")
    }

    /// Starts it, with the data of the time before, and waits until it answers.
    pub fn again(&mut self) {
        let at = |name: &str| self.directory.join(name);
        let log = fs::File::options().create(true).append(true).open(at("dockerd.log")).unwrap();
        // A network of its own, so that nothing of the computer's is touched, with the addresses of loopback.
        let mut command = as_root("unshare");
        let script = format!("{BUSYBOX_PROGRAM} ip link set lo up && exec dockerd \"$@\"");
        command.args(["--net", "sh", "-c", &script, "dockerd"]);
        for (option, place) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(option).arg(at(place));
        }
        command.args(["--bridge", "none", "--iptables=false", "--ip6tables=false", "--storage-driver", "vfs"]);
        command.arg("--host").arg(format!("unix://{}", self.socket().display()));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().expect("dockerd is missing: unshare is missing: the package util-linux"));
        eventually(|| self.answers(), || self.log());
    }

    /// Ends it, and with it what runs in it.
    pub fn end(&mut self) {
        self.signal("-TERM");
        let Some(mut child) = self.child.take() else { return };
        let deadline = Instant::now() + END_LIMIT;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                self.signal("-KILL");
                let _ = child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn answers(&self) -> bool {
        UnixStream::connect(self.socket()).is_ok()
    }

    fn signal(&self, signal: &str) {
        let Ok(pid) = fs::read_to_string(self.directory.join("pid")) else { return };
        // It may have ended.
        let _ = as_root("kill").args([signal, pid.trim()]).stderr(Stdio::null()).status();
    }

    /// What it wrote, to be shown with a failure.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.directory.join("dockerd.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("--- dockerd\n{}\n", lines[lines.len().saturating_sub(15)..].join("\n"))
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        self.end();
        // Docker leaves the namespace of its swarm mounted, where it had one.
        let swarm = self.directory.join("exec/netns/default");
        let _ = as_root("umount").arg(swarm).stderr(Stdio::null()).status();
        // Layers belong to root.
        let _ = as_root("rm").arg("-rf").arg(&self.directory).status();
    }
}

/// A command of root's.
fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

/// What has a Docker that programs reach through the proxy of a place.
pub trait HasDocker {
    /// The place.
    fn place(&self) -> &Place;

    /// How long anything that goes through Docker may take.
    fn limit(&self) -> Duration;

    /// What is shown with a failure.
    fn log(&self) -> String {
        self.place().log_end()
    }

    /// The socket that programs use.
    fn socket(&self) -> PathBuf {
        self.place().home().join("run/docker.sock")
    }

    /// The docker command.
    fn docker(&self, arguments: &[&str]) -> Command {
        docker(self.place(), &self.socket(), arguments)
    }

    /// Runs the docker command to its end.
    fn run_docker(&self, arguments: &[&str]) -> Ran {
        let child = self.docker(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        finish(child, self.limit())
    }

    /// The same, which has to succeed; returns what it printed.
    fn docker_ok(&self, arguments: &[&str]) -> String {
        let ran = self.run_docker(arguments);
        assert_eq!(ran.code, 0, "docker {arguments:?}: {}{}\n{}", ran.out, ran.err, self.log());
        ran.out
    }

    /// The same, which has to fail; returns what it said.
    fn docker_fails(&self, arguments: &[&str]) -> String {
        let ran = self.run_docker(arguments);
        assert_ne!(ran.code, 0, "docker {arguments:?}: {}{}", ran.out, ran.err);
        ran.err
    }
}

/// A place whose machine is a directory, with a Docker Engine beside it.
pub struct Docked {
    /// Ends first.
    pub dockerd: Dockerd,
    /// The place.
    pub place: Place,
}

impl Docked {
    /// One whose engine runs, in front of a Docker Engine with the image of the tests. Containers may have its folders.
    pub fn new() -> Self {
        let place = Place::new().with_environment("CAUSEWAY_MACHINE", "local");
        let dockerd = Dockerd::start(&place.base().join("docker"));
        let docked = Self { dockerd, place };
        let (socket, base) = (docked.dockerd.socket(), docked.place.base());
        docked.place.ok(&["docker", "config", "--engine-socket", path(&socket), "--allow", path(&base)]);
        import_busybox(|arguments| docked.docker_ok(arguments));
        docked
    }

    /// Runs a shell's command in a container with a bind; returns what it prints.
    pub fn sh(&self, bind: &str, command: &str) -> String {
        self.docker_ok(&["run", "--rm", "--network", "none", "-v", bind, BUSYBOX, "sh", "-c", command])
    }

    /// What Docker's API says about a path, through the proxy.
    pub fn get(&self, path: &str) -> Value {
        get(&self.socket(), path)
    }

    /// What Docker itself says.
    pub fn get_direct(&self, path: &str) -> Value {
        get(&self.dockerd.socket(), path)
    }
}

impl HasDocker for Docked {
    fn place(&self) -> &Place {
        &self.place
    }

    fn limit(&self) -> Duration {
        DOCKER_LIMIT
    }

    fn log(&self) -> String {
        self.place.log_end() + &self.dockerd.log()
    }
}

impl Default for Docked {
    fn default() -> Self {
        Self::new()
    }
}

/// The docker command with a socket, and with a configuration of the place's own.
pub fn docker(place: &Place, socket: &Path, arguments: &[&str]) -> Command {
    let surroundings = place.command(&[] as &[&str]);
    let mut command = Command::new("docker");
    command.envs(surroundings.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(arguments).env("DOCKER_HOST", format!("unix://{}", socket.display())).stdin(Stdio::null());
    let config = place.base().join("docker-config");
    if !config.exists() {
        fs::create_dir(&config).unwrap();
        std::os::unix::fs::symlink(tool("docker-plugins"), config.join("cli-plugins")).unwrap();
    }
    command.env("DOCKER_CONFIG", config);
    command
}

/// Where `cargo xtask test setup` has put a tool of the tests: below the build directory, of which this test's own is a part.
pub fn tool(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let mut places = test.ancestors().map(|directory| directory.join("tools").join(name));
    places.find(|place| place.is_dir()).unwrap_or_else(|| panic!("{name} is missing: cargo xtask test setup"))
}

/// Makes the image of the tests.
pub fn import_busybox(docker: impl FnOnce(&[&str]) -> String) {
    import(docker, BUSYBOX, "/usr/bin/inotifywait");
}

/// Makes an image of busybox and of a program of this computer's.
pub fn import(docker: impl FnOnce(&[&str]) -> String, name: &str, program: &str) {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(BUSYBOX_PROGRAM, bin.join("busybox")).expect("the package busybox-static is missing");
    for applet in APPLETS.split_whitespace() {
        std::os::unix::fs::symlink("busybox", bin.join(applet)).unwrap();
    }
    // Somebody besides root, and a directory that isn't at the root.
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\npostgres:x:70:70::/:/bin/sh\n").unwrap();
    fs::create_dir_all(dir.path().join("var/opt")).unwrap();
    let program = Path::new(program);
    for file in libraries(program).iter().map(PathBuf::as_path).chain([program]) {
        let inside = dir.path().join(file.strip_prefix("/").unwrap());
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(file, inside).unwrap_or_else(|error| panic!("{}: {error}: cargo xtask setup", file.display()));
    }
    let archive = dir.path().join("image.tar");
    let mut tar = Command::new("tar");
    let tar = tar.arg("-C").arg(dir.path()).arg("-cf").arg(&archive).arg("--exclude=./image.tar").arg(".");
    assert!(tar.status().unwrap().success());
    docker(&["import", path(&archive), name]);
}

/// The libraries that a program needs, its loader among them.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// Asks for something by HTTP, and reads the JSON of the answer.
pub fn get(socket: &Path, path: &str) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(DOCKER_LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
