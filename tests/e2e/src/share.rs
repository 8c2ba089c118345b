//! A share of a [`Place`].

use std::path::PathBuf;

use serde_json::Value;

use crate::place::{Place, Ran};
use crate::tree::{Tree, differences, snapshot};
use crate::{eventually, tree};

/// A share.
pub struct Share<'a> {
    place: &'a Place,
    /// Its name.
    pub name: String,
    /// Its folder on the host.
    pub host: PathBuf,
    /// Its copy in the guest.
    pub guest: PathBuf,
}

impl<'a> Share<'a> {
    /// One that exists and has been joined before.
    pub fn new(place: &'a Place, name: &str) -> Self {
        let shown = place.json(&["share", "show", name]);
        let path = |field: &str| PathBuf::from(shown[field].as_str().unwrap_or_else(|| panic!("{field}: {shown}")));
        let (host, guest) = (path("host_path"), path("guest_path"));
        assert!(guest.is_absolute(), "{shown}");
        Self { place, name: name.to_owned(), host, guest }
    }

    /// Everything about it.
    pub fn show(&self) -> Value {
        self.place.json(&["share", "show", &self.name])
    }

    /// Runs `causeway share VERB NAME` with more arguments.
    pub fn verb(&self, verb: &str, more: &[&str]) -> Ran {
        let mut args = vec!["share", verb, &self.name];
        args.extend(more);
        self.place.run(&args)
    }

    /// The same, which has to succeed.
    pub fn ok(&self, verb: &str, more: &[&str]) -> String {
        let ran = self.verb(verb, more);
        assert_eq!(ran.code, 0, "{verb} {more:?}: {}{}\n{}", ran.out, ran.err, self.place.log_end());
        ran.out
    }

    /// What `causeway --json share VERB NAME` shows.
    pub fn json(&self, verb: &str) -> Value {
        self.place.json(&["share", verb, &self.name])
    }

    /// Waits until everything stands on both sides.
    pub fn flush(&self) {
        let ran = self.verb("flush", &["--timeout", "60"]);
        assert!(matches!(ran.code, 0 | 4), "flush: {ran:?}\n{}\n{}", self.show(), self.place.log_end());
    }

    /// Waits until the state is this one.
    pub fn wait_for_state(&self, state: &str) -> Value {
        let mut shown = Value::Null;
        eventually(
            || {
                shown = self.show();
                shown["state"] == state
            },
            || format!("{} to be {state}: {}\n{}", self.name, self.show(), self.place.log_end()),
        );
        shown
    }

    /// Flushes; then both sides have to hold the same. Returns what they hold.
    pub fn assert_equal(&self) -> Tree {
        self.flush();
        let (host, guest) = self.trees();
        let differ = differences(&host, &guest);
        assert!(
            differ.is_empty(),
            "{} paths differ:\n{}\n{}\n{}",
            differ.len(),
            differ[..differ.len().min(20)].join("\n"),
            self.show(),
            self.place.log_end()
        );
        host
    }

    /// What stands on the host and in the guest now.
    pub fn trees(&self) -> (Tree, Tree) {
        (snapshot(&self.host).unwrap(), snapshot(&self.guest).unwrap())
    }

    /// Waits until both sides hold the same, without a flush.
    pub fn wait_until_equal(&self) {
        let mut differ = Vec::new();
        eventually(
            || {
                // Files come and go while the trees are read.
                let (Ok(host), Ok(guest)) = (snapshot(&self.host), snapshot(&self.guest)) else { return false };
                differ = tree::differences(&host, &guest);
                differ.is_empty()
            },
            || format!("both sides of {} to be equal: {}\n{}", self.name, self.show(), self.place.log_end()),
        );
    }
}
