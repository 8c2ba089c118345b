//! A share's connections, and the threads that serve them.

use std::sync::Arc;
use std::thread::JoinHandle;

use causeway_endpoint::fs::OsFs;
use causeway_endpoint::runner::{Runner, ShareSide};
use causeway_endpoint::serve::{ServeError, serve_lane, serve_share};
use causeway_sync::Lane;
use causeway_wire::Stream;
use causeway_wire::agent::ShareId;
use causeway_wire::greeting::Purpose;

use crate::dial::Dialler;
use crate::shares::ShareError;

/// The connections of one session. Dropping it ends them and waits for their threads: what a batch is at is finished or given up.
pub struct Session {
    streams: Vec<Box<dyn Stream>>,
    threads: Vec<JoinHandle<()>>,
}

impl Session {
    /// Dials the share's own connection and its lanes, and serves them.
    pub fn dial(
        runner: &Arc<Runner<OsFs>>,
        share: ShareId,
        session: u64,
        lanes: &[Lane],
        dialler: &Dialler,
    ) -> Result<Self, ShareError> {
        let mut dialled = Self { streams: Vec::new(), threads: Vec::new() };
        let side: Arc<dyn ShareSide> = Arc::clone(runner) as Arc<dyn ShareSide>;
        let stream = dialler.dial(Purpose::Share { share, session })?;
        dialled.serve(stream, "share", move |stream| serve_share(stream, &side))?;
        for lane in lanes {
            let stream = dialler.dial(Purpose::Lane { share, session, lane: *lane })?;
            let endpoint = Arc::clone(runner.endpoint());
            dialled.serve(stream, "lane", move |stream| serve_lane(stream, &endpoint))?;
        }
        Ok(dialled)
    }

    fn serve(
        &mut self,
        stream: Box<dyn Stream>,
        name: &str,
        serve: impl FnOnce(Box<dyn Stream>) -> Result<(), ServeError> + Send + 'static,
    ) -> Result<(), ShareError> {
        self.streams.push(stream.try_clone()?);
        let ours = name.to_owned();
        let run = move || match serve(stream) {
            Ok(()) => tracing::debug!(connection = ours, "a connection has ended"),
            Err(error) => tracing::warn!(connection = ours, %error, "a connection broke"),
        };
        self.threads.push(std::thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for stream in &self.streams {
            // One that has ended already can't be ended.
            let _ = stream.shutdown();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
