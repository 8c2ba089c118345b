//! Frames on streams that give and take as they like.

use std::io::{self, Read, Write};

use causeway_wire::greeting::Admission;
use causeway_wire::share::{Note, ShareCall};
use causeway_wire::{FRAME_BYTES_MAX, FrameError, FrameReader, FrameWriter, frame};
use proptest::prelude::*;

use crate::samples::{path, share_calls};

/// Gives at most a few bytes at a time, and is interrupted now and then.
struct Dribble<'a> {
    bytes: &'a [u8],
    steps: Vec<usize>,
    at: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.steps[self.at % self.steps.len()];
        self.at += 1;
        if step == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = step.min(buffer.len()).min(self.bytes.len());
        buffer[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

/// Counts the calls that write.
#[derive(Default)]
struct Counted {
    bytes: Vec<u8>,
    calls: usize,
}

impl Write for &mut Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        self.calls += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn long_message(bytes: usize) -> ShareCall {
    ShareCall::Note(Note::Read(vec![path(&vec!["n".repeat(200); bytes / 201].join("/"))]))
}

proptest! {
    #[test]
    fn frames_come_whole_however_the_stream_gives(steps in prop::collection::vec(0_usize..5000, 1..20), long in 300_usize..120_000) {
        prop_assume!(steps.iter().any(|step| *step > 0));
        let mut messages = share_calls();
        messages.insert(3, long_message(long));
        let mut stream = Vec::new();
        let mut writer = FrameWriter::new(&mut stream);
        for message in &messages {
            writer.push(message).unwrap();
        }
        writer.flush().unwrap();
        let mut reader = FrameReader::new(Dribble { bytes: &stream, steps, at: 0 });
        for message in &messages {
            let read = reader.read::<ShareCall>().unwrap();
            prop_assert_eq!(read.as_ref(), Some(message));
        }
        prop_assert!(reader.read::<ShareCall>().unwrap().is_none());
    }
}

#[test]
fn what_is_pushed_is_written_at_once() {
    let mut counted = Counted::default();
    let mut writer = FrameWriter::new(&mut counted);
    for message in share_calls() {
        writer.push(&message).unwrap();
        assert!(writer.has_unflushed());
    }
    writer.flush().unwrap();
    assert!(!writer.has_unflushed());
    assert_eq!(counted.calls, 1);

    let mut reader = FrameReader::new(&*counted.bytes);
    reader.read::<ShareCall>().unwrap();
    assert!(reader.has_frame());
}

#[cfg(unix)]
#[test]
fn more_comes_while_bytes_wait_and_when_the_stream_ends() {
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    let (near, far) = UnixStream::pair().unwrap();
    let (mut writer, mut reader) = (FrameWriter::new(near), FrameReader::new(far));
    assert!(!reader.comes_within(Duration::ZERO) && !reader.comes_within(Duration::from_millis(5)));
    for message in share_calls() {
        writer.push(&message).unwrap();
    }
    writer.flush().unwrap();
    assert!(reader.comes_within(Duration::ZERO), "in the socket");
    reader.read::<ShareCall>().unwrap();
    assert!(reader.comes_within(Duration::ZERO), "received already");
    for _ in 1..share_calls().len() {
        reader.read::<ShareCall>().unwrap();
    }
    assert!(!reader.comes_within(Duration::ZERO));
    drop(writer);
    assert!(reader.comes_within(Duration::ZERO), "the end");
}

#[test]
fn much_is_written_in_between() {
    let mut counted = Counted::default();
    let mut writer = FrameWriter::new(&mut counted);
    for _ in 0..20 {
        writer.push(&long_message(100_000)).unwrap();
    }
    writer.flush().unwrap();
    assert!((5..=10).contains(&counted.calls), "{} calls", counted.calls);
}

#[test]
fn a_stream_that_breaks_off_says_so() {
    let mut stream = Vec::new();
    FrameWriter::new(&mut stream).send(&share_calls()[1]).unwrap();
    for end in 1..stream.len() {
        let mut reader = FrameReader::new(&stream[..end]);
        assert!(matches!(reader.read::<ShareCall>(), Err(FrameError::Truncated)), "after {end} bytes");
        let single = frame::read_single::<ShareCall>(&mut &stream[..end], 1000);
        assert!(matches!(single, Err(FrameError::Truncated)), "after {end} bytes");
    }
    assert!(matches!(FrameReader::new(&[][..]).read::<ShareCall>(), Ok(None)));
}

#[test]
fn an_announcement_over_the_limit_is_refused_without_reading_on() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(0xff);
            self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }
    let mut reader = FrameReader::new(Endless(0));
    let refused = reader.read_body().unwrap_err();
    assert!(matches!(refused, FrameError::TooLong { bytes: 0xffff_ffff, limit: FRAME_BYTES_MAX }), "{refused}");
    assert!(reader.get_ref().0 <= 64 * 1024);

    let mut long = Vec::new();
    FrameWriter::new(&mut long).send(&long_message(2000)).unwrap();
    let refused = frame::read_single::<ShareCall>(&mut &*long, 1000).unwrap_err();
    assert!(matches!(refused, FrameError::TooLong { .. }), "{refused}");
}

#[test]
fn an_oversized_message_is_not_sent_and_harms_nothing() {
    let mut stream = Vec::new();
    let mut writer = FrameWriter::new(&mut stream);
    writer.push(&Admission::Welcome).unwrap();
    let oversized = ShareCall::Note(Note::Read(vec![path(&vec!["n".repeat(200); 600].join("/")); 10]));
    assert!(matches!(writer.push(&oversized), Err(FrameError::Oversized { .. })));
    writer.send(&Admission::Welcome).unwrap();
    assert_eq!(stream, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn garbage_is_no_message() {
    let mut stream = 5_u32.to_le_bytes().to_vec();
    stream.extend([0xee; 5]);
    assert!(matches!(FrameReader::new(&*stream).read::<ShareCall>(), Err(FrameError::Malformed(_))));
}
