//! A file system that takes names for one that differ only in case.

use std::fs;
use std::path::Path;

use causeway_endpoint::Look;
use causeway_endpoint::fs::Fs;
use causeway_endpoint::watch::Hint;
use causeway_sync::{Entry, Operation, Outcome, ProblemKind};

use crate::side::{Making, Side, done, path, write};

fn side(fill: impl FnOnce(&Path)) -> Side {
    let mut can = Side::new().ep.fs().inner.probe().unwrap();
    can.case_sensitive = false;
    let side = Side::make(Making { can: Some(can), ..Making::default() }, |share| {
        fill(share);
        crate::side::settle(share);
    });
    side.crawl();
    side.read_all();
    side.told();
    side
}

fn filled(share: &Path) {
    write(share, "Readme", "x");
    write(share, "Dir/x", "x");
}

#[test]
fn the_second_of_two_names_is_a_problem_that_names_the_first() {
    let side = side(filled);
    let occupied = |outcome: Outcome| match outcome {
        Outcome::Problem(problem) => problem.kind,
        other => panic!("{other:?}"),
    };
    let exists = |existing: &str| ProblemKind::FileExists { existing: path(existing) };
    assert_eq!(occupied(side.put("README", None, "y")), exists("Readme"));
    assert_eq!(occupied(side.put("dir", None, "y")), exists("Dir"));
    assert_eq!(occupied(side.act("readme", None, Operation::Directory)), exists("Readme"));
    assert_eq!(occupied(side.put("Dir/X", None, "y")), exists("Dir/x"));
    let to = |to: &str| Operation::Rename { to: path(to) };
    assert_eq!(occupied(side.act("Readme", side.entry("Readme"), to("Dir/X"))), exists("Dir/x"));
    assert_eq!(fs::read_to_string(side.at("Readme")).unwrap(), "x");
    assert_eq!(side.staged(), [""; 0]);
}

#[test]
fn a_rename_that_changes_only_the_case_is_carried_out() {
    let side = side(filled);
    let file = side.entry("Readme");
    done(side.act("Readme", file.clone(), Operation::Rename { to: path("README") }));
    done(side.act("Dir", Some(Entry::Directory), Operation::Rename { to: path("dir") }));
    assert_eq!(side.known().into_keys().collect::<Vec<_>>(), ["README", "dir", "dir/x"]);
    assert!(side.at("README").exists() && side.at("dir/x").exists() && !side.at("Dir").exists());
    side.told();
    side.crawl();
    assert_eq!(side.told_short(), [""; 0]);
}

#[test]
fn a_rename_that_changes_only_the_case_is_found() {
    for by_crawl in [false, true] {
        let side = side(filled);
        fs::rename(side.at("Readme"), side.at("README")).unwrap();
        fs::rename(side.at("Dir"), side.at("dir")).unwrap();
        if by_crawl {
            side.crawl();
            assert_eq!(side.told_short(), ["+README", "-Readme", "Dir>dir"]);
        } else {
            let moved = Look::Hint(Hint::Moved);
            side.check(&[("Readme", moved), ("README", moved), ("Dir", moved), ("dir", moved)]);
            assert_eq!(side.told_short(), ["Dir>dir", "Readme>README"]);
        }
        side.check_dirty();
        side.read_all();
        side.assert_known();
    }
}

#[test]
fn an_event_by_another_name_is_about_what_stands_there() {
    let side = side(filled);
    side.check_closed(&["README", "dir/x", "DIR/X", "dir"]);
    assert_eq!(side.told_short(), [""; 0]);
    side.assert_known();
    for (real, name) in [("Readme", "Readme"), ("Readme", "README"), ("Dir/x", "Dir/X"), ("Dir/x", "dir/x")] {
        side.write_old(real, &format!("changed for {name}"));
        side.check_closed(&[name]);
        assert_eq!(side.told_short(), [format!("+{real}")], "{name}");
        side.assert_known();
    }
    fs::remove_file(side.at("Readme")).unwrap();
    side.check_closed(&["README"]);
    assert_eq!(side.told_short(), ["-Readme"]);
}

#[test]
fn a_file_saved_by_another_name_takes_the_place_of_the_first() {
    let side = side(filled);
    fs::remove_file(side.at("Readme")).unwrap();
    side.write_old("README", "saved anew");
    side.check_closed(&["README"]);
    assert_eq!(side.told_short(), ["+README", "-Readme"]);
    side.assert_known();
}

#[test]
fn what_is_known_by_another_name_goes_where_an_action_has_put_something_before_it_was_heard_of() {
    for told_as in ["Readme", "README", "readme"] {
        let side = side(filled);
        fs::remove_file(side.at("Readme")).unwrap();
        done(side.put("README", None, "y"));
        assert_eq!(side.known().into_keys().collect::<Vec<_>>(), ["Dir", "Dir/x", "README", "Readme"]);
        side.told();
        side.check(&[(told_as, Look::Hint(Hint::Removed))]);
        side.check_dirty();
        assert_eq!(side.told_short(), ["-Readme"], "{told_as}");
        side.assert_known();
    }
}
