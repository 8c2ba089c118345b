//! A shell for a person, or another program, in the machine's own system ([`causeway_wire::shell`]).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use causeway_wire::shell::{DATA_BYTES_MAX, Ended, FromShell, Size, Start, ToShell};
use causeway_wire::{FrameError, FrameReader, FrameWriter, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// What is started where nothing is named.
const SHELL: &[&str] = &["/bin/sh", "-l"];
/// Where a program begins: the agent's own environment isn't for it.
const ENVIRONMENT: &[(&str, &str)] =
    &[("HOME", "/root"), ("PATH", "/usr/sbin:/usr/bin"), ("DOCKER_HOST", "unix:///run/docker.sock")];
/// What a program creates is for root alone to write to, as usual; the agent's own mask is for shares.
const MASK: u32 = 0o022;
/// How long what a program has written may be on its way through a terminal after the program has ended.
const LATE_NS: i64 = 100_000_000;
/// How long a program may take to end after its connection is gone.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Where the agent's words go. Shared by the threads of one program.
type Writer = Arc<Mutex<FrameWriter<Box<dyn Stream>>>>;

/// Serves one program over its connection, to its end.
pub fn serve(connection: Box<dyn Stream>) -> Result<(), FrameError> {
    let mut reader = FrameReader::new(connection.try_clone()?);
    let writer: Writer = Arc::new(Mutex::new(FrameWriter::new(connection.try_clone()?)));
    let Some(ToShell::Start(start)) = reader.read()? else { return Ok(()) };
    let running = match Running::start(&start) {
        Ok(running) => running,
        Err(error) => {
            let word = start.words.first().map_or(SHELL[0], String::as_str);
            let reason: String = format!("{word} can't be started: {error}").chars().take(200).collect();
            return lock(&writer).send(&FromShell::Refused(reason));
        }
    };
    let ended = running.attend(reader, &writer);
    let sent = lock(&writer).send(&FromShell::Ended(ended?));
    // Wakes whoever reads what the person says.
    let _ = connection.shutdown();
    sent
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes what the agent says of some output.
type Kind = fn(Vec<u8>) -> FromShell;

/// A program that runs.
struct Running {
    child: Child,
    input: Input,
    outputs: Vec<(File, Kind)>,
}

/// Where input goes.
enum Input {
    Terminal(File),
    Pipe(Option<File>),
}

impl Running {
    fn start(start: &Start) -> io::Result<Self> {
        let default = || SHELL.iter().map(|word| (*word).to_owned()).collect();
        let words: Vec<String> = if start.words.is_empty() { default() } else { start.words.clone() };
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().envs(ENVIRONMENT.iter().copied()).current_dir("/");
        match &start.terminal {
            Some(terminal) => Self::on_terminal(command.env("TERM", &terminal.kind), terminal.size),
            None => Self::on_pipes(&mut command),
        }
    }

    fn on_terminal(command: &mut Command, size: Size) -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        resize(&ours, size)?;
        let name = ptsname(&ours, Vec::new())?.into_string().map_err(io::Error::other)?;
        // The agent leads a session itself, and mustn't get the terminal: it would end with it.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = File::from(rustix::fs::open(name, flags, Mode::empty())?);
        command.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs);
        let child = spawn(command, true)?;
        let ours = File::from(ours);
        Ok(Self { child, input: Input::Terminal(ours.try_clone()?), outputs: vec![(ours, FromShell::Output)] })
    }

    fn on_pipes(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command, false)?;
        let missing = || io::Error::other("there is no pipe");
        let input = child.stdin.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        let output = File::from(OwnedFd::from(child.stdout.take().ok_or_else(missing)?));
        let errors = File::from(OwnedFd::from(child.stderr.take().ok_or_else(missing)?));
        Ok(Self {
            child,
            input: Input::Pipe(input),
            outputs: vec![(output, FromShell::Output as Kind), (errors, FromShell::Errors)],
        })
    }

    /// Carries everything both ways until the program has ended, and gives how.
    fn attend(self, reader: FrameReader<Box<dyn Stream>>, writer: &Writer) -> io::Result<Ended> {
        let Self { mut child, input, outputs } = self;
        let pid = Pid::from_child(&child);
        let alive = Arc::new(Mutex::new(true));
        let (noticed, notices) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let (noticed, theirs) = (Arc::new(noticed), Arc::clone(&alive));
        thread(move || take_input(reader, input, pid, &theirs))?;
        let mut pumps: Vec<JoinHandle<()>> = Vec::new();
        for (from, kind) in outputs {
            let (writer, noticed) = (Arc::clone(writer), Arc::clone(&noticed));
            pumps.push(thread(move || pump(from, kind, &noticed, &writer))?);
        }
        // Without taking it in: until then nobody else gets its number.
        let _ = rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        *lock(&alive) = false;
        let status = child.wait();
        drop(notices);
        for pump in pumps {
            let _ = pump.join();
        }
        status.map(ended)
    }
}

fn thread(run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("shell".to_owned()).spawn(run)
}

/// Starts it in a session of its own, so that all of it can be ended at once; with the terminal as its controlling one.
fn spawn(command: &mut Command, on_terminal: bool) -> io::Result<Child> {
    let prepare = move || {
        rustix::process::setsid()?;
        rustix::process::umask(Mode::from_raw_mode(MASK as rustix::fs::RawMode));
        if on_terminal {
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made, and nothing is allocated: an error of this kind is a number.
    unsafe { command.pre_exec(prepare) };
    command.spawn()
}

fn resize(terminal: impl AsFd, size: Size) -> io::Result<()> {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(terminal, size)?)
}

/// Hands on what the person says, until the connection ends; then the program is ended.
fn take_input(mut reader: FrameReader<Box<dyn Stream>>, mut input: Input, pid: Pid, alive: &Mutex<bool>) {
    // What goes against the protocol ends the connection, and so the program.
    while let Ok(Some(said)) = reader.read::<ToShell>() {
        match (said, &mut input) {
            (ToShell::Left, _) => break,
            // A program that takes no more may go on all the same.
            (ToShell::Input(bytes), Input::Terminal(to) | Input::Pipe(Some(to))) => drop(to.write_all(&bytes)),
            (ToShell::InputEnds, Input::Pipe(to)) => *to = None,
            (ToShell::Resized(size), Input::Terminal(terminal)) => drop(resize(terminal, size)),
            _ => {}
        }
    }
    for (signal, wait) in [(Signal::HUP, END_LIMIT), (Signal::KILL, Duration::ZERO)] {
        if !signal_group(pid, signal, alive) {
            return;
        }
        std::thread::sleep(wait);
    }
}

/// Signals everything in the program's group, if that hasn't ended.
fn signal_group(pid: Pid, signal: Signal, alive: &Mutex<bool>) -> bool {
    let alive = lock(alive);
    if *alive {
        // All of it may be ending right now.
        let _ = rustix::process::kill_process_group(pid, signal);
    }
    *alive
}

/// Carries what the program writes, until it writes no more: something that it has left behind may hold the other end for ever.
fn pump(mut from: File, kind: Kind, noticed: &OwnedFd, writer: &Writer) {
    let mut buffer = vec![0; DATA_BYTES_MAX];
    loop {
        if !comes(&from, noticed) {
            return;
        }
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                // Whoever listened may be gone: the program's output is thrown away until it has ended.
                let _ = lock(writer).send(&kind(buffer[..count].to_vec()));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A terminal says so when its last program is gone (EIO).
            Err(_) => return,
        }
    }
}

/// Waits until there is something to read. False when the program has ended and nothing came for a moment.
fn comes(from: &File, noticed: &OwnedFd) -> bool {
    let late = Timespec { tv_sec: 0, tv_nsec: LATE_NS };
    let mut polled = [PollFd::new(from, PollFlags::IN), PollFd::new(noticed, PollFlags::IN)];
    loop {
        match poll(&mut polled, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return false,
            Ok(_) if !polled[0].revents().is_empty() => return true,
            Ok(_) => break,
        }
    }
    poll(&mut polled[..1], Some(&late)).is_ok_and(|ready| ready > 0)
}

fn ended(status: ExitStatus) -> Ended {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(byte(code)),
        (None, signal) => Ended::Signal(byte(signal.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use causeway_wire::shell::Terminal;

    use super::*;

    struct Shell {
        reader: FrameReader<UnixStream>,
        writer: FrameWriter<UnixStream>,
        served: JoinHandle<Result<(), FrameError>>,
    }

    impl Shell {
        fn start(words: &[&str], terminal: Option<Terminal>) -> Self {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let served = std::thread::spawn(move || serve(Box::new(theirs)));
            let mut shell =
                Self { reader: FrameReader::new(ours.try_clone().unwrap()), writer: FrameWriter::new(ours), served };
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            shell.say(&ToShell::Start(Start { words, terminal }));
            shell
        }

        fn say(&mut self, said: &ToShell) {
            self.writer.send(said).unwrap();
        }

        /// Its output, its errors, and how it ended.
        fn until_end(mut self) -> (String, String, FromShell) {
            let (mut output, mut errors) = (Vec::new(), Vec::new());
            let last = loop {
                match self.reader.read().unwrap().unwrap() {
                    FromShell::Output(bytes) => output.extend(bytes),
                    FromShell::Errors(bytes) => errors.extend(bytes),
                    last => break last,
                }
            };
            self.served.join().unwrap().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (text(output), text(errors), last)
        }
    }

    fn terminal() -> Option<Terminal> {
        Some(Terminal { kind: "xterm".into(), size: Size { columns: 97, rows: 31 } })
    }

    #[test]
    fn input_output_errors_and_the_end_are_carried() {
        let mut shell = Shell::start(&["/bin/sh", "-c", "cat; echo wrong >&2; exit 7"], None);
        shell.say(&ToShell::Input(b"one ".to_vec()));
        shell.say(&ToShell::Input(b"two".to_vec()));
        shell.say(&ToShell::InputEnds);
        let ended = FromShell::Ended(Ended::Code(7));
        assert_eq!(shell.until_end(), ("one two".to_owned(), "wrong\n".to_owned(), ended));

        let killed = Shell::start(&["/bin/sh", "-c", "kill -9 $$"], None);
        assert_eq!(killed.until_end().2, FromShell::Ended(Ended::Signal(9)));
        let refused = Shell::start(&["/nonexistent/program"], None);
        assert!(matches!(refused.until_end().2, FromShell::Refused(why) if why.contains("/nonexistent/program")));
    }

    #[test]
    fn what_it_leaves_behind_keeps_nobody_waiting() {
        let shell = Shell::start(&["/bin/sh", "-c", "sleep 60 & echo $!"], None);
        let (output, _, last) = shell.until_end();
        assert_eq!(last, FromShell::Ended(Ended::Code(0)));
        let left = Pid::from_raw(output.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(left, Signal::KILL).unwrap();
    }

    #[test]
    fn a_terminal_has_a_size_which_changes() {
        let mut shell = Shell::start(&["/bin/sh", "-c", "stty size; read line; stty size; tty"], terminal());
        let mut first = Vec::new();
        while !first.ends_with(b"31 97\r\n") {
            let Some(FromShell::Output(bytes)) = shell.reader.read().unwrap() else { panic!() };
            first.extend(bytes);
        }
        shell.say(&ToShell::Resized(Size { columns: 40, rows: 10 }));
        shell.say(&ToShell::Input(b"go\n".to_vec()));
        let (output, _, last) = shell.until_end();
        assert!(output.contains("10 40") && output.contains("/dev/pts/"), "{output}");
        assert_eq!(last, FromShell::Ended(Ended::Code(0)));
    }

    #[test]
    fn a_program_ends_with_its_connection() {
        for terminal in [None, terminal()] {
            let mut shell = Shell::start(&["/bin/sh", "-c", "echo $$; exec sleep 60"], terminal);
            let Some(FromShell::Output(bytes)) = shell.reader.read().unwrap() else { panic!() };
            let pid: i32 = String::from_utf8(bytes).unwrap().trim().parse().unwrap();
            drop((shell.reader, shell.writer));
            // The end can't be told any more.
            let _ = shell.served.join().unwrap();
            assert!(rustix::process::test_kill_process(Pid::from_raw(pid).unwrap()).is_err());
        }
    }
}
