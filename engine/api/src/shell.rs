//! A shell inside the machine, for the `causeway` command: what is said on a connection to [`Home::shell_socket`](crate::Home::shell_socket).
//!
//! ```text
//! u8: what it is      u32, little-endian: length of the rest     the rest: bytes as they are, or JSON
//! ```
//!
//! The command says what is to be started, then input and new sizes of its terminal; the engine hands on output, and says at last how the
//! program ended, or why there is none. A connection that ends before that ends the program.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::ApiError;

/// Most bytes of data in one message.
pub const DATA_BYTES_MAX: usize = 16 * 1024;
/// Longest message: a command with all its words.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellStart {
    /// The program and its arguments; a shell where there are none.
    pub words: Vec<String>,
    /// The terminal, where it gets one.
    pub terminal: Option<ShellTerminal>,
}

/// A terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellTerminal {
    /// What it understands, as `TERM` says it.
    pub kind: String,
    /// How large it is.
    pub size: ShellSize,
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellSize {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShellEnded {
    /// By itself, with a code.
    Code(u8),
    /// By a signal.
    Signal(u8),
}

/// What the command says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToShell {
    /// Start the program. Comes first.
    Start(ShellStart),
    /// Input.
    Input(Vec<u8>),
    /// There is no more.
    InputEnds,
    /// The terminal has another size.
    Resized(ShellSize),
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromShell {
    /// From standard output, or the terminal.
    Output(Vec<u8>),
    /// From standard error.
    Errors(Vec<u8>),
    /// It has ended. Nothing follows.
    Ended(ShellEnded),
    /// There is none. Nothing follows.
    Refused(ApiError),
}

impl ToShell {
    /// Writes it.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Start(start) => write_json(to, 0, start),
            Self::Input(bytes) => write_message(to, 1, bytes),
            Self::InputEnds => write_message(to, 2, &[]),
            Self::Resized(size) => write_json(to, 3, size),
        }
    }

    /// Reads the next one; `None` at the end.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let Some((kind, body)) = read_message(from)? else { return Ok(None) };
        Ok(Some(match kind {
            0 => Self::Start(parse(&body)?),
            1 => Self::Input(body),
            2 => Self::InputEnds,
            3 => Self::Resized(parse(&body)?),
            _ => return Err(unknown()),
        }))
    }
}

impl FromShell {
    /// Writes it.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Output(bytes) => write_message(to, 0, bytes),
            Self::Errors(bytes) => write_message(to, 1, bytes),
            Self::Ended(ended) => write_json(to, 2, ended),
            Self::Refused(error) => write_json(to, 3, error),
        }
    }

    /// Reads the next one; `None` at the end.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let Some((kind, body)) = read_message(from)? else { return Ok(None) };
        Ok(Some(match kind {
            0 => Self::Output(body),
            1 => Self::Errors(body),
            2 => Self::Ended(parse(&body)?),
            3 => Self::Refused(parse(&body)?),
            _ => return Err(unknown()),
        }))
    }
}

fn write_json(to: &mut impl Write, kind: u8, value: &impl Serialize) -> io::Result<()> {
    write_message(to, kind, &serde_json::to_vec(value)?)
}

fn write_message(to: &mut impl Write, kind: u8, body: &[u8]) -> io::Result<()> {
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"));
    }
    let mut message = vec![kind];
    message.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    message.extend(body);
    to.write_all(&message)?;
    to.flush()
}

fn read_message(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut kind = [0];
    if from.read(&mut kind)? == 0 {
        return Ok(None);
    }
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some((kind[0], body)))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(body)?)
}

fn unknown() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a message of an unknown kind")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn what_is_said_arrives() {
        let size = ShellSize { columns: 80, rows: 24 };
        let terminal = Some(ShellTerminal { kind: "xterm".to_owned(), size });
        let said = [
            ToShell::Start(ShellStart { words: vec!["ls".to_owned(), "-l".to_owned()], terminal }),
            ToShell::Input(vec![0, 255]),
            ToShell::Resized(size),
            ToShell::InputEnds,
        ];
        let mut bytes = Vec::new();
        said.iter().for_each(|said| said.write(&mut bytes).unwrap());
        let mut rest = bytes.as_slice();
        for said in said {
            assert_eq!(ToShell::read(&mut rest).unwrap(), Some(said));
        }
        assert_eq!(ToShell::read(&mut rest).unwrap(), None);

        let said = [
            FromShell::Output(b"out".to_vec()),
            FromShell::Errors(vec![]),
            FromShell::Ended(ShellEnded::Code(7)),
            FromShell::Ended(ShellEnded::Signal(9)),
            FromShell::Refused(ApiError::new(ErrorCode::MachineUnavailable, "Why.")),
        ];
        let mut bytes = Vec::new();
        said.iter().for_each(|said| said.write(&mut bytes).unwrap());
        let mut rest = bytes.as_slice();
        for said in said {
            assert_eq!(FromShell::read(&mut rest).unwrap(), Some(said));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [&b"\x00"[..], b"\x01\xff\xff\xff\xff", b"\x09\0\0\0\0", b"\x00\x02\0\0\0{]", b"\x01\x02\0\0\0a"] {
            ToShell::read(&mut &bytes[..]).unwrap_err();
        }
    }
}
