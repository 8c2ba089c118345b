//! Frames: a length of four bytes, little-endian, and a body of that many bytes.
//!
//! The reader takes whatever a stream gives in one call and hands out whole bodies from its buffer; the writer collects frames
//! and writes them in one call when it is flushed. Neither knows what a body means.

use std::io::{self, Read, Write};
use std::time::Duration;

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use crate::stream::Stream;

/// Longest body of a frame, in bytes. Holds any single change or action (two paths of
/// [`PATH_BYTES_MAX`](causeway_sync::path::PATH_BYTES_MAX)) and a whole piece of content.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// Length of a frame's head, in bytes.
const HEAD_BYTES: usize = 4;
/// How much is asked of the stream at once when nothing larger is expected, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// A writer flushes by itself when it holds this much, in bytes.
const WRITE_BYTES: usize = 256 * 1024;

/// Why a frame couldn't be read or written. The stream is unusable afterwards.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream failed, or a time limit passed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The stream ended within a frame.
    #[error("the connection ended within a message")]
    Truncated,
    /// The peer announced a frame over the limit.
    #[error("the peer announced a message of {bytes} bytes, over the limit of {limit}")]
    TooLong {
        /// What it announced.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The body isn't a message.
    #[error("the peer sent what is no valid message: {0}")]
    Malformed(#[from] Malformed),
    /// A message of our own is over the limit.
    #[error("a message of {bytes} bytes is over the limit of {FRAME_BYTES_MAX}")]
    Oversized {
        /// Its length.
        bytes: usize,
    },
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They can't be decoded: too short, an unknown variant, an invalid path or name, a list or text over its bound.
    #[error("it can't be decoded ({0})")]
    Encoding(postcard::Error),
    /// Bytes are left over.
    #[error("{0} bytes are left over")]
    Trailing(usize),
    /// A value is out of the range that the protocol allows.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

/// A message: checks itself after it was decoded.
pub trait Message {
    /// Checks what the types can't: ranges of numbers, lengths of texts in nested values.
    fn check(&self) -> Result<(), Malformed>;
}

/// Decodes a body. Allocates no more than a fixed multiple of its length, whatever it claims.
pub fn decode<'a, T: Deserialize<'a> + Message>(body: &'a [u8]) -> Result<T, Malformed> {
    let (message, rest) = postcard::take_from_bytes::<T>(body).map_err(Malformed::Encoding)?;
    if !rest.is_empty() {
        return Err(Malformed::Trailing(rest.len()));
    }
    message.check()?;
    Ok(message)
}

/// Reads one frame of at most `limit` bytes, and not a byte beyond it. `None` when the stream ended before it.
pub fn read_single<T: for<'a> Deserialize<'a> + Message>(
    stream: &mut impl Read,
    limit: usize,
) -> Result<Option<T>, FrameError> {
    let ended = |e: io::Error| match e.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Truncated,
        _ => FrameError::Io(e),
    };
    let mut head = [0; HEAD_BYTES];
    if stream.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut head[1..]).map_err(ended)?;
    let bytes = u32::from_le_bytes(head) as usize;
    if bytes > limit {
        return Err(FrameError::TooLong { bytes, limit });
    }
    let mut body = vec![0; bytes];
    stream.read_exact(&mut body).map_err(ended)?;
    Ok(Some(decode(&body)?))
}

/// Reads frames from a stream.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    buffer: Vec<u8>,
    /// Where unread bytes begin and end in the buffer.
    unread: std::ops::Range<usize>,
}

impl<R: Read> FrameReader<R> {
    /// A reader of frames up to [`FRAME_BYTES_MAX`].
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new(), unread: 0..0 }
    }

    /// The stream.
    pub fn get_ref(&self) -> &R {
        &self.stream
    }

    /// Whether more comes within so long: bytes, the end of the stream, or an error, which shows itself at the next read.
    pub fn comes_within(&self, wait: Duration) -> bool
    where
        R: Stream,
    {
        !self.unread.is_empty() || self.stream.is_readable_within(wait).unwrap_or(true)
    }

    /// Waits for the next frame and decodes it. `None` when the stream ended between two frames.
    pub fn read<'a, T: Deserialize<'a> + Message>(&'a mut self) -> Result<Option<T>, FrameError> {
        match self.read_body()? {
            Some(body) => Ok(Some(decode(body)?)),
            None => Ok(None),
        }
    }

    /// Waits for the next frame's body. `None` when the stream ended between two frames.
    pub fn read_body(&mut self) -> Result<Option<&[u8]>, FrameError> {
        if !self.fill(HEAD_BYTES)? {
            return if self.unread.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
        }
        let bytes = self.announced().expect("a head was just read");
        if bytes > FRAME_BYTES_MAX {
            return Err(FrameError::TooLong { bytes, limit: FRAME_BYTES_MAX });
        }
        if !self.fill(HEAD_BYTES + bytes)? {
            return Err(FrameError::Truncated);
        }
        let start = self.unread.start + HEAD_BYTES;
        self.unread.start = start + bytes;
        Ok(Some(&self.buffer[start..start + bytes]))
    }

    /// Whether a whole frame was received already, so that the next read won't wait.
    pub fn has_frame(&self) -> bool {
        self.announced().is_some_and(|bytes| self.unread.len() >= HEAD_BYTES + bytes)
    }

    fn announced(&self) -> Option<usize> {
        let head = self.buffer[self.unread.clone()].first_chunk::<HEAD_BYTES>()?;
        Some(u32::from_le_bytes(*head) as usize)
    }

    /// Reads until `bytes` unread ones are there; false when the stream ends before. The buffer grows with what has arrived, at
    /// most doubling, so that a peer pays for memory with traffic.
    fn fill(&mut self, bytes: usize) -> Result<bool, FrameError> {
        while self.unread.len() < bytes {
            if self.unread.is_empty() {
                self.unread = 0..0;
            }
            if self.unread.end == self.buffer.len() || self.unread.start + bytes > self.buffer.len() {
                self.make_room(bytes);
            }
            match self.stream.read(&mut self.buffer[self.unread.end..]) {
                Ok(0) => return Ok(false),
                Ok(n) => self.unread.end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(true)
    }

    fn make_room(&mut self, bytes: usize) {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let wanted = bytes.min(self.unread.len() * 2).max(READ_BYTES);
        if wanted > self.buffer.len() {
            self.buffer.resize(wanted, 0);
        }
    }
}

/// Writes frames to a stream.
#[derive(Debug)]
pub struct FrameWriter<W> {
    stream: W,
    buffer: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// A writer that holds nothing yet.
    pub fn new(stream: W) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The stream.
    pub fn get_ref(&self) -> &W {
        &self.stream
    }

    /// Appends a message. Writes only when a good deal has collected; call [`Self::flush`] before waiting for anything.
    pub fn push<T: Serialize + ?Sized>(&mut self, message: &T) -> Result<(), FrameError> {
        let start = self.buffer.len();
        let pushed = self.append(message);
        if pushed.is_err() {
            self.buffer.truncate(start);
        }
        pushed?;
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn append<T: Serialize + ?Sized>(&mut self, message: &T) -> Result<(), FrameError> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; HEAD_BYTES]);
        postcard::serialize_with_flavor(message, Append(&mut self.buffer)).map_err(Malformed::Encoding)?;
        let bytes = self.buffer.len() - start - HEAD_BYTES;
        if bytes > FRAME_BYTES_MAX {
            return Err(FrameError::Oversized { bytes });
        }
        let head = u32::try_from(bytes).expect("FRAME_BYTES_MAX fits").to_le_bytes();
        self.buffer[start..start + HEAD_BYTES].copy_from_slice(&head);
        Ok(())
    }

    /// Writes all that was appended, in one call where the stream takes it.
    pub fn flush(&mut self) -> Result<(), FrameError> {
        let written = self.stream.write_all(&self.buffer).and_then(|()| self.stream.flush());
        self.buffer.clear();
        Ok(written?)
    }

    /// Appends a message and writes all.
    pub fn send<T: Serialize + ?Sized>(&mut self, message: &T) -> Result<(), FrameError> {
        self.push(message)?;
        self.flush()
    }

    /// Whether something waits for a flush.
    pub fn has_unflushed(&self) -> bool {
        !self.buffer.is_empty()
    }
}

/// The bytes that `value` takes in a frame's body.
pub fn encoded_bytes<T: Serialize + ?Sized>(value: &T) -> usize {
    postcard::experimental::serialized_size(value).unwrap_or(usize::MAX)
}

/// Appends to a vector in blocks (postcard's own flavours append single bytes).
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
