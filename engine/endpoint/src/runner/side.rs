//! What a session's driver asks of a side, wherever that side runs.

use std::sync::Arc;

use causeway_sync::ignore::RuleTexts;
use causeway_sync::{Changes, Hello, Problem, RelPathBuf, Seq};
use causeway_wire::agent::Failure;
use causeway_wire::errand::{Errand, ErrandReply};
use causeway_wire::share::Event;

/// Called once with an answer, on a thread of the side: must return quickly and not wait for the same side. Dropped without a call
/// when the session ends before.
pub type Answer<T> = Box<dyn FnOnce(T) + Send>;

/// Where a side's events go, under the same conditions; any number of calls, in order.
pub type Events = Arc<dyn Fn(Event) + Send + Sync>;

/// One side of a share: [`Runner`](super::Runner) in this process, or a connection to another one that runs there.
///
/// No method blocks for longer than it takes to note the request, or to write it to the connection. Requests don't wait for each
/// other. [`Self::begin`] comes first; of a session that has ended (by [`Self::end`], or by another beginning) nothing is
/// answered or reported any more. A connection that breaks says so once, in a way of its own, and answers nothing afterwards.
pub trait ShareSide: Send + Sync {
    /// A session begins; what is reported from now on goes to `events`, beginning with how the side is watched.
    fn begin(&self, events: Events, answer: Answer<Result<Hello, Failure>>);
    /// The session is over.
    fn end(&self);
    /// What has changed after `after`, at most `limit` changes: answered as soon as there is something, or when the side has become
    /// crawled since the session's last answer. One at a time.
    fn pull(&self, after: Seq, limit: u32, answer: Answer<Changes>);
    /// The journal up to here is no longer needed.
    fn acknowledge(&self, seq: Seq);
    /// Look at the path again, and put it into the feed even if nothing differs.
    fn recheck(&self, path: RelPathBuf);
    /// Put everything at and below the path into the feed.
    fn relist(&self, path: RelPathBuf);
    /// Read the digests of files, then put them into the feed.
    fn read(&self, paths: Vec<RelPathBuf>);
    /// Rules of the share, which parse and [fit](causeway_wire::agent::rules_fit), hold from now on.
    fn set_rules(&self, rules: RuleTexts);
    /// These files, and no others, are updated in place from now on.
    fn pin(&self, paths: Vec<RelPathBuf>);
    /// Make durable all that was told and done so far.
    fn sync(&self, answer: Answer<Result<(), Problem>>);
    /// Look at everything that was changed before now; answered by the newest change then. Not answered while the share's root is
    /// at fault.
    fn barrier(&self, answer: Answer<Seq>);
    /// Nobody waits for the verification any more: the page that was asked for is answered at once, with what was read so far.
    fn stop_verifying(&self);
    /// Something that a person wants. Errands are done one after the other.
    fn ask(&self, errand: Errand, answer: Answer<Result<ErrandReply, Failure>>);
}
