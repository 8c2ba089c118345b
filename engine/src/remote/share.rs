//! A share's own connection: the guest's side as the session's driver uses it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_endpoint::runner::{Answer, Events, ShareSide};
use causeway_sync::ignore::RuleTexts;
use causeway_sync::{Change, Changes, Hello, Problem, RelPathBuf, Seq};
use causeway_wire::agent::{Failure, FailureKind};
use causeway_wire::errand::{Errand, ErrandReply};
use causeway_wire::frame::encoded_bytes;
use causeway_wire::parts::{fit, parts};
use causeway_wire::share::{
    Event, Note, PINNED_PATHS_MAX, READ_PATHS_MAX, REQUESTS_MAX, ShareCall, ShareReply, ShareRequest, ShareSaid,
    WINDOW_BYTES_MAX,
};
use causeway_wire::{FrameReader, FrameWriter, Stream};

use super::loss::{Ending, Loss, OnLoss};
use super::pending::Pending;

/// How long the agent may take none of what is sent before it counts as gone.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// The guest's side of a share, at the other end of a connection. It serves one session: after [`ShareSide::end`], and after a loss,
/// nothing is answered any more. Dropping it closes the connection.
pub struct RemoteSide {
    shared: Arc<Shared>,
}

struct Shared {
    writer: Mutex<FrameWriter<Box<dyn Stream>>>,
    pending: Pending<Waiting>,
    events: Mutex<Option<Events>>,
    ending: Ending,
}

/// Who waits for a reply.
enum Waiting {
    Begin(Answer<Result<Hello, Failure>>),
    Pull(Pull),
    Sync(Answer<Result<(), Problem>>),
    Barrier(Answer<Seq>),
    Errand(Answer<Result<ErrandReply, Failure>>),
}

/// A window that is being received.
struct Pull {
    answer: Answer<Changes>,
    after: Seq,
    limit: usize,
    changes: Vec<Change>,
    bytes: usize,
}

impl RemoteSide {
    /// Takes over a connection that was greeted and admitted. `on_loss` is called when it ends by itself.
    pub fn start(stream: Box<dyn Stream>, on_loss: OnLoss) -> io::Result<Self> {
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(Some(STALL_LIMIT))?;
        let reader = FrameReader::new(stream.try_clone()?);
        let ending = Ending::new(vec![stream.try_clone()?], on_loss);
        let writer = Mutex::new(FrameWriter::new(stream));
        let pending = Pending::new(REQUESTS_MAX);
        let shared = Arc::new(Shared { writer, pending, events: Mutex::new(None), ending });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("guest-side".to_owned()).spawn(move || theirs.read(reader))?;
        Ok(Self { shared })
    }

    fn request(&self, request: ShareRequest, waiting: Waiting) {
        // Over, or flooded by our own side: the answer is dropped, as after a loss.
        let Some(id) = self.shared.pending.add(waiting) else { return };
        self.shared.send(&ShareCall::Request { id, request });
    }

    fn note(&self, note: Note) {
        self.shared.send(&ShareCall::Note(note));
    }
}

impl ShareSide for RemoteSide {
    fn begin(&self, events: Events, answer: Answer<Result<Hello, Failure>>) {
        *self.shared.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(events);
        self.request(ShareRequest::Begin, Waiting::Begin(answer));
    }

    fn end(&self) {
        self.shared.close();
    }

    fn pull(&self, after: Seq, limit: u32, answer: Answer<Changes>) {
        let pull = Pull { answer, after, limit: limit as usize, changes: Vec::new(), bytes: 0 };
        self.request(ShareRequest::Pull { after, limit }, Waiting::Pull(pull));
    }

    fn acknowledge(&self, seq: Seq) {
        self.note(Note::Acknowledge(seq));
    }

    fn recheck(&self, path: RelPathBuf) {
        self.note(Note::Recheck(path));
    }

    fn relist(&self, path: RelPathBuf) {
        self.note(Note::Relist(path));
    }

    fn read(&self, paths: Vec<RelPathBuf>) {
        for some in paths.chunks(READ_PATHS_MAX) {
            for part in parts(some) {
                self.note(Note::Read(part.items.to_vec()));
            }
        }
    }

    fn set_rules(&self, rules: RuleTexts) {
        self.note(Note::SetRules(rules));
    }

    fn pin(&self, mut paths: Vec<RelPathBuf>) {
        let all = paths.len();
        paths.truncate(PINNED_PATHS_MAX);
        if fit(&mut paths) || paths.len() < all {
            tracing::warn!(all, told = paths.len(), "not all files that containers have bound are updated in place");
        }
        self.note(Note::Pin(paths));
    }

    fn sync(&self, answer: Answer<Result<(), Problem>>) {
        self.request(ShareRequest::Sync, Waiting::Sync(answer));
    }

    fn barrier(&self, answer: Answer<Seq>) {
        self.request(ShareRequest::Barrier, Waiting::Barrier(answer));
    }

    fn stop_verifying(&self) {
        self.note(Note::StopVerifying);
    }

    fn ask(&self, errand: Errand, answer: Answer<Result<ErrandReply, Failure>>) {
        self.request(ShareRequest::Errand(errand), Waiting::Errand(answer));
    }
}

impl Drop for RemoteSide {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn send(&self, call: &ShareCall) {
        let sent = self.writer.lock().unwrap_or_else(PoisonError::into_inner).send(call);
        if let Err(error) = sent {
            self.lose(error.into());
        }
    }

    fn read(&self, mut reader: FrameReader<Box<dyn Stream>>) {
        let loss = loop {
            let taken = match reader.read::<ShareSaid>() {
                Ok(Some(ShareSaid::Reply { id, reply })) => self.reply(id, reply),
                Ok(Some(ShareSaid::Event(event))) => {
                    self.event(event);
                    Ok(())
                }
                Ok(None) => break Loss::Closed,
                Err(error) => break error.into(),
            };
            if let Err(violation) = taken {
                break Loss::Violation(violation);
            }
        };
        self.lose(loss);
    }

    fn event(&self, event: Event) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(events) = events {
            events(event);
        }
    }

    fn reply(&self, id: causeway_wire::agent::RequestId, reply: ShareReply) -> Result<(), &'static str> {
        let waiting = self.pending.take(id).ok_or("an answer to nothing that was asked")?;
        match (waiting, reply) {
            (Waiting::Begin(answer), ShareReply::Begun(hello)) => answer(Ok(hello)),
            (Waiting::Begin(answer), ShareReply::Failed(failure)) => answer(Err(failure)),
            (Waiting::Pull(pull), ShareReply::Changes { changes, more, upto, as_of, crawled }) => {
                let pull = pull.take(changes)?;
                if more {
                    self.pending.put_back(id, Waiting::Pull(pull));
                } else {
                    pull.finish(upto, as_of, crawled)?;
                }
            }
            (Waiting::Sync(answer), ShareReply::Synced(result)) => answer(result),
            (Waiting::Barrier(answer), ShareReply::Barriered(seq)) => answer(seq),
            (Waiting::Errand(answer), ShareReply::Errand(result)) => answer(result),
            (Waiting::Errand(answer), ShareReply::Failed(failure)) => answer(Err(failure)),
            (_, ShareReply::Failed(failure)) => {
                tracing::warn!(%failure, "the agent could not answer");
                return Err(match failure.kind {
                    FailureKind::Closing => "the share is being closed",
                    _ => "it can't answer",
                });
            }
            _ => return Err("an answer that doesn't fit its request"),
        }
        Ok(())
    }

    fn lose(&self, loss: Loss) {
        self.pending.close();
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.ending.lose(loss);
    }

    fn close(&self) {
        self.ending.close();
        self.pending.close();
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Pull {
    fn take(mut self, more: Vec<Change>) -> Result<Self, &'static str> {
        self.bytes += more.iter().map(encoded_bytes).sum::<usize>();
        self.changes.extend(more);
        if self.changes.len() > self.limit || self.bytes > WINDOW_BYTES_MAX {
            return Err("more changes than were asked for");
        }
        Ok(self)
    }

    fn finish(self, upto: Seq, as_of: Seq, crawled: bool) -> Result<(), &'static str> {
        if upto < self.after || as_of < upto {
            return Err("a window of changes that ends before it begins");
        }
        (self.answer)(Changes { changes: self.changes, upto, as_of, crawled });
        Ok(())
    }
}
