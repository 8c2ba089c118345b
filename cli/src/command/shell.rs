//! `causeway machine shell`: a shell inside the machine, or another program there, on this terminal.

use causeway_api::Home;

use crate::args::MachineShell;
use crate::exit::Exit;

#[cfg(unix)]
pub use unix::run;

/// Machines with a shell of their own run on other systems alone.
#[cfg(not(unix))]
pub async fn run(_: &causeway_api::Client, _: &Home, _: MachineShell) -> anyhow::Result<Exit> {
    Err(crate::exit::Usage("This machine has no shell of its own.".to_owned()).into())
}

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, Mutex, PoisonError};

    use anyhow::{Context, bail};
    use causeway_api::shell::{DATA_BYTES_MAX, FromShell, ShellEnded, ShellSize, ShellStart, ShellTerminal, ToShell};
    use causeway_api::{Client, MachineKind, Nothing};
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
    use tokio::signal::unix::{SignalKind, signal};

    use super::{Exit, Home, MachineShell};
    use crate::exit::Usage;

    /// What a shell adds to the number of the signal that ended a program.
    const SIGNALLED: u8 = 128;

    /// Where this command's words go. Shared by what reads input and what notices a new size.
    type Writer = Arc<Mutex<UnixStream>>;

    /// Runs it, with a terminal where this command has one on both sides.
    pub async fn run(client: &Client, home: &Home, shell: MachineShell) -> anyhow::Result<Exit> {
        if client.machine_status(&Nothing {}).await?.kind != MachineKind::Vm {
            return Err(Usage("The machine is no VM: your own shell is in it already.".to_owned()).into());
        }
        let socket = home.shell_socket();
        let stream = UnixStream::connect(&socket).with_context(|| format!("{} can't be reached", socket.display()))?;
        let writer = Arc::new(Mutex::new(stream.try_clone()?));
        let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let terminal = if terminal { Some(ShellTerminal { kind: terminal_kind(), size: size()? }) } else { None };
        let raw = terminal.is_some().then(Raw::enter).transpose()?;
        say(&writer, &ToShell::Start(ShellStart { words: shell.words, terminal }))?;
        let theirs = Arc::clone(&writer);
        // It may wait for a key for ever: nobody waits for it.
        std::thread::spawn(move || read_input(&theirs));
        let mut ends = tokio::task::spawn_blocking(move || show(stream));
        let mut resized = signal(SignalKind::window_change())?;
        let ended = loop {
            tokio::select! {
                ended = &mut ends => break ended.context("the terminal broke")?,
                _ = resized.recv(), if raw.is_some() => say(&writer, &ToShell::Resized(size()?))?,
            }
        };
        drop(raw);
        Ok(Exit::As(match ended? {
            ShellEnded::Code(code) => code,
            ShellEnded::Signal(number) => SIGNALLED.saturating_add(number),
        }))
    }

    fn say(writer: &Writer, said: &ToShell) -> io::Result<()> {
        said.write(&mut *writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn terminal_kind() -> String {
        std::env::var("TERM").ok().filter(|kind| kind.len() <= 64).unwrap_or_else(|| "vt100".to_owned())
    }

    fn size() -> io::Result<ShellSize> {
        let size = tcgetwinsize(io::stdout())?;
        Ok(ShellSize { columns: size.ws_col, rows: size.ws_row })
    }

    fn read_input(writer: &Writer) {
        let mut buffer = vec![0; DATA_BYTES_MAX];
        // The engine may be gone: what shows output notices as well.
        loop {
            match io::stdin().read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return drop(say(writer, &ToShell::InputEnds)),
                Ok(count) => {
                    if say(writer, &ToShell::Input(buffer[..count].to_vec())).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Shows what the program writes, until it has ended.
    fn show(mut stream: UnixStream) -> anyhow::Result<ShellEnded> {
        let (mut output, mut errors) = (io::stdout(), io::stderr());
        loop {
            match FromShell::read(&mut stream)? {
                Some(FromShell::Output(bytes)) => output.write_all(&bytes).and_then(|()| output.flush())?,
                Some(FromShell::Errors(bytes)) => errors.write_all(&bytes)?,
                Some(FromShell::Ended(ended)) => return Ok(ended),
                Some(FromShell::Refused(error)) => return Err(causeway_api::CallError::Api(error).into()),
                None => bail!("the engine has ended the connection"),
            }
        }
    }

    /// The terminal, which hands on every key as it is. Dropping it sets it back.
    struct Raw(Termios);

    impl Raw {
        fn enter() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
            Ok(Self(before))
        }
    }

    impl Drop for Raw {
        fn drop(&mut self) {
            // The terminal may be gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        }
    }
}
