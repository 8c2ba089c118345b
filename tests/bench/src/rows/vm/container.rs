//! A tree read in a container: on a share, on the guest's own ext4, and by virtiofs where there is a daemon for it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_e2e::place::finish;
use causeway_e2e::{HasDocker, Vm};

use super::virtiofs::Virtiofs;
use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::rows::checkout::first_commit;
use crate::trees::Tree;

/// How long the tree may take to reach the guest, emulated.
const SHARE_LIMIT: Duration = Duration::from_secs(1_800);
/// How long a command may take, emulated.
const COMMAND_LIMIT: Duration = Duration::from_secs(900);
/// The image: busybox and git.
const IMAGE: &str = "git:test";
const COMMANDS: [(&str, &str); 3] = [
    ("find", "find . | wc -l"),
    ("cat of all files", "find . -type f -exec cat {} + | wc -c"),
    // The files belong to whom they belong to on the host.
    ("git status", "git -c safe.directory=* status --porcelain"),
];

/// The same commands on each of them.
pub fn container(ground: &Ground) -> Result<Vec<Figure>> {
    let vm = Vm::at_full_speed();
    let host = vm.place.folder("bench");
    let tree = host.join("tree");
    Tree::make(&tree, ground.entries, 1)?;
    first_commit(&tree)?;
    let (vm, virtiofs) = Virtiofs::serve(vm, &host)?;
    vm.start();
    vm.import(IMAGE, "/usr/bin/git");
    share(&vm, &host)?;
    let mounted = format!("{}:/share", host.display());
    let mut mounts = vec!["-v", &mounted, "-v", "own:/own"];
    let mut places = vec!["/own/tree", "/share/tree"];
    if virtiofs.is_some() {
        vm.docker_ok(&Virtiofs::VOLUME);
        mounts.extend(["-v", "virtiofs:/virtiofs"]);
        places.push("/virtiofs/tree");
    }
    let run = |command: &str| {
        let words = [&["run", "--rm", "--network", "host"][..], &mounts, &[IMAGE, "sh", "-c", command]].concat();
        let ran = finish(vm.docker(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?, COMMAND_LIMIT);
        ensure!(ran.code == 0, "{ran:?}");
        Ok(ran.out)
    };
    run("cp -a /share/tree /own/")?;
    let mut figures = Vec::new();
    for (what, command) in COMMANDS {
        let mut values = vec![Vec::new(); places.len()];
        for _ in 0..ground.repeats {
            for (place, values) in places.iter().zip(&mut values) {
                values.push(timed(&run(&script(place, command))?)?);
            }
        }
        let mut values = values.into_iter();
        let own = Figure::new("the guest's own ext4", Unit::Ms, values.next().unwrap_or_default());
        for (way, values) in ["on a share", "by virtiofs"].into_iter().zip(values) {
            let goal = (way == "on a share").then_some(1.1);
            figures.push(Figure::new(format!("{what} in a container, {way}"), Unit::Ms, values).against(&own, goal));
        }
    }
    Ok(figures)
}

fn share(vm: &Vm, host: &Path) -> Result<()> {
    let created = vm.place.run_for(&["share".as_ref(), "create".as_ref(), host.as_os_str()], SHARE_LIMIT);
    ensure!(created.code == 0, "{created:?}");
    Ok(())
}

/// Runs a command twice, the second time between two looks at the clock that counts hundredths of seconds since the boot.
fn script(directory: &str, command: &str) -> String {
    format!("cd {directory}; {command} >/dev/null; cat /proc/uptime; {command} >/dev/null; cat /proc/uptime")
}

fn timed(printed: &str) -> Result<f64> {
    let times: Vec<f64> = printed.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    let [from, to] = times[..] else { anyhow::bail!("not two times: {printed}") };
    Some((to - from) * 1000.0).filter(|ms| *ms > 0.0).context("too short to be measured: take more entries")
}
