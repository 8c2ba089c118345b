//! The machine as a VM: its start, the way into it, and a container's work on a share.

mod device;

use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_e2e::Share;
use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::vm::Vm;

pub use self::device::beside_the_device;
use super::docker::ask;
use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::ms_since;
use crate::trees::Tree;

/// Requests on one connection.
const PINGS: u32 = 200;
/// What is sent through Docker's standard input.
const SENT_BYTES: usize = 64 << 20;

/// How long the tree may take to reach the guest, emulated.
const SHARE_LIMIT: Duration = Duration::from_secs(1_800);

/// From the command until the agent answers, and until Docker does.
pub fn boot(ground: &Ground) -> Result<Vec<Figure>> {
    let vm = Vm::at_full_speed();
    let (mut to_agent, mut to_docker) = (Vec::new(), Vec::new());
    for _ in 0..ground.repeats {
        vm.place.ok(&["machine", "stop"]);
        let begun = Instant::now();
        vm.start();
        to_agent.push(ms_since(begun));
        vm.docker_ok(&["version"]);
        to_docker.push(ms_since(begun));
    }
    Ok(vec![
        Figure::new("start until the agent answers", Unit::Ms, to_agent),
        Figure::new("start until Docker answers", Unit::Ms, to_docker),
    ])
}

/// Docker's API as a client sees it.
pub fn channel(ground: &Ground) -> Result<Vec<Figure>> {
    let vm = Vm::at_full_speed();
    vm.start();
    vm.import_busybox();
    let (mut kept, mut new) = (Vec::new(), Vec::new());
    let mut connection = BufReader::new(UnixStream::connect(vm.docker_socket())?);
    for _ in 0..PINGS {
        let begun = Instant::now();
        ask(&mut connection, "/_ping")?;
        kept.push(ms_since(begun));
        let begun = Instant::now();
        ask(&mut BufReader::new(UnixStream::connect(vm.docker_socket())?), "/_ping")?;
        new.push(ms_since(begun));
    }
    let content = vec![7; SENT_BYTES];
    let mut sent = Vec::new();
    for _ in 0..ground.repeats {
        let begun = Instant::now();
        let ran = vm.docker_with_input(&["run", "--rm", "-i", "--network", "host", BUSYBOX, "wc", "-c"], &content);
        ensure!(ran.out.trim() == SENT_BYTES.to_string(), "{ran:?}");
        sent.push(ms_since(begun));
    }
    Ok(vec![
        Figure::new("a request on an open connection", Unit::Ms, kept),
        Figure::new("a request on a new connection", Unit::Ms, new),
        Figure::new("64 MiB into a new container", Unit::Ms, sent),
    ])
}

/// A tree read on a share, beside the same tree on the guest's own ext4.
pub fn container(ground: &Ground) -> Result<Vec<Figure>> {
    let vm = Vm::at_full_speed();
    vm.start();
    vm.import_busybox();
    let host = vm.place.folder("bench");
    Tree::make(&host.join("tree"), ground.entries, 1)?;
    let created = vm.place.run_for(&["share".as_ref(), "create".as_ref(), host.as_os_str()], SHARE_LIMIT);
    ensure!(created.code == 0, "{created:?}");
    let share = Share::new(&vm.place, "bench");
    vm.in_container(&share, "true");
    let mounted = format!("{}:/share", share.host.display());
    let run = |command: &str| {
        let words =
            ["run", "--rm", "--network", "host", "-v", &mounted, "-v", "own:/own", BUSYBOX, "sh", "-c", command];
        vm.docker_ok(&words)
    };
    run(
        "cat /share/tree/* >/dev/null 2>&1; mkdir /own/tree; find /share/tree -type f | tail -1; cp -a /share/tree /own/",
    );
    let mut figures = Vec::new();
    for (what, command) in [("find", "find . | wc -l"), ("cat of all files", "find . -type f -exec cat {} + | wc -c")] {
        let (mut on_share, mut own) = (Vec::new(), Vec::new());
        for _ in 0..ground.repeats {
            for (directory, values) in [("/share/tree", &mut on_share), ("/own/tree", &mut own)] {
                values.push(timed(&run(&script(directory, command)))?);
            }
        }
        let own = Figure::new("the guest's own ext4", Unit::Ms, own);
        figures.push(Figure::new(format!("{what} in a container"), Unit::Ms, on_share).against(&own, Some(1.1)));
    }
    Ok(figures)
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
