//! `causeway share flush`: when it returns, everything before it stands on both sides.

use std::fs;

use causeway_e2e::Place;

#[test]
fn a_flush_never_lies() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    for round in 0..30 {
        let (from, to) = if round % 2 == 0 { (&share.host, &share.guest) } else { (&share.guest, &share.host) };
        let text = format!("round {round}");
        fs::write(from.join("file"), &text).unwrap();
        fs::create_dir_all(from.join(format!("dir{round}/below"))).unwrap();
        fs::write(from.join(format!("dir{round}/below/file")), &text).unwrap();
        share.ok("flush", &[]);
        assert_eq!(fs::read_to_string(to.join("file")).unwrap(), text);
        assert_eq!(fs::read_to_string(to.join(format!("dir{round}/below/file"))).unwrap(), text);
    }
}

#[test]
fn a_flush_that_cannot_be_had_says_so_in_time() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    let paused = {
        share.ok("pause", &[]);
        share.verb("flush", &[])
    };
    assert_eq!(paused.code, 1, "{paused:?}");
    assert!(paused.err.contains("paused") && paused.err.contains("causeway share resume repo"), "{paused:?}");
    share.ok("resume", &[]);
    share.ok("flush", &[]);

    place.ok(&["machine", "stop"]);
    let disconnected = share.verb("flush", &["--timeout", "0.3"]);
    assert_eq!(disconnected.code, 5, "{disconnected:?}");
    place.ok(&["machine", "start"]);
    fs::write(share.host.join("file"), "x").unwrap();
    share.ok("flush", &[]);
    assert!(share.guest.join("file").exists());
}
