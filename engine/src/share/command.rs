//! What the control API asks of a share.

use causeway_api::{
    Amount, ApiError, BinEmpty, BinItem, Conflict, ErrorCode, Flushed, HaltCode, ListOf, Mode, Nothing, Page, Problem,
    RenamePath, Resolve, Resolved, Restored, ShareInfo, Verification, WhichItems,
};
use tokio::sync::oneshot;

/// Where an answer goes. Nobody has to be waiting any more.
pub type Reply<T> = oneshot::Sender<Result<T, ApiError>>;

/// One request to a share's thread.
#[derive(Debug)]
pub enum Command {
    /// How is it now?
    Show(Reply<ShareInfo>),
    /// Rest. Noted in the settings already.
    Pause(Reply<ShareInfo>),
    /// Go on after a pause or a halt.
    Resume {
        /// The halt to let pass.
        accept: Option<HaltCode>,
        /// The answer.
        reply: Reply<ShareInfo>,
    },
    /// Wait until all that stands on either side stands on both.
    Flush {
        /// Longest wait.
        timeout_ms: u64,
        /// The answer.
        reply: Reply<Flushed>,
    },
    /// Forget what was agreed on, and compare afresh.
    Reset(Reply<ShareInfo>),
    /// Another mode, and both sides compared afresh. Noted in the settings already.
    SetMode {
        /// The mode.
        mode: Mode,
        /// The answer.
        reply: Reply<ShareInfo>,
    },
    /// Try all problems again at once.
    Retry(Reply<ShareInfo>),
    /// Delete copies that newly excluded paths left in the guest.
    Prune(Reply<Amount>),
    /// Read both sides whole and compare.
    Verify(Reply<Verification>),
    /// End the verification that is under way.
    StopVerifying(Reply<Nothing>),
    /// List conflicts.
    Conflicts(ListOf, Reply<Page<Conflict>>),
    /// Settle conflicts.
    Resolve(Resolve, Reply<Resolved>),
    /// List problems.
    Problems(ListOf, Reply<Page<Problem>>),
    /// Rename a path on one side.
    RenamePath(RenamePath, Reply<Nothing>),
    /// List what rests in the bins.
    BinList(ListOf, Reply<Page<BinItem>>),
    /// Bring back from the bins.
    BinRestore(WhichItems, Reply<Restored>),
    /// Empty the bins.
    BinEmpty(BinEmpty, Reply<Amount>),
    /// Delete the guest's copy and all that is kept of the share; the thread ends when that succeeded.
    Remove {
        /// Also where the guest holds content that the host doesn't have, or can't be reached.
        force: bool,
        /// The answer.
        reply: Reply<()>,
    },
    /// A file of the host's was edited beside its endpoint; what it was before rests in the recycle bin.
    Edited,
    /// Something that is shown with it has changed elsewhere.
    Republish,
    /// End in good order.
    Stop,
}

/// Waits for an answer. A share whose thread broke down gives none; it is started again, and can be asked again.
pub async fn answer<T>(waiting: oneshot::Receiver<Result<T, ApiError>>) -> Result<T, ApiError> {
    waiting.await.unwrap_or_else(|_| {
        Err(ApiError::new(
            ErrorCode::Internal,
            "The share stopped before it had answered: because the engine is stopping, the share was removed, or it broke down \
             and starts again; the log says more.",
        ))
    })
}
