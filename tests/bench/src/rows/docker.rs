//! Docker's API through the proxy, beside Docker's own socket; and through a relay, which shows what any process costs that stands between.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use causeway_e2e::dockerd::{BUSYBOX, docker};
use causeway_e2e::{Docked, HasDocker};

use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::ms_since;

/// Requests of each kind, one after the other.
const REQUESTS: u32 = 2_000;
/// Requests of clients at once, each on a connection of its own.
const CLIENTS: u32 = 8;
const REQUESTS_OF_EACH: u32 = 2_000;
/// What `docker cp` copies.
const COPIED_BYTES: u64 = 1_000_000_000;

const PING: &str = "/_ping";
/// Its answer names paths, and is rewritten.
const INSPECT: &str = "/containers/c1/json";

/// Asks for something on an open connection, and reads the answer.
pub fn ask(connection: &mut BufReader<UnixStream>, path: &str) -> Result<()> {
    connection.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").as_bytes())?;
    let (mut line, mut length) = (String::new(), Some(0));
    while line != "\r\n" {
        line.clear();
        ensure!(connection.read_line(&mut line)? > 0, "the connection was closed");
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = Some(value.trim().parse()?);
        }
        if lower.starts_with("transfer-encoding: chunked") {
            length = None;
        }
    }
    match length {
        Some(length) => connection.read_exact(&mut vec![0; length])?,
        None => while read_chunk(connection)? > 0 {},
    }
    Ok(())
}

fn read_chunk(connection: &mut BufReader<UnixStream>) -> Result<usize> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let length = usize::from_str_radix(line.trim(), 16).with_context(|| format!("no chunk: {line}"))?;
    connection.read_exact(&mut vec![0; length + 2])?;
    Ok(length)
}

/// The ways to Docker.
struct Ways {
    docked: Docked,
    relay: PathBuf,
}

/// Requests and copies, each in turn through the proxy and without it.
pub fn proxy(ground: &Ground) -> Result<Vec<Figure>> {
    let docked = Docked::new();
    let relay = docked.place.base().join("relay.sock");
    listen(UnixListener::bind(&relay)?, docked.dockerd.socket());
    let ways = Ways { docked, relay };
    let docked = &ways.docked;
    let folder = docked.place.folder("bench");
    docked.place.share(&folder, &[]);
    let bind = format!("{}:/app", folder.display());
    docked.docker_ok(&["run", "-d", "--name", "c1", "--network", "none", "-v", &bind, BUSYBOX, "sleep", "100000"]);
    let mut figures = ways.measure("a request on an open connection", 1, |socket| one_by_one(socket, PING))?;
    figures.extend(ways.measure("one whose answer is rewritten (inspect)", 1, |socket| one_by_one(socket, INSPECT))?);
    figures.extend(ways.measure("a request on a new connection", 1, each_anew)?);
    let what = format!("{} requests by {CLIENTS} clients", CLIENTS * REQUESTS_OF_EACH);
    figures.extend(ways.measure(&what, ground.repeats, |socket| Ok(vec![at_once(socket)?]))?);

    // Beside the share, which would be busy with it.
    let copies = docked.place.folder("copies");
    let (file, out) = (copies.join("large"), copies.join("out"));
    make(&file)?;
    let (from, out) = (file.to_string_lossy(), out.to_string_lossy());
    for (what, words) in [
        ("docker cp of 1 GB into a container", ["cp", &from, "c1:/large"]),
        ("docker cp of 1 GB out of a container", ["cp", "c1:/large", &out]),
    ] {
        figures.extend(ways.measure(what, ground.repeats, |socket| Ok(vec![copied(docked, socket, &words)?]))?);
    }
    docked.docker_ok(&["rm", "-f", "c1"]);
    Ok(figures)
}

impl Ways {
    /// Measures by each way in turn.
    fn measure(&self, what: &str, repeats: u32, measure: impl Fn(&Path) -> Result<Vec<f64>>) -> Result<Vec<Figure>> {
        let sockets = [self.docked.socket(), self.relay.clone(), self.docked.dockerd.socket()];
        let mut values = <[Vec<f64>; 3]>::default();
        for _ in 0..repeats {
            for (socket, values) in sockets.iter().zip(&mut values) {
                values.extend(measure(socket)?);
            }
        }
        let [through, relayed, direct] = values;
        let direct = Figure::new("Docker's own socket", Unit::Ms, direct);
        let relayed = Figure::new(format!("{what}, by a bare relay"), Unit::Ms, relayed);
        Ok(vec![Figure::new(what, Unit::Ms, through).against(&direct, None), relayed.against(&direct, None)])
    }
}

/// Relays whatever connects, by two threads each, until the process ends.
fn listen(listener: UnixListener, to: PathBuf) {
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok((client, docker)) = client.and_then(|client| Ok((client, UnixStream::connect(&to)?))) else {
                return;
            };
            for (from, to) in [(client.try_clone(), docker.try_clone()), (Ok(docker), Ok(client))] {
                std::thread::spawn(move || relay(from?, to?));
            }
        }
    });
}

fn relay(mut from: UnixStream, mut to: UnixStream) -> io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        match from.read(&mut piece)? {
            0 => return to.shutdown(Shutdown::Write),
            bytes => to.write_all(&piece[..bytes])?,
        }
    }
}

fn one_by_one(socket: &Path, path: &str) -> Result<Vec<f64>> {
    let mut connection = BufReader::new(UnixStream::connect(socket)?);
    let request = |_| {
        let begun = Instant::now();
        ask(&mut connection, path).map(|()| ms_since(begun))
    };
    (0..REQUESTS).map(request).collect()
}

fn each_anew(socket: &Path) -> Result<Vec<f64>> {
    let request = |_| {
        let begun = Instant::now();
        ask(&mut BufReader::new(UnixStream::connect(socket)?), PING).map(|()| ms_since(begun))
    };
    (0..REQUESTS).map(request).collect()
}

fn at_once(socket: &Path) -> Result<f64> {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let client = || -> Result<()> {
            let mut connection = BufReader::new(UnixStream::connect(socket)?);
            (0..REQUESTS_OF_EACH).try_for_each(|_| ask(&mut connection, PING))
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client doesn't panic"))
    })?;
    Ok(ms_since(begun))
}

fn make(file: &Path) -> Result<()> {
    let size = format!("of={}", file.display());
    let count = format!("count={}", COPIED_BYTES / 1_000_000);
    let made = Command::new("dd").args(["if=/dev/urandom", &size, "bs=1000000", &count, "status=none"]).status()?;
    ensure!(made.success(), "dd failed");
    Ok(())
}

fn copied(docked: &Docked, socket: &Path, words: &[&str]) -> Result<f64> {
    let begun = Instant::now();
    let output = docker(&docked.place, socket, words).output()?;
    ensure!(output.status.success(), "docker {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(ms_since(begun))
}
