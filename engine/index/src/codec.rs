//! How entries, fingerprints and paths are written into a column.
//!
//! Numbers are LEB128 varints, signed ones zigzag. A file's size and time are written as the difference to the fingerprint's, which
//! is nearly always nothing. The digest of a large file stands in a column of its own, for the index over it. What can't
//! be read back gives `None`: the file is damaged.

use causeway_sync::{Digest, Entry, File, RelPath, RelPathBuf, Target};

use crate::Fingerprint;

/// From this length on a file can be found by its digest. Sending less again costs no more than a copy.
pub(crate) const LARGE_FILE_BYTES: u64 = 64 << 10;

const DIRECTORY: u8 = 0;
const FILE: u8 = 1;
const SYMLINK: u8 = 2;
const UNTRACKED: u8 = 3;
const KIND: u8 = 0x0f;
const EXECUTABLE: u8 = 0x10;
const DIGEST_HERE: u8 = 0x20;
const DIGEST_IN_COLUMN: u8 = 0x40;

/// An encoded entry: the column `data`, and the column `large` where the digest goes there.
pub(crate) struct Encoded {
    pub data: Vec<u8>,
    pub large: Option<[u8; 32]>,
}

/// What an index knows of a path, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub entry: Entry,
    pub fingerprint: Fingerprint,
    /// Between which two syncs of the file system it was written.
    pub generation: u64,
}

impl Known {
    pub fn encode(&self) -> Encoded {
        let mut out = Vec::with_capacity(80);
        put_number(&mut out, self.generation);
        let print = &self.fingerprint;
        put_number(&mut out, print.device);
        put_number(&mut out, print.inode);
        put_number(&mut out, print.size);
        out.extend_from_slice(&print.mtime_ns.to_le_bytes());
        put_signed(&mut out, print.ctime_ns.wrapping_sub(print.mtime_ns));
        put_entry(out, &self.entry, print.size, print.mtime_ns)
    }

    pub fn decode(data: &[u8], large: Option<[u8; 32]>) -> Option<Self> {
        let mut from = Reader(data);
        let generation = from.number()?;
        let (device, inode, size) = (from.number()?, from.number()?, from.number()?);
        let mtime_ns = i64::from_le_bytes(from.bytes(8)?.try_into().ok()?);
        let ctime_ns = mtime_ns.wrapping_add(from.signed()?);
        let entry = from.entry(large, size, mtime_ns)?;
        Some(Self { entry, fingerprint: Fingerprint { device, inode, size, mtime_ns, ctime_ns }, generation })
    }
}

/// An entry alone.
pub(crate) fn encode_entry(entry: &Entry) -> Encoded {
    put_entry(Vec::with_capacity(56), entry, 0, 0)
}

/// What [`encode_entry`] wrote.
pub(crate) fn decode_entry(data: &[u8], large: Option<[u8; 32]>) -> Option<Entry> {
    Reader(data).entry(large, 0, 0)
}

/// A journalled move.
pub(crate) fn encode_move(from: &RelPath, to: &RelPath, entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    for path in [from, to] {
        put_number(&mut out, path.as_bytes().len() as u64);
        out.extend_from_slice(path.as_bytes());
    }
    // Nothing is looked up by a move's digest: it may stand in the data, whatever the file's length.
    let Encoded { data, large } = encode_entry(entry);
    out.push(u8::from(large.is_some()));
    out.extend_from_slice(large.as_ref().map_or(&[], |digest| digest.as_slice()));
    out.extend_from_slice(&data);
    out
}

/// What [`encode_move`] wrote: from, to, what it was.
pub(crate) fn decode_move(data: &[u8]) -> Option<(RelPathBuf, RelPathBuf, Entry)> {
    let mut reader = Reader(data);
    let (from, to) = (reader.path()?, reader.path()?);
    let large = match reader.byte()? {
        0 => None,
        _ => Some(reader.bytes(32)?.try_into().ok()?),
    };
    Some((from, to, reader.entry(large, 0, 0)?))
}

fn put_entry(mut out: Vec<u8>, entry: &Entry, size: u64, mtime_ns: i64) -> Encoded {
    let mut large = None;
    match entry {
        Entry::Directory => out.push(DIRECTORY),
        Entry::Untracked => out.push(UNTRACKED),
        Entry::Symlink(target) => {
            out.push(SYMLINK);
            out.extend_from_slice(target.as_bytes());
        }
        Entry::File(file) => {
            let mut here = None;
            let mut head = FILE | if file.executable { EXECUTABLE } else { 0 };
            match file.digest {
                Some(digest) if file.size >= LARGE_FILE_BYTES => {
                    head |= DIGEST_IN_COLUMN;
                    large = Some(digest.0);
                }
                Some(digest) => {
                    head |= DIGEST_HERE;
                    here = Some(digest.0);
                }
                None => {}
            }
            out.push(head);
            put_signed(&mut out, file.size.wrapping_sub(size) as i64);
            put_signed(&mut out, file.mtime_ns.wrapping_sub(mtime_ns));
            out.extend_from_slice(here.as_ref().map_or(&[], |digest| digest.as_slice()));
        }
    }
    Encoded { data: out, large }
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)) as u64);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        self.number().map(|number| (number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn path(&mut self) -> Option<RelPathBuf> {
        let length = self.number()?.try_into().ok()?;
        RelPathBuf::new(self.bytes(length)?.to_vec()).ok()
    }

    /// The entry, which must be all that is left.
    fn entry(mut self, large: Option<[u8; 32]>, size: u64, mtime_ns: i64) -> Option<Entry> {
        let head = self.byte()?;
        let entry = match head & KIND {
            DIRECTORY => Entry::Directory,
            UNTRACKED => Entry::Untracked,
            SYMLINK => Entry::Symlink(Target::new(std::mem::take(&mut self.0).to_vec()).ok()?),
            FILE => {
                let size = size.wrapping_add(self.signed()? as u64);
                let mtime_ns = mtime_ns.wrapping_add(self.signed()?);
                let digest = match head & (DIGEST_HERE | DIGEST_IN_COLUMN) {
                    0 => None,
                    DIGEST_HERE => Some(self.bytes(32)?.try_into().ok()?),
                    _ => Some(large?),
                };
                Entry::File(File { digest: digest.map(Digest), size, executable: head & EXECUTABLE != 0, mtime_ns })
            }
            _ => return None,
        };
        self.0.is_empty().then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Entry> {
        let file = (any::<Option<[u8; 32]>>(), any::<u64>(), any::<bool>(), any::<i64>()).prop_map(
            |(digest, size, executable, mtime_ns)| {
                Entry::File(File { digest: digest.map(Digest), size, executable, mtime_ns })
            },
        );
        let symlink = prop::collection::vec(1u8.., 1..40).prop_map(|bytes| Entry::Symlink(Target::new(bytes).unwrap()));
        prop_oneof![Just(Entry::Directory), Just(Entry::Untracked), symlink, file]
    }

    proptest! {
        #[test]
        fn a_row_reads_back(
            entry in entries(), near in any::<bool>(), generation: u64,
            (device, inode, size, mtime_ns, ctime_ns) in any::<(u64, u64, u64, i64, i64)>(),
        ) {
            let mut fingerprint = Fingerprint { device, inode, size, mtime_ns, ctime_ns };
            if let (Entry::File(file), true) = (&entry, near) {
                fingerprint = Fingerprint { size: file.size, mtime_ns: file.mtime_ns, ..fingerprint };
            }
            let known = Known { entry, fingerprint, generation };
            let Encoded { data, large } = known.encode();
            prop_assert_eq!(Known::decode(&data, large), Some(known));
        }

        #[test]
        fn a_move_reads_back(entry in entries(), from in "[a-z]{1,5}(/[a-z]{1,5}){0,3}", to in "[a-z]{1,5}") {
            let (from, to) = (RelPathBuf::new(from.into_bytes()).unwrap(), RelPathBuf::new(to.into_bytes()).unwrap());
            prop_assert_eq!(decode_move(&encode_move(&from, &to, &entry)), Some((from, to, entry)));
        }

        #[test]
        fn rubbish_is_refused_without_a_panic(data: Vec<u8>, large: Option<[u8; 32]>) {
            let _ = (Known::decode(&data, large), decode_entry(&data, large), decode_move(&data));
        }
    }

    #[test]
    fn an_ordinary_file_is_small() {
        let file =
            File { digest: Some(Digest([7; 32])), size: 4000, executable: false, mtime_ns: 1_700_000_000_123_456_789 };
        let fingerprint = Fingerprint {
            device: 2050,
            inode: 9_000_000,
            size: 4000,
            mtime_ns: file.mtime_ns,
            ctime_ns: file.mtime_ns + 3_000,
        };
        let known = Known { entry: Entry::File(file), fingerprint, generation: 3 };
        assert!(known.encode().data.len() <= 56, "{}", known.encode().data.len());
    }
}
