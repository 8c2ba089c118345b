//! What the tasks need of the machine: system packages, Rust targets, cargo tools, packages of npm and PyPI. Nothing is done where nothing is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{Workspace, must, shown, succeeds};
use crate::{cross, ui};

/// A package of Debian and Ubuntu, and the command that succeeds where it is there.
struct Package {
    name: &'static str,
    probe: &'static [&'static str],
}

/// What every build needs.
const TO_BUILD: &[Package] = &[Package { name: "build-essential", probe: &["cc", "--version"] }];

/// What the guest's image is made with.
const TO_MAKE_IMAGE: &[Package] = &[
    Package { name: "mmdebstrap", probe: &["mmdebstrap", "--version"] },
    Package {
        name: "debian-archive-keyring",
        probe: &["test", "-e", "/usr/share/keyrings/debian-archive-keyring.gpg"],
    },
    Package { name: "uidmap", probe: &["sh", "-c", "command -v newuidmap"] },
    Package { name: "erofs-utils", probe: &["sh", "-c", "command -v mkfs.erofs"] },
    // Ordinary users don't have its directory on their path.
    Package { name: "kmod", probe: &["test", "-x", "/usr/sbin/depmod"] },
    // The agent is static: SQLite is compiled against musl.
    Package { name: "musl-tools", probe: &["sh", "-c", "command -v musl-gcc"] },
];

/// What the VM runs by.
const TO_RUN_VM: &[Package] = &[Package { name: "qemu-system-x86", probe: &["qemu-system-x86_64", "--version"] }];

/// A probe for a library by pkg-config's name of it.
macro_rules! library {
    ($package:literal, $name:literal) => {
        Package { name: $package, probe: &["pkg-config", "--exists", $name] }
    };
}

/// What the app needs besides: the libraries of its window and its tray icon, and what its interface is built with.
const TO_BUILD_APP: &[Package] = &[
    Package { name: "pkg-config", probe: &["pkg-config", "--version"] },
    library!("libwebkit2gtk-4.1-dev", "webkit2gtk-4.1"),
    library!("libayatana-appindicator3-dev", "ayatana-appindicator3-0.1"),
    library!("librsvg2-dev", "librsvg-2.0"),
    Package { name: "npm", probe: &["npm", "--version"] },
];

/// What the tests of the app use besides: a display, a session bus, a driver for the window, a browser, and a font that is the same
/// everywhere.
const TO_TEST_APP: &[Package] = &[
    Package { name: "xvfb", probe: &["sh", "-c", "command -v Xvfb"] },
    Package { name: "dbus", probe: &["sh", "-c", "command -v dbus-run-session"] },
    Package { name: "webkit2gtk-driver", probe: &["sh", "-c", "command -v WebKitWebDriver"] },
    Package { name: "chromium", probe: &["sh", "-c", "command -v chromium"] },
    Package { name: "fonts-inter", probe: &["sh", "-c", "fc-list | grep -q Inter"] },
];

/// What the tests use besides: a repository, and the tools that watch folders.
const TO_TEST: &[Package] = &[
    // A static program for the containers of the tests, and the command that starts them.
    Package { name: "busybox-static", probe: &["test", "-x", "/bin/busybox"] },
    Package { name: "docker.io", probe: &["sh", "-c", "PATH=$PATH:/usr/sbin dockerd --version && docker --version"] },
    Package { name: "git", probe: &["git", "--version"] },
    Package { name: "inotify-tools", probe: &["sh", "-c", "command -v inotifywait"] },
    // For Debian's own Python, whatever `python3` is.
    Package { name: "python3-venv", probe: &["/usr/bin/python3", "-c", "import ensurepip"] },
    Package { name: "python3-watchdog", probe: &["/usr/bin/python3", "-c", "import watchdog"] },
];

/// Where the packages of npm are listed that the tests use, with their versions; and where they are installed below the build directory.
const NPM_SOURCE: &str = "tests/e2e/watchers";
const NPM_INSTALLED: &str = "tools/watchers";
const NPM_LOCK: &str = "package-lock.json";

/// Plugins of the docker command that the tests use, the Debian that has them all, and where they are put below the build directory.
/// Debian's older releases have other programs by these names.
const DOCKER_PLUGINS: [&str; 2] = ["docker-compose", "docker-buildx"];
const DOCKER_PLUGINS_SUITE: &str = "trixie";
const DOCKER_PLUGINS_INSTALLED: &str = "tools/docker-plugins";
const DOCKER_PLUGINS_IN_PACKAGE: &str = "usr/libexec/docker/cli-plugins";

/// docker-py, which tests the proxy by its own suite; where it is put below the build directory; and the last version whose source package
/// has the suite in it.
const DOCKER_PY_SOURCE: &str = "tests/e2e/docker-py/requirements.txt";
const DOCKER_PY_INSTALLED: &str = "tools/docker-py";
const DOCKER_PY_SUITE: &str = "7.0.0";

/// What the benchmarks compare with.
const TO_BENCH: &[Package] = &[
    Package { name: "busybox-static", probe: &["test", "-x", "/bin/busybox"] },
    Package { name: "docker.io", probe: &["docker", "--version"] },
    Package { name: "git", probe: &["git", "--version"] },
    Package { name: "rsync", probe: &["rsync", "--version"] },
    Package { name: "unison", probe: &["unison", "-version"] },
    Package { name: "lsyncd", probe: &["lsyncd", "--version"] },
];

/// A program that cargo installs.
struct Tool {
    name: &'static str,
    probe: Probe,
    /// For `cargo install`.
    options: &'static [&'static str],
    /// Whether its speed matters.
    is_fast: bool,
}

/// What succeeds with `--version` where a [`Tool`] is there.
enum Probe {
    Subcommand(&'static str),
    Program(&'static str),
}

/// Where the kernel has vsock for guests, the program for it isn't needed.
const VSOCK_DEVICE: &str = "/dev/vhost-vsock";
pub const VSOCK_PROGRAM: &str = "vhost-device-vsock";
const VSOCK: Tool =
    Tool { name: VSOCK_PROGRAM, probe: Probe::Program(VSOCK_PROGRAM), options: &["--version", "0.3.0"], is_fast: true };

const TOOLS: &[Tool] = &[
    VSOCK,
    Tool { name: "cargo-deny", probe: Probe::Subcommand("deny"), options: &[], is_fast: false },
    // Without its own way to update itself, which is half of what there is to compile.
    Tool {
        name: "cargo-nextest",
        probe: Probe::Subcommand("nextest"),
        options: &["--no-default-features", "--features", "default-no-update"],
        is_fast: false,
    },
    // Without an allocator and a way to report bugs of its own: less to compile.
    Tool {
        name: "watchexec-cli",
        probe: Probe::Program("watchexec"),
        options: &["--version", "2.3.2", "--no-default-features"],
        is_fast: false,
    },
];

/// Parts of the Rust toolchain that a minimal installation lacks.
const COMPONENTS: &[&str] = &["clippy", "rustfmt"];

/// For the tests.
pub fn everything(workspace: &Workspace) -> Result<()> {
    let to_build = TO_BUILD.iter().chain(TO_BUILD_APP).chain(TO_MAKE_IMAGE);
    packages(workspace, to_build.chain(TO_RUN_VM).chain(TO_TEST).chain(TO_TEST_APP))?;
    toolchain(workspace)?;
    tools(workspace, TOOLS)?;
    npm(workspace)?;
    docker_plugins(workspace)?;
    docker_py(workspace)?;
    ui::setup(workspace)?;
    println!("Everything that is needed is installed.");
    Ok(())
}

/// For a build alone.
pub fn to_build(workspace: &Workspace) -> Result<()> {
    packages(workspace, TO_BUILD)
}

/// For a machine that is a VM.
pub fn to_run_vm(workspace: &Workspace) -> Result<()> {
    packages(workspace, TO_RUN_VM)?;
    if !Path::new(VSOCK_DEVICE).exists() { tools(workspace, &[VSOCK]) } else { Ok(()) }
}

/// Where the program is that has vsock for guests, for packages; installed where it is missing.
pub fn vsock_program(workspace: &Workspace) -> Result<PathBuf> {
    tools(workspace, &[VSOCK])?;
    let found = workspace.command("sh").args(["-c", &format!("command -v {VSOCK_PROGRAM}")]).output()?;
    let path = String::from_utf8(found.stdout).context("it stands at an odd place")?;
    Ok(PathBuf::from(path.trim()))
}

/// For the guest's image.
pub fn for_image(workspace: &Workspace) -> Result<()> {
    packages(workspace, TO_BUILD.iter().chain(TO_MAKE_IMAGE))?;
    toolchain(workspace)
}

/// For a build of the app.
pub fn to_build_app(workspace: &Workspace) -> Result<()> {
    packages(workspace, TO_BUILD.iter().chain(TO_BUILD_APP))?;
    ui::setup(workspace)
}

/// For the benchmarks.
pub fn to_bench(workspace: &Workspace) -> Result<()> {
    packages(workspace, TO_BUILD.iter().chain(TO_BENCH))?;
    // The packages of the interface are what one row shares.
    to_build_app(workspace)?;
    to_run_vm(workspace)
}

fn packages<'a>(workspace: &Workspace, packages: impl IntoIterator<Item = &'a Package>) -> Result<()> {
    let is_there = |package: &Package| succeeds(workspace.command(package.probe[0]).args(&package.probe[1..]));
    let missing = packages.into_iter().filter(|package| !is_there(package)).map(|package| package.name);
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("sudo apt-get install --no-install-recommends {}", missing.join(" "));
    if !succeeds(workspace.command("apt-get").arg("--version")) {
        bail!("what these packages of Debian provide is missing; please install it: {}", missing.join(" "));
    }
    let Some(mut update) = as_root(workspace, &["apt-get", "update"]) else {
        bail!("packages are missing, and there is no right to install them; please run:\n    {by_hand}");
    };
    must(&mut update)?;
    let mut words =
        vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"];
    words.extend(&missing);
    let Some(mut install) = as_root(workspace, &words) else {
        bail!("the right to install packages is gone; please run:\n    {by_hand}");
    };
    must(&mut install)
}

/// `words` run as root, by sudo where that asks nothing; `None` without the right.
fn as_root(workspace: &Workspace, words: &[&str]) -> Option<Command> {
    let id = workspace.command("id").arg("-u").output().ok()?;
    let mut command = if id.stdout.trim_ascii() == b"0" {
        workspace.command(words[0])
    } else if succeeds(workspace.command("sudo").args(["-n", "true"])) {
        let mut command = workspace.command("sudo");
        command.args(["-n", words[0]]);
        command
    } else {
        return None;
    };
    command.args(&words[1..]);
    println!("--- {}", shown(&command));
    Some(command)
}

fn toolchain(workspace: &Workspace) -> Result<()> {
    if !succeeds(workspace.command("rustup").arg("--version")) {
        println!("There is no rustup: the toolchain is taken to have what is needed.");
        return Ok(());
    }
    add(workspace, "target", cross::TARGETS)?;
    add(workspace, "component", COMPONENTS)
}

/// `rustup <kind> add` for those of `names` that aren't installed. (An add that adds nothing still asks the network.)
fn add(workspace: &Workspace, kind: &str, names: &[&str]) -> Result<()> {
    let installed = workspace.command("rustup").args([kind, "list", "--installed"]).output()?;
    let installed = String::from_utf8_lossy(&installed.stdout).into_owned();
    // Components are listed with their target: `clippy-x86_64-unknown-linux-gnu`.
    let is_there = |name: &str| installed.lines().any(|line| line == name || line.starts_with(&format!("{name}-")));
    let missing: Vec<&str> = names.iter().copied().filter(|name| !is_there(name)).collect();
    if missing.is_empty() { Ok(()) } else { must(workspace.command("rustup").args([kind, "add"]).args(missing)) }
}

fn tools(workspace: &Workspace, tools: &[Tool]) -> Result<()> {
    for tool in tools {
        let is_there = match tool.probe {
            Probe::Subcommand(name) => succeeds(&mut workspace.cargo(&[name, "--version"])),
            Probe::Program(name) => succeeds(workspace.command(name).arg("--version")),
        };
        if is_there {
            continue;
        }
        let mut install = workspace.cargo(&["install", tool.name, "--locked"]);
        println!("--- {}", shown(install.args(tool.options)));
        // Most tools' speed matters little here and their build takes minutes: no optimisation, and one directory for what they share.
        install.env("CARGO_TARGET_DIR", workspace.target().join("tools"));
        let unhurried = [("OPT_LEVEL", "0"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0")];
        for (name, value) in unhurried.iter().filter(|_| !tool.is_fast) {
            install.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
        }
        must(&mut install)?;
    }
    Ok(())
}

/// Takes the plugins out of Debian's packages.
fn docker_plugins(workspace: &Workspace) -> Result<()> {
    let installed = workspace.target().join(DOCKER_PLUGINS_INSTALLED);
    if DOCKER_PLUGINS.iter().all(|plugin| installed.join(plugin).is_file()) {
        return Ok(());
    }
    let staged = installed.with_extension("new");
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    fs::create_dir_all(&staged)?;
    let archive = staged.join("debian.tar");
    let mut fetch = workspace.command("mmdebstrap");
    fetch.args(["--variant=extract", "--quiet", "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg"]);
    fetch.arg(format!("--include={}", DOCKER_PLUGINS.join(","))).arg(DOCKER_PLUGINS_SUITE).arg(&archive);
    println!("--- {}", shown(&fetch));
    must(&mut fetch)?;
    let mut unpack = workspace.command("tar");
    unpack.arg("-xf").arg(&archive).arg("-C").arg(&staged).arg("--strip-components=5");
    must(unpack.args(DOCKER_PLUGINS.map(|plugin| format!("./{DOCKER_PLUGINS_IN_PACKAGE}/{plugin}"))))?;
    fs::remove_file(&archive)?;
    if installed.exists() {
        fs::remove_dir_all(&installed)?;
    }
    fs::rename(&staged, &installed)?;
    Ok(())
}

/// Installs docker-py with its suite.
fn docker_py(workspace: &Workspace) -> Result<()> {
    let (source, installed) = (workspace.root().join(DOCKER_PY_SOURCE), workspace.target().join(DOCKER_PY_INSTALLED));
    let wanted = fs::read(&source)?;
    // Written last.
    let mark = installed.join("requirements.txt");
    if fs::read(&mark).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if installed.exists() {
        fs::remove_dir_all(&installed)?;
    }
    let run = |program: &Path, words: &[&str]| {
        let mut command = workspace.command(program);
        command.args(words).current_dir(installed.parent().unwrap_or(&installed));
        println!("--- {}", shown(&command));
        must(&mut command)
    };
    fs::create_dir_all(&installed)?;
    let (python, place) = (installed.join("bin/python"), installed.to_string_lossy());
    run(Path::new("/usr/bin/python3"), &["-m", "venv", &place])?;
    let pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"];
    run(&python, &[&pip[..], &["install", "--requirement", &source.to_string_lossy()]].concat())?;
    let suite = format!("docker=={DOCKER_PY_SUITE}");
    run(&python, &[&pip[..], &["download", "--no-binary", "docker", "--no-deps", "--dest", &place, &suite]].concat())?;
    let archive = format!("{place}/docker-{DOCKER_PY_SUITE}.tar.gz");
    fs::create_dir(installed.join("suite"))?;
    let into = installed.join("suite");
    let directory = format!("docker-{DOCKER_PY_SUITE}/tests");
    // Without the library beside it: the installed one is what is tested with.
    run(Path::new("tar"), &["-xf", &archive, "-C", &into.to_string_lossy(), "--strip-components=1", &directory])?;
    fs::copy(&source, &mark)?;
    Ok(())
}

/// Installs the packages of npm aside, so that what stands in place is whole.
fn npm(workspace: &Workspace) -> Result<()> {
    let (source, installed) = (workspace.root().join(NPM_SOURCE), workspace.target().join(NPM_INSTALLED));
    let lock = fs::read(source.join(NPM_LOCK))?;
    if fs::read(installed.join(NPM_LOCK)).is_ok_and(|found| found == lock) {
        return Ok(());
    }
    let staged = installed.with_extension("new");
    for old in [&installed, &staged] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    fs::create_dir_all(&staged)?;
    for name in ["package.json", NPM_LOCK] {
        fs::copy(source.join(name), staged.join(name))?;
    }
    let mut install = workspace.command("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&staged);
    println!("--- {}", shown(&install));
    must(&mut install)?;
    fs::rename(&staged, &installed)?;
    Ok(())
}
