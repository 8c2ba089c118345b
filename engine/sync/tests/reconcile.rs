//! Reconcile, as tables: what the ancestor, the host and the guest hold, and what each mode decides.
//!
//! `-` nothing, `d` a directory, `D` a directory with something in it that the other side doesn't know, `1` `2` `3` files, `x` file 1
//! made executable, `X` file 2 made executable, `t` file 1 with a newer time, `l` `m` symlinks, `u` something untracked, `?` a file that nobody has read.
//!
//! Decisions: `=` agree; `>c` make the guest hold `c`; `<c` make the host hold `c`; `!` conflict; `~c` leave both, `c` is agreed; `r` read first.

#![allow(clippy::unwrap_used)]

use causeway_sync::reconcile::{Decision, Facts, Mode, reconcile};
use causeway_sync::{Digest, Entry, File, Side, Target};

const MODES: [Mode; 4] = [Mode::TwoWaySafe, Mode::TwoWayResolved, Mode::OneWaySafe, Mode::OneWayReplica];

fn file(content: u8, executable: bool, mtime_ns: i64) -> Entry {
    Entry::File(File { digest: Some(Digest([content; 32])), size: 1, executable, mtime_ns })
}

fn entry(kind: char) -> Option<Entry> {
    let link = |target: &[u8]| Entry::Symlink(Target::new(target.to_vec()).unwrap());
    Some(match kind {
        '-' => return None,
        'd' | 'D' => Entry::Directory,
        '1' => file(1, false, 10),
        '2' => file(2, false, 10),
        '3' => file(3, false, 10),
        'x' => file(1, true, 10),
        'X' => file(2, true, 10),
        't' => file(1, false, 99),
        'l' => link(b"l"),
        'm' => link(b"m"),
        'u' => Entry::Untracked,
        '?' => Entry::File(File { digest: None, size: 1, executable: false, mtime_ns: 10 }),
        other => panic!("no kind {other}"),
    })
}

fn decide(kinds: &str, mode: Mode) -> Decision {
    let [ancestor, host, guest] = kinds.chars().filter(|c| *c != ' ').collect::<Vec<_>>()[..] else {
        panic!("three kinds, not {kinds}")
    };
    let entries = [ancestor, host, guest].map(entry);
    let facts = Facts {
        ancestor: entries[0].as_ref(),
        host: entries[1].as_ref(),
        guest: entries[2].as_ref(),
        survivors: [host == 'D', guest == 'D'],
        mtime_step_ns: 1,
    };
    reconcile(facts, mode)
}

fn read(text: &str, host: Option<Entry>) -> Decision {
    let mut chars = text.chars();
    match (chars.next().unwrap(), chars.next().map(entry)) {
        ('=', None) => Decision::Agree(host),
        ('=', Some(entry)) => Decision::Agree(entry),
        ('>', Some(entry)) => Decision::Apply(Side::Guest, entry),
        ('<', Some(entry)) => Decision::Apply(Side::Host, entry),
        ('~', Some(entry)) => Decision::Hold(entry),
        ('!', None) => Decision::Conflict,
        ('r', None) => Decision::Read,
        _ => panic!("no decision {text}"),
    }
}

#[test]
fn decisions_by_table() {
    // ancestor, host, guest; two-way-safe, two-way-resolved, one-way-safe, one-way-replica
    const TABLE: &[(&str, [&str; 4])] = &[
        // Nobody changed anything.
        ("---", ["=", "=", "=", "="]),
        ("111", ["=", "=", "=", "="]),
        ("ddd", ["=", "=", "=", "="]),
        ("lll", ["=", "=", "=", "="]),
        // Both made the same.
        ("-11", ["=", "=", "=", "="]),
        ("-dd", ["=", "=", "=", "="]),
        ("122", ["=", "=", "=", "="]),
        ("1--", ["=", "=", "=", "="]),
        ("1dd", ["=", "=", "=", "="]),
        // The host changed.
        ("-1-", [">1", ">1", ">1", ">1"]),
        ("-d-", [">d", ">d", ">d", ">d"]),
        ("-l-", [">l", ">l", ">l", ">l"]),
        ("121", [">2", ">2", ">2", ">2"]),
        ("1x1", [">x", ">x", ">x", ">x"]),
        ("1-1", [">-", ">-", ">-", ">-"]),
        ("d-d", [">-", ">-", ">-", ">-"]),
        ("d1d", [">1", ">1", ">1", ">1"]),
        ("1d1", [">d", ">d", ">d", ">d"]),
        ("lml", [">m", ">m", ">m", ">m"]),
        ("1l1", [">l", ">l", ">l", ">l"]),
        // The guest changed.
        ("--1", ["<1", "<1", "~-", ">-"]),
        ("--d", ["<d", "<d", "~-", ">-"]),
        ("112", ["<2", "<2", "~1", ">1"]),
        ("11x", ["<x", "<x", "~1", ">1"]),
        ("11-", ["<-", "<-", ">1", ">1"]),
        ("dd-", ["<-", "<-", ">d", ">d"]),
        ("dd1", ["<1", "<1", "~d", ">d"]),
        ("11d", ["<d", "<d", "~1", ">1"]),
        ("llm", ["<m", "<m", "~l", ">l"]),
        // Both changed: an edit beats a deletion, else a person decides.
        ("123", ["!", ">2", "!", ">2"]),
        ("-12", ["!", ">1", "!", ">1"]),
        ("-1d", ["!", ">1", "!", ">1"]),
        ("-d1", ["!", ">d", "!", ">d"]),
        ("-1l", ["!", ">1", "!", ">1"]),
        ("-lm", ["!", ">l", "!", ">l"]),
        ("12-", [">2", ">2", ">2", ">2"]),
        ("1-2", ["<2", ">-", "~-", ">-"]),
        ("1d-", [">d", ">d", ">d", ">d"]),
        ("1-d", ["<d", ">-", "~-", ">-"]),
        ("1l2", ["!", ">l", "!", ">l"]),
        // A directory was removed on one side while the other changed what it holds.
        ("d-D", ["<d", ">-", "~d", ">-"]),
        ("dD-", [">d", ">d", ">d", ">d"]),
        ("d1D", ["!", ">1", "!", ">1"]),
        ("dD1", ["!", ">d", "!", ">d"]),
        // Content on one side and the executable bit on the other: both stand.
        ("12x", ["<X", "<X", "!", ">2"]),
        ("1x2", [">X", ">X", "!", ">x"]),
        ("1Xx", [">X", ">X", "!", ">X"]),
        // A touch crosses, and is never a conflict.
        ("1t1", [">t", ">t", ">t", ">t"]),
        ("11t", ["<t", "<t", ">1", ">1"]),
        ("-1t", ["<t", "<t", ">1", ">1"]),
        ("2t1", [">t", ">t", ">t", ">t"]),
        // What is untracked is as good as nothing, until something should take its place.
        ("--u", ["=-", "=-", "=-", "=-"]),
        ("-u-", ["=u", "=u", "=u", "=u"]),
        ("-1u", [">1", ">1", ">1", ">1"]),
        ("-u1", ["<1", "<1", "~-", ">u"]),
        // What nobody has read can be sent, but not compared.
        ("-?-", [">?", ">?", ">?", ">?"]),
        ("-?1", ["r", "r", "r", "r"]),
        ("1?1", ["r", "r", "r", "r"]),
        ("11?", ["r", "r", "r", "r"]),
    ];
    for (kinds, decisions) in TABLE {
        for (mode, expected) in MODES.into_iter().zip(decisions) {
            let host = entry(kinds.chars().nth(1).unwrap());
            assert_eq!(decide(kinds, mode), read(expected, host), "{kinds} in {mode:?}");
        }
    }
}

const KINDS: [char; 12] = ['-', 'd', 'D', '1', '2', '3', 'x', 'X', 't', 'l', 'm', 'u'];

fn combinations() -> impl Iterator<Item = [char; 3]> {
    KINDS.into_iter().flat_map(|a| KINDS.into_iter().flat_map(move |h| KINDS.into_iter().map(move |g| [a, h, g])))
}

fn mirrored(decision: Decision) -> Decision {
    match decision {
        Decision::Apply(side, entry) => Decision::Apply(side.other(), entry),
        other => other,
    }
}

#[test]
fn two_way_safe_is_mirror_symmetric() {
    for [a, h, g] in combinations() {
        let there = decide(&format!("{a}{h}{g}"), Mode::TwoWaySafe);
        let back = decide(&format!("{a}{g}{h}"), Mode::TwoWaySafe);
        match (&there, &back) {
            // Both hold the same: which of two equal entries is named is no matter.
            (Decision::Agree(_), Decision::Agree(_)) => {}
            _ => assert_eq!(there, mirrored(back), "{a}{h}{g}"),
        }
    }
}

#[test]
fn no_mode_decides_what_it_may_not() {
    for [a, h, g] in combinations() {
        for mode in MODES {
            let decision = decide(&format!("{a}{h}{g}"), mode);
            let one_way = matches!(mode, Mode::OneWaySafe | Mode::OneWayReplica);
            if one_way {
                assert!(!matches!(decision, Decision::Apply(Side::Host, _)), "{a}{h}{g} {mode:?} writes to the host");
            }
            if matches!(mode, Mode::TwoWayResolved | Mode::OneWayReplica) {
                assert_ne!(decision, Decision::Conflict, "{a}{h}{g} {mode:?} asks a person");
            }
            assert_ne!(decision, Decision::Read, "{a}{h}{g}: everything has been read");
        }
    }
}

#[test]
fn what_a_safe_mode_overwrites_the_other_side_knew() {
    for [a, h, g] in combinations() {
        for mode in [Mode::TwoWaySafe, Mode::OneWaySafe] {
            let Decision::Apply(to, result) = decide(&format!("{a}{h}{g}"), mode) else { continue };
            let (victim, survivors) = if to == Side::Host { (h, h == 'D') } else { (g, g == 'D') };
            let content = |kind: char| entry(kind).filter(|e| *e != Entry::Untracked);
            let bits = |entry: &Entry| entry.as_file().map(|f| f.digest);
            let kept = content(victim).is_none_or(|lost| {
                let in_ancestor = content(a)
                    .is_some_and(|e| e.same_content(&lost) || bits(&e).is_some_and(|b| Some(b) == bits(&lost)));
                let in_result = result
                    .as_ref()
                    .is_some_and(|e| e.same_content(&lost) || bits(e).is_some_and(|b| Some(b) == bits(&lost)));
                in_ancestor || in_result
            });
            assert!(kept, "{a}{h}{g} {mode:?} loses what {to:?} has");
            let directory_goes = survivors && !result.as_ref().is_some_and(Entry::is_directory);
            assert!(!directory_goes, "{a}{h}{g} {mode:?} loses what is in the directory");
        }
    }
}

#[test]
fn decisions_lead_to_rest() {
    for [a, h, g] in combinations() {
        for mode in MODES {
            let (mut host, mut guest) = (entry(h), entry(g));
            let mut survivors = [h == 'D', g == 'D'];
            let ancestor = entry(a);
            for round in 0.. {
                assert!(round < 4, "{a}{h}{g} {mode:?} doesn't come to rest");
                let facts = Facts {
                    ancestor: ancestor.as_ref(),
                    host: host.as_ref(),
                    guest: guest.as_ref(),
                    survivors,
                    mtime_step_ns: 1,
                };
                let Decision::Apply(to, result) = reconcile(facts, mode) else { break };
                let result = result.filter(|e| *e != Entry::Untracked);
                if !result.as_ref().is_some_and(Entry::is_directory) {
                    survivors[to as usize] = false;
                }
                *(if to == Side::Host { &mut host } else { &mut guest }) = result;
            }
        }
    }
}
