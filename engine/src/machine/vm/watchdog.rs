//! Notices a guest that doesn't answer any more, and keeps its clock right.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::machine::presence::Presence;
use crate::remote::AgentError;

/// How often the agent is asked. Its clock is wrong this long after the computer slept.
const EVERY: Duration = Duration::from_secs(5);
/// How long it may take to answer. It answers at once, but on a computer that is out of breath; and a device that hangs is dead for good.
const LIMIT: Duration = Duration::from_secs(40);

/// Asks the agent for a sign of life as long as it lives.
pub struct Watchdog {
    quit: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// `on_silence` is called when the agent doesn't answer.
    pub fn start(presence: Arc<Presence>, on_silence: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let quit = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&quit);
        let watch = move || {
            while !waits(&theirs) {
                if let Some(link) = presence.link()
                    && let Err(error @ AgentError::TimedOut(_)) = link.set_clock(now_ns(), LIMIT)
                    && !link.is_over()
                {
                    tracing::warn!(%error, "the machine doesn't answer and is started again");
                    on_silence();
                }
            }
        };
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch)?;
        Ok(Self { quit, thread: Some(thread) })
    }
}

/// Waits for the next time; returns true when there is none.
fn waits((quit, woken): &(Mutex<bool>, Condvar)) -> bool {
    let quit = quit.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = woken.wait_timeout_while(quit, EVERY, |quit| !*quit).unwrap_or_else(PoisonError::into_inner);
    *waited.0
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.quit.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.quit.1.notify_all();
        let Some(thread) = self.thread.take() else { return };
        // The last owner of the machine may be this thread itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}
