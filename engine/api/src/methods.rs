//! The requests: their names, parameters and answers, in one table.
//!
//! The table makes three things that can't drift apart: the [`Handler`] trait that the engine implements, [`dispatch`],
//! which turns a method's name and JSON into a call of it, and one method for each on [`Client`].

use std::future::Future;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    activity::{Activity, ActivityOf},
    bin::{BinEmpty, BinItem, BinRestore, Restored},
    client::{CallError, Client},
    compare::{BothContents, ComparePath},
    conflict::{Conflict, Resolve, Resolved},
    docker::{ConfigureDocker, DismissWanted, DockerInfo},
    doctor::Check,
    entry::Amount,
    error::{ApiError, ErrorCode},
    feed::Feed,
    folder::{CountFolder, Estimate, FolderTally},
    machine::{Acceleration, ConfigureMachine, ConsoleTail, EngineStatus, MachineInfo, MachineSettings},
    name::ShareName,
    page::{ListOf, Page},
    problem::Problem,
    rename::RenamePath,
    rules::{PreviewRules, RulesPreview, RulesText, TriedPath, TryPath, WriteRules},
    share::{ConfigureShare, CreateShare, FlushShare, Flushed, OfShare, RemoveShare, ResumeShare, ShareInfo},
    usage::{Usage, UsageOf},
    verify::Verification,
};

/// No parameters, or an answer that says only that it is done. `{}` in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Nothing {}

macro_rules! methods {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal ($params:ty) -> $reply:ty;)+) => {
        /// The names of all methods that [`dispatch`] knows. Beside them a server knows
        /// [`SUBSCRIBE`](crate::feed::SUBSCRIBE).
        pub const METHODS: &[&str] = &[$($wire),+];

        /// What the engine does when it is asked. One method for each request.
        ///
        /// They are called at the same time from several connections, and each may take as long as its work: a reply
        /// that is late holds up nothing else. A future runs to its end though its client has left, but for those of
        /// [`GIVEN_UP`], which are dropped then.
        pub trait Handler: Send + Sync + 'static {
            $($(#[doc = $doc])+ fn $name(&self, params: $params) -> impl Future<Output = Result<$reply, ApiError>> + Send;)+

            /// Where subscribers learn what happens.
            fn feed(&self) -> &Feed;
        }

        /// Calls the method of `handler` whose name on the wire is `method`.
        pub async fn dispatch<H: Handler>(handler: &H, method: &str, params: Value) -> Result<Value, ApiError> {
            match method {
                $($wire => reply(handler.$name(read_params(params)?).await?),)+
                _ => Err(ApiError::new(ErrorCode::MethodNotFound, format!("There is no method \"{method}\"."))),
            }
        }

        /// The methods as TypeScript sees them: parameters and answer of each. Adds the types of both to `definitions`.
        #[cfg(feature = "ts")]
        pub(crate) fn typescript(definitions: &mut crate::typescript::Definitions) -> String {
            let mut methods = String::from("interface Methods {\n");
            $(
                definitions.add::<$params>();
                definitions.add::<$reply>();
                let (params, reply) = (definitions.name_of::<$params>(), definitions.name_of::<$reply>());
                methods.push_str(&format!("  {:?}: {{ params: {params}; reply: {reply} }};\n", $wire));
            )+
            methods.push('}');
            methods
        }

        impl Client {
            $($(#[doc = $doc])+ pub async fn $name(&self, params: &$params) -> Result<$reply, CallError> {
                self.call($wire, params).await
            })+
        }
    };
}

methods! {
    /// How the engine is.
    engine_status = "engine.status" (Nothing) -> EngineStatus;
    /// Stop the engine in good order. The answer comes before the end.
    engine_stop = "engine.stop" (Nothing) -> Nothing;
    /// Make a share. Answered as soon as it exists, while it is Preparing.
    share_create = "share.create" (CreateShare) -> ShareInfo;
    /// All shares, by name.
    share_list = "share.list" (Nothing) -> Vec<ShareInfo>;
    /// One share.
    share_show = "share.show" (OfShare) -> ShareInfo;
    /// Stop synchronising until resumed, also over restarts. Paused already is no error.
    share_pause = "share.pause" (OfShare) -> ShareInfo;
    /// Go on after a pause or a halt. Neither is no error, unless a halt is named.
    share_resume = "share.resume" (ResumeShare) -> ShareInfo;
    /// Wait until everything that stood on either side before the request stands on both.
    share_flush = "share.flush" (FlushShare) -> Flushed;
    /// Remove a share. The host's folder stays; the guest's copy is deleted.
    share_remove = "share.remove" (RemoveShare) -> Nothing;
    /// Forget what both sides last agreed on and compare them afresh. Deletes nothing: what only one side has comes to
    /// the other, where the mode lets it.
    share_reset = "share.reset" (OfShare) -> ShareInfo;
    /// Set a share up differently, and compare both sides afresh.
    share_configure = "share.configure" (ConfigureShare) -> ShareInfo;
    /// Try all problems again at once, instead of when they are due. Connects both sides anew.
    share_retry = "share.retry" (OfShare) -> ShareInfo;
    /// Delete the copies that newly excluded paths left in the guest. Answers with what was deleted.
    share_prune = "share.prune" (OfShare) -> Amount;
    /// Remove the shares that were made for projects of Docker Compose and that no container has. Answers with their names.
    share_prune_unused = "share.prune_unused" (Nothing) -> Vec<ShareName>;
    /// Read both sides whole and compare. Where that is under way already, its outcome is the answer to both.
    share_verify = "share.verify" (OfShare) -> Verification;
    /// End the verification that is under way; who waits for it is answered `stopped`. None is no error.
    share_stop_verifying = "share.stop_verifying" (OfShare) -> Nothing;
    /// The conflicts of a share.
    share_conflicts = "share.conflicts" (ListOf) -> Page<Conflict>;
    /// Settle conflicts.
    share_resolve = "share.resolve" (Resolve) -> Resolved;
    /// The problems of a share.
    share_problems = "share.problems" (ListOf) -> Page<Problem>;
    /// Rename a path on one side, where nothing stands at the new name.
    share_rename_path = "share.rename_path" (RenamePath) -> Nothing;
    /// What rests in the recycle bins of a share.
    bin_list = "bin.list" (ListOf) -> Page<BinItem>;
    /// Bring things back from the recycle bins.
    bin_restore = "bin.restore" (BinRestore) -> Restored;
    /// Delete what rests in the recycle bins for good. Answers with what was deleted.
    bin_empty = "bin.empty" (BinEmpty) -> Amount;
    /// What stands at a path on both sides, for a person to compare.
    share_compare = "share.compare" (ComparePath) -> BothContents;
    /// What has crossed lately.
    activity = "activity" (ActivityOf) -> Activity;
    /// The share's `.syncignore`.
    rules_read = "rules.read" (OfShare) -> RulesText;
    /// What a text would do as the share's `.syncignore`.
    rules_preview = "rules.preview" (PreviewRules) -> RulesPreview;
    /// What a text would do with one path as the share's `.syncignore`.
    rules_try = "rules.try" (TryPath) -> TriedPath;
    /// Write the share's `.syncignore`. It takes effect at once.
    rules_write = "rules.write" (WriteRules) -> Nothing;
    /// Count what is in a folder that may become a share.
    folder_count = "folder.count" (CountFolder) -> FolderTally;
    /// How soon a share with so much in it would be usable.
    folder_estimate = "folder.estimate" (Amount) -> Estimate;
    /// How the machine is.
    machine_status = "machine.status" (Nothing) -> MachineInfo;
    /// Start the machine; answered when it runs, or with why it doesn't.
    machine_start = "machine.start" (Nothing) -> MachineInfo;
    /// Stop the machine in good order; answered when it has stopped. Shares become Disconnected.
    machine_stop = "machine.stop" (Nothing) -> MachineInfo;
    /// How the machine is set up, once what is named is different.
    machine_configure = "machine.configure" (ConfigureMachine) -> MachineSettings;
    /// Delete the machine's disk, with every container, image and copy in it, and start it anew. Shares are filled again from the host.
    machine_reset = "machine.reset" (Nothing) -> MachineInfo;
    /// What the machine takes of this computer, and took lately.
    machine_usage = "machine.usage" (UsageOf) -> Usage;
    /// The last lines that the machine printed.
    machine_console = "machine.console" (Nothing) -> ConsoleTail;
    /// Tries anew whether the processor runs VMs, which takes some seconds. Holds from the machine's next start on, and for a machine
    /// of another kind from the engine's.
    machine_try_acceleration = "machine.try_acceleration" (Nothing) -> Acceleration;
    /// How Docker's API is on this computer.
    docker_status = "docker.status" (Nothing) -> DockerInfo;
    /// How Docker's API is set up, once what is named is different.
    docker_configure = "docker.configure" (ConfigureDocker) -> DockerInfo;
    /// Not to be told of a folder any more that a container wanted, until one wants it again.
    docker_dismiss = "docker.dismiss" (DismissWanted) -> Nothing;
    /// Look at everything that Causeway needs.
    doctor = "doctor" (Nothing) -> Vec<Check>;
}

/// The methods whose futures are dropped when their client leaves: they only wait or only read.
pub const GIVEN_UP: &[&str] = &["share.flush", "share.verify", "rules.preview"];

fn read_params<P: DeserializeOwned>(params: Value) -> Result<P, ApiError> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_json::from_value(params).map_err(|e| {
        ApiError::new(ErrorCode::InvalidParams, format!("The parameters aren't those of the method: {e}."))
    })
}

fn reply(reply: impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(reply)
        .map_err(|e| ApiError::new(ErrorCode::Internal, format!("The answer can't be written as JSON: {e}.")))
}
