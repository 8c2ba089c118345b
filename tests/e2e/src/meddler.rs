//! Somebody between engine and agent who changes what the one says to the other.
//!
//! The engine is told of an agent program that is a script: it runs the real agent with the meddler's socket in place of the engine's.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::Place;
use crate::place::program;

/// Whose words are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// What the engine hears.
    Agent,
    /// What the agent hears.
    Engine,
}

/// How they are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// Another version of the protocol is greeted with.
    Version,
    /// Bytes that are no message.
    Garbage,
    /// A message is announced that is longer than any may be.
    Oversized,
    /// [`Meddler::INSIDE`] becomes [`Meddler::OUTSIDE`].
    Path,
}

/// The meddler. It passes on what is said until it is told otherwise.
pub struct Meddler {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    engine: PathBuf,
    what: Mutex<Option<(Party, Meddling)>>,
    count: AtomicUsize,
}

impl Meddler {
    /// A path in a share, and what it becomes: as long, and outside.
    pub const INSIDE: &str = "qq/side-door";
    /// See [`Self::INSIDE`].
    pub const OUTSIDE: &str = "../side-door";

    /// Stands between the engine of a place, which doesn't run yet, and its agent.
    pub fn start(place: &Place) -> Self {
        let socket = place.base().join("meddler.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let shared = Arc::new(Shared { engine: place.home().join("run/agent.sock"), ..Shared::default() });
        let theirs = Arc::clone(&shared);
        // It ends with the test's process.
        thread::spawn(move || {
            for agent in listener.incoming().map_while(Result::ok) {
                // An engine that has ended is dialled by nobody.
                let Ok(engine) = UnixStream::connect(&theirs.engine) else { continue };
                pass_on(&theirs, Party::Agent, &agent, &engine);
                pass_on(&theirs, Party::Engine, &engine, &agent);
            }
        });
        let script = place.base().join("agent.sh");
        let agent = program("causeway-agent");
        let text = format!("#!/bin/sh\nexec {} --socket {} --disk \"$4\"\n", agent.display(), socket.display());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        place.set_agent(script);
        Self { shared }
    }

    /// Begins to meddle, or ends.
    pub fn set(&self, what: Option<(Party, Meddling)>) {
        *self.shared.what.lock().unwrap() = what;
        self.shared.count.store(0, Ordering::Relaxed);
    }

    /// How often it has meddled since it was told what to do.
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::Relaxed)
    }
}

/// Passes on what one party says to the other, until either goes.
fn pass_on(shared: &Arc<Shared>, party: Party, from: &UnixStream, to: &UnixStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let (mut buffer, mut is_first) = (vec![0; 1 << 16], true);
        while let Ok(count) = from.read(&mut buffer) {
            let mut said = buffer[..count].to_vec();
            shared.meddle(party, &mut said, std::mem::take(&mut is_first));
            if said.is_empty() || to.write_all(&said).is_err() {
                break;
            }
        }
        // One of them has gone already.
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

impl Shared {
    fn meddle(&self, party: Party, said: &mut Vec<u8>, is_first: bool) {
        let Some((whose, how)) = *self.what.lock().unwrap() else { return };
        if whose != party || said.is_empty() {
            return;
        }
        match how {
            // Six bytes that say who speaks, then the version.
            Meddling::Version if is_first => said[6..8].copy_from_slice(&[0xff, 0x7f]),
            Meddling::Garbage if !is_first => *said = [&[5, 0, 0, 0][..], &[0xff; 5]].concat(),
            Meddling::Oversized if !is_first => *said = vec![0xff; 64],
            Meddling::Path => {
                let inside = Meddler::INSIDE.as_bytes();
                let Some(at) = said.windows(inside.len()).position(|window| window == inside) else { return };
                said[at..at + inside.len()].copy_from_slice(Meddler::OUTSIDE.as_bytes());
            }
            _ => return,
        }
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}
