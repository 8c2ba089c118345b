//! Shares: how they come to be, and what keeps each running.
//!
//! Each share has one thread. It owns the [session](causeway_sync::session) and takes everything from one inbox: what the two
//! sides tell, what people ask, what it started elsewhere and is now done. Nothing in it waits for a disk or a peer for long:
//! that happens on the sides' own threads, or on short-lived ones.
//!
//! ```text
//!   control API ──► Command ─┐
//!   host endpoint ─► Report ─┼─► inbox ─► thread: Session ─► Output ─► host endpoint, guest, lanes
//!   guest (agent) ─► Report ─┘                      └─► ShareInfo ─► Feed
//! ```
//!
//! A panic in a share's thread makes that share Disconnected for a moment; then it starts anew from what is on disk. Other
//! shares, and the engine, don't notice.

mod acknowledge;
mod actor;
mod attempt;
pub mod check;
pub mod clock;
pub mod command;
mod connect;
mod durable;
mod errands;
mod flush;
pub mod host;
mod last_change;
mod leave;
mod lists;
mod meter;
mod milestones;
mod pin;
pub mod prepared;
pub mod publish;
mod reports;
pub mod rules;
pub mod shown;
mod space;
mod state;
mod verify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_api::{Feed, Home};

use self::actor::{Actor, Input};
use self::command::Command;
use crate::activity::ActivityBook;
use crate::docker::usage::UsageBook;
use crate::machine::Machine;
use crate::machine::backoff::Backoff;
use crate::preparations::Preparations;
use crate::settings::ShareSettings;

/// What a share needs of the engine.
#[derive(Clone)]
pub struct Surroundings {
    /// Where everything is kept.
    pub home: Home,
    /// Where the guest's copy is.
    pub machine: Arc<dyn Machine>,
    /// Where it is shown.
    pub feed: Arc<Feed>,
    /// Where what crossed is remembered.
    pub activity: Arc<ActivityBook>,
    /// Which containers have what.
    pub usage: Arc<UsageBook>,
    /// How quickly shares became usable.
    pub preparations: Arc<Preparations>,
}

impl Surroundings {
    /// The directory that holds all that the host keeps of a share.
    fn share_dir(&self, settings: &ShareSettings) -> PathBuf {
        self.home.share_dir(&settings.id)
    }
}

/// A share's thread, from outside.
pub struct ShareHandle {
    inbox: Sender<Input>,
    thread: JoinHandle<()>,
}

impl ShareHandle {
    /// Starts the thread. The share is in the feed when this returns.
    pub fn start(settings: ShareSettings, around: Surroundings) -> Self {
        let (sender, inbox) = mpsc::channel();
        around.feed.put_share(publish::initial(&settings, &*around.machine));
        let theirs = sender.clone();
        let thread = std::thread::Builder::new()
            .name(format!("share {}", settings.name))
            .spawn(move || live(settings, &around, &theirs, &inbox))
            .expect("the system has room for one more thread");
        Self { inbox: sender, thread }
    }

    /// Hands it a request. A thread that has ended drops it, and with it the way to answer.
    pub fn tell(&self, command: Command) {
        let _ = self.inbox.send(Input::Command(command));
    }

    /// Waits until the thread has ended, at most until `deadline`.
    pub fn wait_until_ended(self, deadline: Instant) -> bool {
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.thread.join().is_ok()
    }
}

/// Runs a share until it is to end, anew after each panic.
fn live(mut settings: ShareSettings, around: &Surroundings, sender: &Sender<Input>, inbox: &Receiver<Input>) {
    let mut backoff = Backoff::default();
    let mut broke_down = None;
    loop {
        let began = Instant::now();
        let run = AssertUnwindSafe(|| {
            let mut actor = Actor::new(settings.clone(), around.clone(), sender.clone(), broke_down.take());
            let ended = catch_unwind(AssertUnwindSafe(|| actor.run(inbox)));
            (ended, actor.into_settings())
        });
        let reason = match catch_unwind(run) {
            Ok((Ok(()), _)) => return,
            Ok((Err(panic), now)) => {
                settings = now;
                words_of(&*panic)
            }
            Err(panic) => words_of(&*panic),
        };
        tracing::error!(share = %settings.name, reason, "broke down and starts again");
        if wait_before_restart(inbox, backoff.after(began.elapsed())) {
            return;
        }
        broke_down = Some(reason);
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    words.unwrap_or("a defect").to_owned()
}

/// Waits; requests that come meanwhile go unanswered but for the one to end, on which this returns true.
fn wait_before_restart(inbox: &Receiver<Input>, wait: Duration) -> bool {
    let until = Instant::now() + wait;
    loop {
        match inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Input::Command(Command::Stop)) | Err(RecvTimeoutError::Disconnected) => return true,
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}
