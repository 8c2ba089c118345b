//! The machine as a VM: its start, the way into it, and a container's work on a share.

mod container;
mod device;
mod virtiofs;

use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use anyhow::{Result, ensure};
use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::{HasDocker, Vm};

pub use self::container::container;
pub use self::device::beside_the_device;
use super::docker::ask;
use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::ms_since;

/// Requests on one connection.
const PINGS: u32 = 200;
/// What is sent through Docker's standard input.
const SENT_BYTES: usize = 64 << 20;

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
    let mut connection = BufReader::new(UnixStream::connect(vm.socket())?);
    for _ in 0..PINGS {
        let begun = Instant::now();
        ask(&mut connection, "/_ping")?;
        kept.push(ms_since(begun));
        let begun = Instant::now();
        ask(&mut BufReader::new(UnixStream::connect(vm.socket())?), "/_ping")?;
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
