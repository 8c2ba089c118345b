//! What Causeway's channels into the VM cost, beside a bare connection through the same vsock device.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use std::{io, iter};

use anyhow::{Context, Result, ensure};
use causeway_e2e::vm::PERL;
use causeway_e2e::{HasDocker, Vm};

use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::ms_since;

/// Bytes that go each way.
const BYTES: usize = 64 << 20;
/// What the program in the guest writes at once.
const PIECE: usize = 64 * 1024;
/// As much as the agent writes at once; see `vm-agent/src/parcels.rs`.
const PARCEL: usize = 28 * 1024;
/// Round trips of one byte.
const TRIPS: u32 = 200;
/// A port that Causeway doesn't use.
const PORT: u32 = 2000;
const LIMIT: Duration = Duration::from_secs(120);

/// 64 MiB each way and round trips, over `causeway machine shell` and over the bare device.
pub fn beside_the_device(ground: &Ground) -> Result<Vec<Figure>> {
    let vm = Vm::at_full_speed();
    vm.start();
    vm.import_perl();
    let (mut bare, mut ours) = (<[Vec<f64>; 3]>::default(), <[Vec<f64>; 3]>::default());
    for _ in 0..ground.repeats {
        for (values, value) in iter::zip(&mut bare, by_the_device(&vm)?) {
            values.push(value);
        }
        for (values, value) in iter::zip(&mut ours, by_a_channel(&vm)?) {
            values.push(value);
        }
    }
    let whats = ["a round trip of one byte", "64 MiB into the guest", "64 MiB out of the guest"];
    Ok(iter::zip(whats, iter::zip(bare, ours))
        .map(|(what, (bare, ours))| {
            let bare = Figure::new("the bare device", Unit::Ms, bare);
            Figure::new(format!("{what}, by a channel"), Unit::Ms, ours).against(&bare, None)
        })
        .collect())
}

/// A program in the guest that answers each of the first bytes, takes so many, and gives as many.
fn by_the_device(vm: &Vm) -> Result<[f64; 3]> {
    let socket = vm.place.home().join(format!("run/vsock_{PORT}"));
    ensure!(socket.with_file_name("vsock").exists(), "the kernel's vsock has no socket for the bare device");
    let listener = UnixListener::bind(&socket)?;
    // AF_VSOCK and the address of the host (vsock(7)).
    let script = format!(
        r#"socket(S, 40, 1, 0); connect(S, pack("S S L L x4", 40, 0, {PORT}, 2)) or die "$!";
        for (1..{TRIPS}) {{ sysread(S, $b, 1); syswrite(S, $b) }}
        $n = 0; while ($n < {BYTES}) {{ $n += sysread(S, $b, 262144) || die }} syswrite(S, "x");
        $b = "y" x {PARCEL}; $n = {BYTES};
        while ($n > 0) {{ $n -= syswrite(S, $b, $n < {PARCEL} ? $n : {PARCEL}) || die }} sysread(S, $b, 1);"#
    );
    let words = ["run", "--rm", "--privileged", "--network", "host", PERL, "/usr/bin/perl", "-e", &script];
    let mut guest = Ended(vm.docker(&words).stdout(Stdio::null()).spawn()?);
    let (mut stream, _) = listener.accept()?;
    std::fs::remove_file(&socket)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let trip = trips(|| stream.write_all(&[1]).and_then(|()| stream.read_exact(&mut [0])))?;
    let begun = Instant::now();
    stream.write_all(&vec![7; BYTES])?;
    stream.read_exact(&mut [0])?;
    let into = ms_since(begun);
    let begun = Instant::now();
    io::copy(&mut (&stream).take(BYTES as u64), &mut io::sink())?;
    let out = ms_since(begun);
    stream.write_all(&[1])?;
    guest.0.wait()?;
    Ok([trip, into, out])
}

/// The median of round trips, in milliseconds.
fn trips(mut trip: impl FnMut() -> io::Result<()>) -> Result<f64> {
    let measured = (0..TRIPS).map(|_| {
        let begun = Instant::now();
        trip().map(|()| ms_since(begun))
    });
    Ok(Figure::new("", Unit::Ms, measured.collect::<io::Result<_>>()?).median())
}

/// The same by programs that `causeway machine shell` runs. What their starts take is taken off.
fn by_a_channel(vm: &Vm) -> Result<[f64; 3]> {
    let start = |words: &[&str]| -> Result<Ended> {
        let mut command = vm.place.command(&[&["machine", "shell", "--"], words].concat());
        Ok(Ended(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?))
    };
    let mut echo = start(&["cat"])?;
    let (mut to, mut from) = echo.ends()?;
    let mut one = || to.write_all(&[1]).and_then(|()| from.read_exact(&mut [0]));
    one()?;
    let trip = trips(&mut one)?;

    // The first byte goes when the program runs. What takes and gives has to cost nothing itself: busybox's `head` counts byte by byte.
    let mut taker = start(&["sh", "-c", "echo; cat >/dev/null; echo"])?;
    let (mut to, mut from) = taker.ends()?;
    from.read_exact(&mut [0])?;
    let begun = Instant::now();
    to.write_all(&vec![7; BYTES])?;
    drop(to);
    from.read_exact(&mut [0])?;
    let into = ms_since(begun);

    let give = format!("echo; dd if=/dev/zero bs={PIECE} count={} 2>/dev/null", BYTES / PIECE);
    let mut giver = start(&["sh", "-c", &give])?;
    let (_to, mut from) = giver.ends()?;
    from.read_exact(&mut [0])?;
    let begun = Instant::now();
    let given = io::copy(&mut from, &mut io::sink())?;
    ensure!(given == BYTES as u64, "{given} bytes came");
    Ok([trip, into, ms_since(begun)])
}

/// A process that is ended with this.
struct Ended(Child);

impl Ended {
    fn ends(&mut self) -> Result<(std::process::ChildStdin, std::process::ChildStdout)> {
        let input = self.0.stdin.take().context("its input is a pipe")?;
        Ok((input, self.0.stdout.take().context("its output is a pipe")?))
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
