//! A thread that does one thing after the other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;

/// Jobs that wait, at most; who brings more waits too.
const WAITING_MAX: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one job after the other. Dropping it drops the jobs that haven't begun, and waits for the one that has.
pub(super) struct Worker {
    jobs: Option<SyncSender<Job>>,
    quit: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(name: &str) -> io::Result<Self> {
        let (jobs, next) = mpsc::sync_channel::<Job>(WAITING_MAX);
        let quit = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&quit);
        let work = move || {
            while let Ok(job) = next.recv() {
                if !stop.load(Ordering::Acquire) {
                    job();
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), quit, thread: Some(thread) })
    }

    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let jobs = self.jobs.as_ref().expect("it is there until the drop");
        // The thread ends before only by a panic in a job, which has been shown; then nothing is answered any more.
        let _ = jobs.send(Box::new(job));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Release);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
