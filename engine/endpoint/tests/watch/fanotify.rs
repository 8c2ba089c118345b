//! What only the whole disk's watcher can do.

use std::fs;
use std::process::Command;
use std::sync::mpsc::Receiver;

use causeway_endpoint::watch::{GuestWatcher, WatchConfig, WatchEvent};

use crate::{Backend, PATIENCE, Watched, backends, channel, run, text, write};

fn owners(events: &[WatchEvent]) -> Vec<bool> {
    let own = |event: &WatchEvent| if let WatchEvent::Dirty { own, .. } = event { Some(*own) } else { None };
    events.iter().filter_map(own).collect()
}

fn until_cookie(events: &Receiver<WatchEvent>, cookie: u64) -> Vec<String> {
    let next = || events.recv_timeout(PATIENCE).unwrap();
    std::iter::repeat_with(next)
        .take_while(|event| *event != WatchEvent::CookieSeen(cookie))
        .map(|event| text(&event))
        .collect()
}

#[test]
fn own_changes_are_told_apart() {
    if !backends().contains(&Backend::Fanotify) {
        return;
    }
    let mut watched = Watched::new(Backend::Fanotify);
    for round in 0..200 {
        write(watched.share.join(format!("own-{round}")), "x");
    }
    let own = owners(&watched.events());
    assert!(own.len() >= 200 && own.iter().all(|own| *own));
    let script = "for i in $(seq 200); do echo x > foreign-$i; done; mkdir d; mv d e; chmod 700 e";
    let status = run(Command::new("sh").args(["-c", script]).current_dir(&watched.share));
    assert!(status.success());
    let own = owners(&watched.events());
    assert!(own.len() >= 204 && own.iter().all(|own| !*own));
    // Both on one name, at once: never merged into one.
    write(watched.share.join("both"), "x");
    let status = run(Command::new("sh").args(["-c", "echo y > both"]).current_dir(&watched.share));
    assert!(status.success());
    let own = owners(&watched.events());
    assert!(own.contains(&true) && own.contains(&false), "{own:?}");
}

#[test]
fn several_shares_have_one_watcher() {
    if !backends().contains(&Backend::Fanotify) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let guest = GuestWatcher::new(temp.path().join("cookies")).unwrap();
    let add = |name: &str| {
        let share = temp.path().join(name);
        fs::create_dir(&share).unwrap();
        let (sink, receiver) = channel();
        let config = WatchConfig { share, cookies: temp.path().join(format!("cookies-{name}")), skip: None };
        (guest.add_share(config, sink).unwrap(), receiver)
    };
    let (one, events_of_one) = add("share");
    let (two, events_of_two) = add("share-two");
    write(temp.path().join("share/a"), "x");
    write(temp.path().join("share-two/b"), "x");
    write(temp.path().join("neither"), "x");
    // The same number for both.
    one.cookie(1).unwrap();
    two.cookie(1).unwrap();
    for (events, name) in [(&events_of_one, " a"), (&events_of_two, " b")] {
        let told = until_cookie(events, 1);
        assert!(!told.is_empty() && told.iter().all(|told| told.ends_with(name)), "{told:?} of{name}");
    }
    drop(one);
    write(temp.path().join("share/c"), "x");
    fs::rename(temp.path().join("share"), temp.path().join("share-two/moved")).unwrap();
    two.cookie(2).unwrap();
    // The file written just before is told there too, where its directory had moved on by then.
    assert!(until_cookie(&events_of_two, 2).contains(&"Moved moved".to_owned()));
    assert!(events_of_one.try_recv().is_err());
}

#[test]
fn a_root_that_moves_with_a_directory_above_it_is_gone() {
    if !backends().contains(&Backend::Fanotify) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let guest = GuestWatcher::new(temp.path().join("cookies")).unwrap();
    let share = temp.path().join("above/share");
    fs::create_dir_all(&share).unwrap();
    let (sink, receiver) = channel();
    let config = WatchConfig { share, cookies: temp.path().join("unused"), skip: None };
    let _watch = guest.add_share(config, sink).unwrap();
    fs::rename(temp.path().join("above"), temp.path().join("elsewhere")).unwrap();
    assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), WatchEvent::RootGone);
}
