//! A tree read in a container: on a share, on the guest's own ext4, and by virtiofs where there is a daemon for it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, ensure};
use causeway_e2e::place::finish;
use causeway_e2e::{HasDocker, Vm};

use super::virtiofs::Virtiofs;
use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::rows::checkout::first_commit;
use crate::trees::Tree;

/// How long the tree may take to reach the guest, emulated.
const SHARE_LIMIT: Duration = Duration::from_secs(1_800);
/// How long all turns of a command may take, emulated.
const COMMANDS_LIMIT: Duration = Duration::from_secs(3_600);
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
        let ran = finish(vm.docker(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?, COMMANDS_LIMIT);
        ensure!(ran.code == 0, "{ran:?}");
        Ok(ran.out)
    };
    run("cp -a /share/tree /own/")?;
    let mut figures = Vec::new();
    for (what, command) in COMMANDS {
        let printed = run(&script(&places, command, ground.repeats))?;
        let mut values = places.iter().map(|place| timed(&printed, place)).collect::<Result<Vec<_>>>()?.into_iter();
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

/// Runs a command at each of the places: once for what is to be cached, then in turn, there and back. One container for all of it,
/// so that the work of starting one falls into none of the times. Each is a line: the place, and two looks at the clock that counts
/// hundredths of seconds since the boot.
fn script(places: &[&str], command: &str, repeats: u32) -> String {
    let (there, back) = (places.join(" "), places.iter().rev().copied().collect::<Vec<_>>().join(" "));
    let turns: Vec<&str> = [there.as_str(), &back].into_iter().cycle().take(repeats as usize).collect();
    let turns = turns.join(" ");
    format!(
        "for place in {there}; do cd $place; {command} >/dev/null; done; for place in {turns}; do cd $place; \
         read from _ </proc/uptime; {command} >/dev/null; read to _ </proc/uptime; echo $place $from $to; done"
    )
}

/// What it took at a place, in milliseconds.
fn timed(printed: &str, place: &str) -> Result<Vec<f64>> {
    let lines = printed.lines().filter_map(|line| line.strip_prefix(place)?.trim().split_once(' '));
    let times = lines.map(|(from, to)| {
        let ms = (to.parse::<f64>()? - from.parse::<f64>()?) * 1000.0;
        ensure!(ms > 0.0, "too short to be measured: take more entries");
        Ok(ms)
    });
    times.collect()
}
