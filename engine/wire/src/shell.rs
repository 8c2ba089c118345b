//! A shell, or another program, in the machine's own system: what is said over a connection that leads to
//! [`Target::Shell`](crate::channel::Target::Shell), in frames. Where there is a terminal, it is in the machine (a pty), and the terminal
//! of a person is its picture.
//!
//! ```text
//! engine  Start   Input…  Resized…  InputEnds
//! agent                Output…  Errors…             Ended, or Refused
//! ```
//!
//! A connection that ends before that, or `Left`, ends the program.

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::check;
use crate::frame::{Malformed, Message};

/// Most bytes of input or output in one message.
pub const DATA_BYTES_MAX: usize = 16 * 1024;
/// Most words of a command, and most bytes of all of them.
pub const WORDS_MAX: usize = 1024;
/// See [`WORDS_MAX`].
pub const WORDS_BYTES_MAX: usize = 128 * 1024;

/// What the engine says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToShell {
    /// Start the program. Comes first, and once.
    Start(Start),
    /// For its standard input, or its terminal.
    Input(
        #[serde(serialize_with = "serde_bytes::serialize", deserialize_with = "bounded::bytes::<_, DATA_BYTES_MAX>")]
        Vec<u8>,
    ),
    /// There is no more input. A terminal has no such end, and doesn't notice.
    InputEnds,
    /// The terminal has another size now.
    Resized(Size),
    /// The person has left: the program is to end. What it says until then is thrown away, but taken.
    Left,
}

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The program and its arguments; a shell where there are none.
    #[serde(deserialize_with = "bounded::list::<_, _, WORDS_MAX>")]
    pub words: Vec<String>,
    /// The terminal, where it gets one.
    pub terminal: Option<Terminal>,
}

/// A terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// What it understands, as `TERM` says it.
    #[serde(deserialize_with = "bounded::text::<_, 64>")]
    pub kind: String,
    /// How large it is.
    pub size: Size,
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromShell {
    /// From its standard output, or its terminal.
    Output(
        #[serde(serialize_with = "serde_bytes::serialize", deserialize_with = "bounded::bytes::<_, DATA_BYTES_MAX>")]
        Vec<u8>,
    ),
    /// From its standard error.
    Errors(
        #[serde(serialize_with = "serde_bytes::serialize", deserialize_with = "bounded::bytes::<_, DATA_BYTES_MAX>")]
        Vec<u8>,
    ),
    /// It has ended. Nothing follows.
    Ended(Ended),
    /// It can't be started, for this reason. Nothing follows.
    Refused(String),
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// By itself, with a code.
    Code(u8),
    /// By a signal.
    Signal(u8),
}

impl Message for ToShell {
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Self::Start(start) if start.words.iter().map(String::len).sum::<usize>() > WORDS_BYTES_MAX => {
                Err(Malformed::OutOfRange("the length of a command"))
            }
            _ => Ok(()),
        }
    }
}

impl Message for FromShell {
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Self::Refused(reason) => check::text(reason),
            _ => Ok(()),
        }
    }
}
