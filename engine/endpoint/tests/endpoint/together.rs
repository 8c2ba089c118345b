//! A user, a scanner and two lanes at work at once, on the same few paths.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_endpoint::Look;
use causeway_sync::content::{Content, Piece};
use causeway_sync::{Action, Batch, BatchId, Entry, File, Operation, Outcome, Source};

use crate::side::{Side, now_ms, path, write};

const PATHS: [&str; 6] = ["a", "b", "dir/a", "dir/b", "dir/sub/a", "dir/sub/b"];
const WORK: Duration = Duration::from_secs(3);

/// Small numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Writes, saves by rename, removes and renames; remembers what was last written at each path.
fn user(side: &Side, until: Instant) -> HashMap<&'static str, String> {
    let mut dice = Dice(1);
    let mut last = HashMap::new();
    let aside = side.private.join("user");
    for number in 0.. {
        if Instant::now() > until {
            break;
        }
        let at = PATHS[dice.roll(PATHS.len())];
        let content = format!("user {number}");
        let wrote = match dice.roll(3) {
            0 => fs::write(side.at(at), &content).is_ok(),
            1 => fs::write(&aside, &content).is_ok() && fs::rename(&aside, side.at(at)).is_ok(),
            _ => {
                let _ = fs::create_dir_all(side.at(at).parent().unwrap());
                false
            }
        };
        if wrote {
            last.insert(at, content);
        }
        std::thread::sleep(Duration::from_micros(dice.roll(2000) as u64));
    }
    last
}

/// Carries out what a session might want, going by what the index says.
fn lane(side: &Side, seed: u64, until: Instant) -> u32 {
    let mut dice = Dice(seed);
    let mut done = 0;
    let mut number = 0;
    while Instant::now() < until {
        number += 1;
        let at = PATHS[dice.roll(PATHS.len())];
        let expect = entry(side, at);
        let content = format!("lane {seed} {number}");
        let file = File {
            digest: Some(blake3::hash(content.as_bytes()).into()),
            size: content.len() as u64,
            executable: false,
            mtime_ns: 1_600_000_000_000_000_000 + i64::try_from(number).unwrap(),
        };
        let transfers = dice.roll(4) != 0 || expect.is_none();
        let operation = if transfers {
            Operation::File { file: file.clone(), source: Source::Transfer { delta: false } }
        } else {
            Operation::Remove
        };
        let actions = vec![Action { path: path(at), expect, operation }];
        let id = BatchId(number);
        let mut applier = side.ep.applier();
        applier.begin(Batch { id, to: causeway_sync::Side::Guest, as_of: side.ep.seq(), actions }).unwrap();
        if transfers {
            applier.content(id, 0, Content::Piece(Piece::Data(content.as_bytes()))).unwrap();
            applier.content(id, 0, Content::End(file)).unwrap();
        }
        let outcomes = applier.flush(now_ms());
        done += u32::from(matches!(outcomes[0].1[0], Outcome::Done { .. }));
    }
    done
}

/// What the index knows at a path, without a trace in what is told.
fn entry(side: &Side, at: &str) -> Option<Entry> {
    let window = side.ep.changes(causeway_sync::Seq(0), 100_000).unwrap();
    window.changes.iter().rev().find_map(|change| match change {
        causeway_sync::Change::Now { path, entry, .. } if path.to_string() == at => Some(entry.clone()),
        _ => None,
    })?
}

#[test]
fn nothing_that_the_user_wrote_is_lost() {
    let side = Side::with(|share| {
        for at in PATHS {
            write(share, at, "at first");
        }
    });
    side.crawl();
    let until = Instant::now() + WORK;
    let stop = AtomicBool::new(false);
    let (last, done) = std::thread::scope(|scope| {
        let user = scope.spawn(|| user(&side, until));
        let lanes = [2, 3].map(|seed| {
            let side = &side;
            scope.spawn(move || lane(side, seed, until))
        });
        scope.spawn(|| {
            let mut dice = Dice(4);
            while !stop.load(Ordering::Relaxed) {
                let mut dirty = side.ep.take_dirty();
                let at = path(PATHS[dice.roll(PATHS.len())]);
                dirty.push(causeway_endpoint::Dirty { path: at, look: Look::Again });
                side.ep.check(&dirty, now_ms(), &stop).unwrap();
                if dice.roll(10) == 0 {
                    side.crawl();
                }
            }
        });
        let last = user.join().unwrap();
        let done = lanes.map(|lane| lane.join().unwrap());
        stop.store(true, Ordering::Relaxed);
        (last, done)
    });
    assert!(done.iter().all(|done| *done > 0), "the lanes got something done: {done:?}");
    side.check_dirty();
    side.crawl();
    side.check_dirty();
    side.read_all();
    side.assert_known();
    assert_eq!(side.staged(), [""; 0]);
    let binned = side.binned();
    for (at, content) in last {
        let stands = fs::read_to_string(side.at(at)).is_ok_and(|now| now == content);
        let rests = binned.iter().any(|item| item.ends_with(&format!("{at} {content}")));
        assert!(stands || rests, "\"{content}\" was last written to {at}, and is nowhere");
    }
}
