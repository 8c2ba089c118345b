//! A share's own connection.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_sync::{Changes, Seq};
use causeway_wire::agent::RequestId;
use causeway_wire::frame::encoded_bytes;
use causeway_wire::parts::parts;
use causeway_wire::share::{Note, REQUESTS_MAX, ShareCall, ShareReply, ShareRequest, ShareSaid, WINDOW_BYTES_MAX};
use causeway_wire::{FrameError, FrameReader, FrameWriter, Stream};

use super::ServeError;
use crate::runner::ShareSide;

/// Serves a share's own connection: one session. Answers are written by the threads that find them; one that the engine doesn't
/// take within the stream's time limit ends the connection.
pub fn serve_share(stream: Box<dyn Stream>, side: &Arc<dyn ShareSide>) -> Result<(), ServeError> {
    let mut reader = FrameReader::new(stream.try_clone().map_err(FrameError::Io)?);
    let caller = Arc::new(Caller {
        ending: stream.try_clone().map_err(FrameError::Io)?,
        writer: Mutex::new(FrameWriter::new(stream)),
        open: Mutex::new(Open::default()),
    });
    let served = serve(&mut reader, &caller, side);
    side.end();
    // The stream may have failed already.
    let _ = caller.ending.shutdown();
    served
}

fn serve(
    reader: &mut FrameReader<Box<dyn Stream>>,
    caller: &Arc<Caller>,
    side: &Arc<dyn ShareSide>,
) -> Result<(), ServeError> {
    while let Some(call) = reader.read::<ShareCall>()? {
        match call {
            ShareCall::Request { id, request } => take_request(caller, side, id, request)?,
            ShareCall::Note(_) if !caller.open().begun => {
                return Err(ServeError::Violation("a note before the beginning"));
            }
            ShareCall::Note(note) => take_note(&**side, note),
        }
    }
    Ok(())
}

fn take_note(side: &dyn ShareSide, note: Note) {
    match note {
        Note::Acknowledge(seq) => side.acknowledge(seq),
        Note::Recheck(path) => side.recheck(path),
        Note::Relist(path) => side.relist(path),
        Note::Read(paths) => side.read(paths),
        Note::SetRules(rules) => side.set_rules(rules),
        Note::Pin(paths) => side.pin(paths),
        Note::StopVerifying => side.stop_verifying(),
    }
}

fn take_request(
    caller: &Arc<Caller>,
    side: &Arc<dyn ShareSide>,
    id: RequestId,
    request: ShareRequest,
) -> Result<(), ServeError> {
    caller.open().note(id, &request).map_err(ServeError::Violation)?;
    let back = Arc::clone(caller);
    match request {
        ShareRequest::Begin => {
            let events = Arc::clone(caller);
            side.begin(
                Arc::new(move |event| events.say(&ShareSaid::Event(event))),
                Box::new(move |hello| match hello {
                    Ok(hello) => back.reply(id, ShareReply::Begun(hello)),
                    Err(failure) => back.reply(id, ShareReply::Failed(failure)),
                }),
            );
        }
        ShareRequest::Pull { after, limit } => pull(back, Arc::clone(side), id, after, limit),
        ShareRequest::Sync => side.sync(Box::new(move |synced| back.reply(id, ShareReply::Synced(synced)))),
        ShareRequest::Barrier => side.barrier(Box::new(move |seq| back.reply(id, ShareReply::Barriered(seq)))),
        ShareRequest::Errand(errand) => {
            side.ask(errand, Box::new(move |done| back.reply(id, ShareReply::Errand(done))));
        }
    }
    Ok(())
}

/// Asks for a window; where it is too long to be sent, for a shorter one. (One change always fits.)
fn pull(caller: Arc<Caller>, side: Arc<dyn ShareSide>, id: RequestId, after: Seq, limit: u32) {
    let again = Arc::clone(&side);
    let answer = move |window: Changes| {
        let bytes: usize = window.changes.iter().map(encoded_bytes).sum();
        if bytes > WINDOW_BYTES_MAX && limit > 1 {
            pull(caller, again, id, after, limit / 2);
        } else {
            caller.reply_changes(id, &window);
        }
    };
    side.pull(after, limit, Box::new(answer));
}

/// The engine, as far as this connection goes.
struct Caller {
    ending: Box<dyn Stream>,
    writer: Mutex<FrameWriter<Box<dyn Stream>>>,
    open: Mutex<Open>,
}

/// Requests without an answer.
#[derive(Default)]
struct Open {
    begun: bool,
    pulling: Option<RequestId>,
    ids: HashSet<RequestId>,
}

impl Open {
    fn note(&mut self, id: RequestId, request: &ShareRequest) -> Result<(), &'static str> {
        let begins = matches!(request, ShareRequest::Begin);
        if begins == self.begun {
            return Err("a session begins once, and first");
        }
        self.begun = true;
        if self.ids.len() >= REQUESTS_MAX {
            return Err("too many requests at once");
        }
        if !self.ids.insert(id) {
            return Err("a request's number is used twice");
        }
        if matches!(request, ShareRequest::Pull { .. }) && self.pulling.replace(id).is_some() {
            return Err("two pulls at once");
        }
        Ok(())
    }

    fn close(&mut self, id: RequestId) {
        self.ids.remove(&id);
        if self.pulling == Some(id) {
            self.pulling = None;
        }
    }
}

impl Caller {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, id: RequestId, reply: ShareReply) {
        self.open().close(id);
        self.say(&ShareSaid::Reply { id, reply });
    }

    fn reply_changes(&self, id: RequestId, window: &Changes) {
        self.open().close(id);
        let Changes { changes, upto, as_of, crawled } = window;
        let (upto, as_of, crawled) = (*upto, *as_of, *crawled);
        self.write(|writer| {
            for part in parts(changes) {
                let changes = part.items.to_vec();
                let reply = ShareReply::Changes { changes, more: !part.last, upto, as_of, crawled };
                writer.push(&ShareSaid::Reply { id, reply })?;
            }
            writer.flush()
        });
    }

    fn say(&self, said: &ShareSaid) {
        self.write(|writer| writer.send(said));
    }

    /// Writes; the reading thread learns of a failure by the stream's end.
    fn write(&self, write: impl FnOnce(&mut FrameWriter<Box<dyn Stream>>) -> Result<(), FrameError>) {
        let written = write(&mut self.writer.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = written {
            tracing::warn!(%error, "an answer could not be sent; the share's connection is closed");
            let _ = self.ending.shutdown();
        }
    }
}
