//! What is read from a fanotify descriptor, taken apart (fanotify(7), "Reading fanotify events").

use super::sys::Handle;

/// One event, as the kernel wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Bits `FAN_…`, of several merged events perhaps.
    pub(super) mask: u64,
    /// Process that did it; 0 where it is outside the reader's pid namespace.
    pub(super) pid: i32,
    /// The directory and the name in it; none for the overflow of the queue. Of `FAN_RENAME`, from where.
    pub(super) place: Option<Place<'a>>,
    /// Where to, of `FAN_RENAME`.
    pub(super) to: Option<Place<'a>>,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// File system id, as in `statvfs`.
    pub(super) file_system: u64,
    pub(super) directory: Handle,
    /// `.` for the directory itself.
    pub(super) name: &'a [u8],
}

/// Reads numbers off the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(front)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_ne_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }
}

/// The events in what one read brought. Ends early where the layout isn't the known one: another version, or cut short.
pub(super) fn records(read: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = read;
    std::iter::from_fn(move || {
        let length = usize::try_from(Cursor(rest).u32()?).ok()?;
        let (one, after) = rest.split_at_checked(length)?;
        let record = record(one)?;
        rest = after;
        Some(record)
    })
}

fn record(one: &[u8]) -> Option<Record<'_>> {
    let mut cursor = Cursor(one);
    let _length = cursor.u32()?;
    if cursor.u8()? != libc::FANOTIFY_METADATA_VERSION {
        return None;
    }
    let _reserved = cursor.u8()?;
    let header_bytes = usize::from(cursor.u16()?);
    let mask = cursor.u64()?;
    let _no_descriptor = cursor.i32()?;
    let pid = cursor.i32()?;
    let information = one.get(header_bytes..)?;
    let place = place(information, &[libc::FAN_EVENT_INFO_TYPE_DFID_NAME, libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME]);
    Some(Record { mask, pid, place, to: self::place(information, &[libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME]) })
}

/// The directory and name among the information records, in the first one of these kinds.
fn place<'a>(mut information: &'a [u8], kinds: &[u8]) -> Option<Place<'a>> {
    loop {
        let mut cursor = Cursor(information);
        let kind = cursor.u8()?;
        let _padding = cursor.u8()?;
        let length = usize::from(cursor.u16()?);
        let (one, after) = information.split_at_checked(length)?;
        if kinds.contains(&kind) {
            return directory_and_name(one.get(4..)?);
        }
        if length == 0 {
            return None;
        }
        information = after;
    }
}

fn directory_and_name(one: &[u8]) -> Option<Place<'_>> {
    let mut cursor = Cursor(one);
    let (low, high) = (cursor.u32()?, cursor.u32()?);
    let handle_bytes = usize::try_from(cursor.u32()?).ok()?;
    let kind = cursor.i32()?;
    let directory = Handle { kind, bytes: cursor.take(handle_bytes)?.into() };
    let name = cursor.0.split(|byte| *byte == 0).next()?;
    Some(Place { file_system: u64::from(low) | u64::from(high) << 32, directory, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event as the kernel lays it out.
    fn event(mask: u64, pid: i32, information: &[u8]) -> Vec<u8> {
        let length = u32::try_from(24 + information.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([libc::FANOTIFY_METADATA_VERSION, 0]);
        bytes.extend(24_u16.to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(pid.to_ne_bytes());
        bytes.extend(information);
        bytes
    }

    fn information(kind: u8, handle: &[u8], name: &[u8]) -> Vec<u8> {
        let mut body = 7_u32.to_ne_bytes().to_vec();
        body.extend(9_u32.to_ne_bytes());
        body.extend(u32::try_from(handle.len()).unwrap().to_ne_bytes());
        body.extend(1_i32.to_ne_bytes());
        body.extend(handle);
        body.extend(name);
        body.resize((body.len() + 1).next_multiple_of(4), 0);
        let mut bytes = vec![kind, 0];
        bytes.extend(u16::try_from(body.len() + 4).unwrap().to_ne_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn events_are_taken_apart() {
        let named = information(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"12345678", b"name");
        let mut read = event(libc::FAN_CREATE, 11, &named);
        read.extend(event(libc::FAN_Q_OVERFLOW, 0, b""));
        let other_first = [information(libc::FAN_EVENT_INFO_TYPE_FID, b"1234", b""), named].concat();
        read.extend(event(libc::FAN_ATTRIB, 12, &other_first));
        let ends = [
            information(libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, b"12345678", b"name"),
            information(libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, b"12345678", b"new"),
        ];
        read.extend(event(libc::FAN_RENAME, 13, &ends.concat()));
        let directory = Handle { kind: 1, bytes: (*b"12345678").into() };
        let place = Some(Place { file_system: 7 | 9 << 32, directory: directory.clone(), name: b"name" });
        let to = Some(Place { file_system: 7 | 9 << 32, directory, name: b"new" });
        let got: Vec<_> = records(&read).collect();
        assert_eq!(
            got,
            [
                Record { mask: libc::FAN_CREATE, pid: 11, place: place.clone(), to: None },
                Record { mask: libc::FAN_Q_OVERFLOW, pid: 0, place: None, to: None },
                Record { mask: libc::FAN_ATTRIB, pid: 12, place: place.clone(), to: None },
                Record { mask: libc::FAN_RENAME, pid: 13, place, to },
            ]
        );
    }

    #[test]
    fn what_is_cut_short_is_not_guessed() {
        let read = event(libc::FAN_CREATE, 11, &information(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"12345678", b"name"));
        for length in 0..read.len() {
            assert_eq!(records(&read[..length]).count(), 0, "{length} bytes");
        }
        let mut other_version = read;
        other_version[4] += 1;
        assert_eq!(records(&other_version).count(), 0);
    }
}
