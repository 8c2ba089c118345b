//! A shell inside the VM, on the host: a Unix socket for the `causeway` command, whose connections are carried to programs in the guest.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use causeway_api::shell::{FromShell, ShellEnded, ShellSize, ShellStart, ToShell};
use causeway_api::{ApiError, ErrorCode, Remedy};
use causeway_wire::channel::Target;
use causeway_wire::shell as wire;
use causeway_wire::{FrameReader, FrameWriter, Stream};

use super::channels::{ChannelError, Channels};
use crate::remote::Listener;

/// How long a person waits for a machine that is on its way up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a client may take to say what it wants.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Listens at `path`. Dropping what is returned ends that; programs that run go on.
pub fn listen(path: &Path, channels: Channels) -> io::Result<Listener> {
    Listener::bind_for(path, move |client| {
        let channels = channels.clone();
        let serve = move || {
            if let Err(error) = serve(client, &channels) {
                tracing::debug!(%error, "a shell's client left early");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("shell".to_owned()).spawn(serve) {
            tracing::warn!(%error, "a shell can't be served");
        }
    })
}

fn serve(mut client: UnixStream, channels: &Channels) -> io::Result<()> {
    client.set_read_timeout(Some(REQUEST_LIMIT))?;
    let Some(ToShell::Start(start)) = ToShell::read(&mut client)? else { return Ok(()) };
    client.set_read_timeout(None)?;
    // Counted as open until its program has ended.
    let (connection, _counted) = match channels.reach(Target::Shell, PATIENCE) {
        Ok(reached) => reached,
        Err(error) => return FromShell::Refused(refusal(&error)).write(&mut client),
    };
    let (inward, client_again) = (connection.try_clone()?, client.try_clone()?);
    std::thread::Builder::new().name("shell".to_owned()).spawn(move || carry_in(client_again, start, inward))?;
    let carried = carry_out(connection.try_clone()?, &mut client);
    let _ = connection.shutdown();
    let _ = client.shutdown(std::net::Shutdown::Both);
    carried
}

fn refusal(error: &ChannelError) -> ApiError {
    let refused = ApiError::new(ErrorCode::MachineUnavailable, format!("There is no shell: {error}."));
    match error {
        ChannelError::NoMachine => refused.with_remedy(Remedy::command("Start it.", "causeway machine start")),
        _ => refused,
    }
}

/// What the client says, into the guest. When the client leaves, the program is ended.
fn carry_in(mut client: UnixStream, start: ShellStart, connection: Box<dyn Stream>) {
    let Ok(out) = connection.try_clone() else { return };
    let mut out = FrameWriter::new(out);
    let mut next = Some(ToShell::Start(start));
    while let Some(said) = next {
        if out.send(&to_wire(said)).is_err() {
            break;
        }
        next = ToShell::read(&mut client).ok().flatten();
    }
    // The connection stays: what the program says until its end has to be taken.
    if out.send(&wire::ToShell::Left).is_err() {
        let _ = connection.shutdown();
    }
}

/// What the program says, to the client while there is one, until it has ended.
fn carry_out(connection: Box<dyn Stream>, client: &mut UnixStream) -> io::Result<()> {
    let mut reader = FrameReader::new(connection);
    let mut written = Ok(());
    loop {
        let said = reader.read::<wire::FromShell>().map_err(|error| error.to_string());
        let said = match said.and_then(|said| said.ok_or_else(|| "the machine has ended it".to_owned())) {
            Ok(said) => from_wire(said),
            Err(why) => {
                let error = ApiError::new(ErrorCode::MachineUnavailable, format!("The shell was cut off: {why}."));
                FromShell::Refused(error)
            }
        };
        if written.is_ok() {
            written = said.write(client);
        }
        if matches!(said, FromShell::Ended(_) | FromShell::Refused(_)) {
            return written;
        }
    }
}

fn to_wire(said: ToShell) -> wire::ToShell {
    let size = |ShellSize { columns, rows }| wire::Size { columns, rows };
    match said {
        ToShell::Start(ShellStart { words, terminal }) => {
            let terminal = terminal.map(|shown| wire::Terminal { kind: shown.kind, size: size(shown.size) });
            wire::ToShell::Start(wire::Start { words, terminal })
        }
        ToShell::Input(bytes) => wire::ToShell::Input(bytes),
        ToShell::InputEnds => wire::ToShell::InputEnds,
        ToShell::Resized(shown) => wire::ToShell::Resized(size(shown)),
    }
}

fn from_wire(said: wire::FromShell) -> FromShell {
    match said {
        wire::FromShell::Output(bytes) => FromShell::Output(bytes),
        wire::FromShell::Errors(bytes) => FromShell::Errors(bytes),
        wire::FromShell::Ended(wire::Ended::Code(code)) => FromShell::Ended(ShellEnded::Code(code)),
        wire::FromShell::Ended(wire::Ended::Signal(signal)) => FromShell::Ended(ShellEnded::Signal(signal)),
        wire::FromShell::Refused(why) => FromShell::Refused(ApiError::new(ErrorCode::InvalidParams, format!("{why}."))),
    }
}
