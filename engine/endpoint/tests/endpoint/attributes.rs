//! Carrying out: changes of a file's executable bit and time.

use std::fs;

use causeway_sync::{Entry, File, Operation, Outcome};

use crate::hooked::Call;
use crate::side::{Side, done, write};

fn wanted(side: &Side, executable: bool, mtime_ns: i64) -> Operation {
    Operation::Attributes(File { executable, mtime_ns, ..side.file("file") })
}

#[test]
fn a_touch_and_an_executable_bit_cross() {
    let side = Side::crawled(|share| write(share, "file", "content"));
    let expect = side.entry("file");
    let Some(Entry::File(file)) =
        done(side.act("file", expect.clone(), wanted(&side, true, 1_234_567_890_123_456_789)))
    else {
        panic!()
    };
    assert_eq!((file.executable, file.mtime_ns), (true, 1_234_567_890_123_456_789));
    assert!(file.digest.is_some());
    side.told();
    side.crawl();
    assert_eq!(side.told(), []);
    side.assert_known();
    assert_eq!(side.ep.bin_usage().unwrap().items, 0);
    // A second time: done already, whatever was expected.
    done(side.act("file", expect, wanted(&side, true, 1_234_567_890_123_456_789)));
}

#[test]
fn a_file_that_changed_keeps_its_time() {
    let side = Side::crawled(|share| write(share, "file", "content"));
    let operation = wanted(&side, true, 1_000_000_000);
    let expect = side.entry("file");
    side.write("file", "changed");
    let before = fs::metadata(side.at("file")).unwrap().modified().unwrap();
    assert_eq!(side.act("file", expect, operation), Outcome::Unexpected);
    assert_eq!(fs::metadata(side.at("file")).unwrap().modified().unwrap(), before);
}

#[test]
fn a_write_in_the_last_moment_is_not_lost_from_sight() {
    for content in ["CONTENT".to_owned(), "L".repeat(2 << 20)] {
        let side = Side::crawled(|share| write(share, "file", &content.to_lowercase()));
        let at = side.at("file");
        let theirs = content.clone();
        // As long as before, and the time is overwritten right afterwards.
        side.hooks.once(Call::SetMtime, "", move || fs::write(at, theirs).unwrap());
        done(side.act("file", side.entry("file"), wanted(&side, false, 1_000_000_000)));
        side.hooks.clear();
        side.check_dirty();
        side.assert_known();
        assert_eq!(side.told_short(), ["+file"]);
    }
}
