//! Peers of another version, and peers that say what no peer would, in both directions: nothing comes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use causeway_e2e::{Meddler, Meddling, Party, Place, Share, eventually};

/// How often a message is meddled with before that ends.
const TIMES: usize = 3;

fn shared(place: &Place) -> Share<'_> {
    let folder = place.folder("around/repo");
    fs::create_dir(folder.join("qq")).unwrap();
    fs::write(folder.join(Meddler::INSIDE), "before").unwrap();
    let share = place.share(&folder, &[]);
    share.flush();
    share
}

/// What stands beside a folder.
fn beside(folder: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Has what a party says changed while there is something to say, several times, then no more. Nothing has changed but in the share,
/// the engine is the same, and both sides become equal.
fn meddle_while_edited(place: &Place, meddler: &Meddler, share: &Share<'_>, how: (Party, Meddling)) {
    let engine = place.engine_pid();
    let around = [&share.host, &share.guest].map(|side| beside(side));
    meddler.set(Some(how));
    let mut round = 0;
    eventually(
        || {
            round += 1;
            for (side, name) in [(&share.host, "host"), (&share.guest, "guest")] {
                fs::write(side.join("qq").join(name), format!("{how:?} {round}")).unwrap();
            }
            // One side alone, or it would be a conflict.
            let side = if how.0 == Party::Agent { &share.guest } else { &share.host };
            fs::write(side.join(Meddler::INSIDE), format!("{how:?} {round}")).unwrap();
            meddler.count() >= TIMES
        },
        || format!("{how:?}, done {} times: {}\n{}", meddler.count(), share.show(), place.log_end()),
    );
    meddler.set(None);
    share.wait_for_state("watching");
    share.wait_until_equal();
    share.assert_equal();
    assert_eq!([&share.host, &share.guest].map(|side| beside(side)), around, "{how:?}");
    assert_eq!(place.engine_pid(), engine, "{how:?}: {}", place.log_end());
    let log = fs::read_to_string(place.home().join("logs/engine.log")).unwrap();
    assert!(!log.contains("panicked") && !log.contains("broke down"), "{how:?}: {log}");
}

#[test]
fn a_peer_that_sends_garbage_or_oversized_messages_changes_nothing() {
    let place = Place::new();
    let meddler = Meddler::start(&place);
    let share = shared(&place);
    for how in [Meddling::Garbage, Meddling::Oversized] {
        for party in [Party::Agent, Party::Engine] {
            meddle_while_edited(&place, &meddler, &share, (party, how));
        }
    }
}

#[test]
fn a_peer_that_sends_path_escaping_messages_changes_nothing_outside() {
    let place = Place::new();
    let meddler = Meddler::start(&place);
    let share = shared(&place);
    for party in [Party::Agent, Party::Engine] {
        meddle_while_edited(&place, &meddler, &share, (party, Meddling::Path));
    }
}

#[test]
fn a_peer_of_another_version_is_named_as_such() {
    let place = Place::new();
    let meddler = Meddler::start(&place);
    let share = shared(&place);
    for party in [Party::Agent, Party::Engine] {
        meddler.set(Some((party, Meddling::Version)));
        place.kill_agent();
        let says_so = || match party {
            Party::Agent => place.json(&["machine", "status"])["detail"].to_string(),
            Party::Engine => fs::read_to_string(place.home().join("logs/agent.log")).unwrap(),
        };
        let names = "speaks version 32767 of the protocol, this one version";
        eventually(
            || says_so().contains(names),
            || format!("{party:?} to be named: {}\n{}", says_so(), place.log_end()),
        );
        fs::write(share.host.join("file"), format!("while it is {party:?}'s")).unwrap();
        assert_ne!(share.show()["state"], "watching");
        meddler.set(None);
        share.wait_for_state("watching");
        share.assert_equal();
    }
}
