//! What the machine takes of this computer: measured from outside while it runs, and remembered for a day.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_api::usage::SAMPLES;
use causeway_api::{Usage, UsageSample, UsageSpan};

use super::{Machine, Watching};

/// How often it is measured: as often as the shortest span has samples.
const EVERY: Duration = Duration::from_secs(5);

/// What a machine takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Processor time since its process began, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// The most memory that it ever had, in bytes.
    pub memory_peak_bytes: u64,
    /// Space on the disk; `None` where nobody counts it.
    pub disk_bytes: Option<u64>,
}

/// What a machine may take at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Processors.
    pub cpus: u32,
    /// Memory; `None` for as much as there is.
    pub memory_bytes: Option<u64>,
    /// Space on the disk; `None` for as much as there is.
    pub disk_bytes: Option<u64>,
}

impl Bounds {
    /// What a process without bounds of its own may take.
    pub fn of_this_computer() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX));
        Self { cpus, memory_bytes: None, disk_bytes: None }
    }
}

/// What a process takes: `stat` and `status` of proc_pid(5).
#[cfg(target_os = "linux")]
pub fn of_process(pid: u32) -> Option<Measured> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, a parenthesis too; the state follows the last one.
    let (_, fields) = stat.rsplit_once(')')?;
    let field = |number: usize| fields.split_whitespace().nth(number)?.parse::<u64>().ok();
    let ticks = field(11)? + field(12)?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // In KiB.
    let size = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok().map(|kib: u64| kib << 10)
    };
    let cpu_ns = ticks.saturating_mul(1_000_000_000 / rustix::param::clock_ticks_per_second().max(1));
    let (memory_bytes, memory_peak_bytes) = (size("VmRSS:")?, size("VmHWM:")?);
    Some(Measured { cpu_ns, memory_bytes, memory_peak_bytes, disk_bytes: None })
}

/// Other systems aren't asked.
#[cfg(not(target_os = "linux"))]
pub fn of_process(_: u32) -> Option<Measured> {
    None
}

/// What was measured lately, for each span.
#[derive(Debug)]
pub struct History {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, Measured)>,
    now: Option<UsageSample>,
    spans: [VecDeque<Gathered>; UsageSpan::ALL.len()],
}

/// The samples of one interval.
#[derive(Clone, Copy, Debug, Default)]
struct Gathered {
    /// Which interval since the history began.
    number: u64,
    samples: u64,
    cpu_permille: u64,
    memory_bytes: u64,
    disk_bytes: Option<u64>,
}

impl Gathered {
    fn mean(&self) -> UsageSample {
        UsageSample {
            cpu_permille: u32::try_from(self.cpu_permille / self.samples).unwrap_or(u32::MAX),
            memory_bytes: self.memory_bytes / self.samples,
            disk_bytes: self.disk_bytes,
        }
    }
}

impl Default for History {
    fn default() -> Self {
        Self { began: Instant::now(), state: Mutex::default() }
    }
}

impl History {
    /// It was measured.
    fn note(&self, at: Instant, measured: Measured, cpus: u32) {
        let mut state = self.state();
        let before = state.last.replace((at, measured));
        // Of a process that was started meanwhile nothing is known yet.
        let Some((then, before)) = before.filter(|(_, before)| before.cpu_ns <= measured.cpu_ns) else { return };
        let could_ns = at.saturating_duration_since(then).as_nanos() * u128::from(cpus.max(1));
        let permille = (u128::from(measured.cpu_ns - before.cpu_ns) * 1000).checked_div(could_ns).unwrap_or(0);
        let sample = UsageSample {
            cpu_permille: u32::try_from(permille.min(1000)).unwrap_or(1000),
            memory_bytes: measured.memory_bytes,
            disk_bytes: measured.disk_bytes,
        };
        state.now = Some(sample);
        for (span, gathered) in UsageSpan::ALL.into_iter().zip(&mut state.spans) {
            let number = self.number(at, span);
            if gathered.back().is_none_or(|last| last.number != number) {
                gathered.push_back(Gathered { number, ..Gathered::default() });
            }
            if gathered.len() > SAMPLES {
                gathered.pop_front();
            }
            let Some(last) = gathered.back_mut() else { continue };
            last.samples += 1;
            last.cpu_permille += u64::from(sample.cpu_permille);
            last.memory_bytes += sample.memory_bytes;
            last.disk_bytes = sample.disk_bytes;
        }
    }

    /// It doesn't run.
    fn pause(&self) {
        let mut state = self.state();
        (state.last, state.now) = (None, None);
    }

    /// What it took lately.
    pub fn of(&self, span: UsageSpan, bounds: Bounds) -> Usage {
        self.of_at(span, bounds, Instant::now())
    }

    fn of_at(&self, span: UsageSpan, bounds: Bounds, now: Instant) -> Usage {
        let state = self.state();
        let mut samples = vec![None; SAMPLES];
        let number = self.number(now, span);
        let gathered = UsageSpan::ALL.into_iter().zip(&state.spans).find(|(known, _)| *known == span);
        for gathered in gathered.into_iter().flat_map(|(_, gathered)| gathered) {
            let back = usize::try_from(number.saturating_sub(gathered.number)).unwrap_or(usize::MAX);
            if let Some(place) = SAMPLES.checked_sub(back + 1) {
                samples[place] = Some(gathered.mean());
            }
        }
        let Bounds { cpus, memory_bytes, disk_bytes } = bounds;
        let given_back = |(_, last): (_, Measured)| last.memory_peak_bytes.saturating_sub(last.memory_bytes);
        let (now, given_back_bytes) = (state.now, state.last.map(given_back));
        Usage { interval_ms: span.interval_ms(), samples, now, cpus, memory_bytes, disk_bytes, given_back_bytes }
    }

    fn number(&self, at: Instant, span: UsageSpan) -> u64 {
        let since = at.saturating_duration_since(self.began).as_millis() / u128::from(span.interval_ms());
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures a machine as long as it lives. While the machine doesn't run, nothing is done, not even by a timer.
pub struct Measuring {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
    _watching: Watching,
}

#[derive(Default)]
struct Signal {
    state: Mutex<Woken>,
    changed: Condvar,
}

#[derive(Default)]
struct Woken {
    quit: bool,
    /// The machine has changed since it was last measured.
    changed: bool,
}

impl Measuring {
    /// Begins, and writes into `history`.
    pub fn start(machine: &Arc<dyn Machine>, history: Arc<History>) -> std::io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let theirs = Arc::clone(&signal);
        let watching = machine.watch(Box::new(move || theirs.wake(|woken| woken.changed = true)));
        let (weak, theirs) = (Arc::downgrade(machine), Arc::clone(&signal));
        let measure = move || theirs.measure(&weak, &history);
        let thread = std::thread::Builder::new().name("usage".to_owned()).spawn(measure)?;
        Ok(Self { signal, thread: Some(thread), _watching: watching })
    }
}

impl Signal {
    fn wake(&self, change: impl FnOnce(&mut Woken)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn measure(&self, machine: &Weak<dyn Machine>, history: &History) {
        while let Some(machine) = machine.upgrade() {
            let measured = machine.measure();
            match measured {
                Some(measured) => history.note(Instant::now(), measured, machine.bounds().cpus),
                None => history.pause(),
            }
            drop(machine);
            if self.wait(measured.is_some()) {
                return;
            }
        }
    }

    /// Waits for the next time, or, where the machine doesn't run, until it has changed. Returns whether there is none.
    fn wait(&self, runs: bool) -> bool {
        let mut woken = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + EVERY;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if woken.quit || (runs && left.is_zero()) || (!runs && woken.changed) {
                woken.changed = false;
                return woken.quit;
            }
            woken = if runs {
                self.changed.wait_timeout(woken, left).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.changed.wait(woken).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        self.signal.wake(|woken| woken.quit = true);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { cpus: 2, memory_bytes: Some(8_000), disk_bytes: None };

    fn measured(cpu_ms: u64, memory_bytes: u64) -> Measured {
        Measured { cpu_ns: cpu_ms * 1_000_000, memory_bytes, memory_peak_bytes: 5_000, disk_bytes: Some(7) }
    }

    #[test]
    fn samples_stand_where_they_were_taken_and_are_gathered() {
        let history = History::default();
        let at = |seconds: u64| history.began + Duration::from_secs(seconds);
        history.note(at(0), measured(100, 1_000), 2);
        history.note(at(5), measured(1_100, 2_000), 2);
        history.note(at(10), measured(11_100, 4_000), 2);
        let shown = history.of_at(UsageSpan::QuarterHour, BOUNDS, at(15));
        let (half, full) = (shown.samples[SAMPLES - 3].unwrap(), shown.samples[SAMPLES - 2].unwrap());
        // A second of two processors' ten, and all of it.
        assert_eq!((half.cpu_permille, half.memory_bytes, half.disk_bytes), (100, 2_000, Some(7)));
        assert_eq!((full.cpu_permille, full.memory_bytes), (1_000, 4_000));
        assert_eq!((shown.samples[SAMPLES - 1], shown.samples[SAMPLES - 4], shown.now), (None, None, Some(full)));
        assert_eq!((shown.cpus, shown.memory_bytes, shown.disk_bytes), (2, Some(8_000), None));
        assert_eq!(shown.given_back_bytes, Some(1_000));
        let hour = history.of_at(UsageSpan::Hour, BOUNDS, at(15)).samples[SAMPLES - 1].unwrap();
        assert_eq!((hour.cpu_permille, hour.memory_bytes), (550, 3_000));
    }

    #[test]
    fn a_process_that_is_another_or_gone_makes_a_gap() {
        let history = History::default();
        let at = |seconds: u64| history.began + Duration::from_secs(seconds);
        history.note(at(0), measured(9_000, 1), 1);
        history.note(at(5), measured(10, 1), 1);
        assert_eq!(history.of_at(UsageSpan::Day, BOUNDS, at(5)).now, None);
        history.note(at(10), measured(20, 1), 1);
        history.pause();
        let shown = history.of_at(UsageSpan::QuarterHour, BOUNDS, at(10));
        assert_eq!((shown.now, shown.samples.iter().flatten().count(), shown.given_back_bytes), (None, 1, None));
        let long_after = history.of_at(UsageSpan::QuarterHour, BOUNDS, at(2_000));
        assert!(long_after.samples.iter().all(Option::is_none));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_measured() {
        let measured = of_process(std::process::id()).unwrap();
        assert!(measured.memory_bytes > 100_000 && measured.memory_peak_bytes >= measured.memory_bytes);
        assert_eq!(of_process(u32::MAX), None);
    }
}
