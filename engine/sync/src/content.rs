//! How a file's content crosses from the supplier to the receiver: pieces in order, then the file as it was read.
//!
//! The supplier walks a batch's actions in their order and tells the content of each that has [`Source::Transfer`]: any
//! number of [`Piece::Data`], [`Piece::Hole`] and [`Piece::Copy`], which together are the whole content from its start, and then one
//! [`Content::End`] or [`Content::Unavailable`]. Where the action asks for a delta, the receiver tells a [`Signature`] before.
//!
//! [`Source::Transfer`]: crate::Source::Transfer

use serde::{Deserialize, Serialize};

use crate::{File, Problem};

/// Most bytes in a [`Piece::Data`].
pub const PIECE_BYTES_MAX: usize = 256 * 1024;
/// Most chunks in a signature: with 20 bytes each it stays under 700 KiB. What lies behind them is sent whole.
pub const SIGNATURE_CHUNKS_MAX: usize = 32 * 1024;

/// A piece of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece<'a> {
    /// Bytes: 1 to [`PIECE_BYTES_MAX`].
    Data(#[serde(borrow, with = "serde_bytes")] &'a [u8]),
    /// This many zero bytes, at least 1. They take no space where the file system knows holes.
    Hole(u64),
    /// Bytes that the file expected at the destination holds. Only where a signature was told.
    Copy {
        /// Where they begin in that file.
        offset: u64,
        /// How many, at least 1.
        bytes: u64,
    },
}

/// What is told of an action's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content<'a> {
    /// The next piece.
    Piece(#[serde(borrow)] Piece<'a>),
    /// The content is complete, and this is the file, with its digest: it did not change while it was read.
    End(File),
    /// It can't be supplied; pieces told before are void.
    Unavailable(Unavailable),
}

impl Piece<'_> {
    /// How many bytes of the file it stands for.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Data(data) => data.len() as u64,
            Self::Hole(bytes) | Self::Copy { bytes, .. } => *bytes,
        }
    }
}

impl Content<'_> {
    /// How many bytes of the file it stands for.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Piece(piece) => piece.bytes(),
            Self::End(_) | Self::Unavailable(_) => 0,
        }
    }
}

/// Why a file's content can't be supplied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unavailable {
    /// It isn't, or didn't stay while it was read, what the action says.
    Changed,
    /// It can't be read at present.
    Problem(Problem),
}

/// What the receiver holds, cut where the content says (FastCDC), so that the supplier can send what differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Average length of a chunk that the cuts were made with, in bytes: a power of two from 4 KiB to 4 MiB.
    pub average_bytes: u32,
    /// The chunks from the file's start on, at most [`SIGNATURE_CHUNKS_MAX`].
    pub chunks: Vec<Chunk>,
}

/// A chunk of a [`Signature`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its length in bytes.
    pub bytes: u32,
    /// The first half of its BLAKE3. Half is enough to find it again; what was put together is verified whole.
    pub digest: [u8; 16],
}
