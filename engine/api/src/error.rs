//! Errors that cross to the app and the command.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::problem::Remedy;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $text:literal;)+) => {
        /// What went wrong. The codes are stable, in text (`snake_case`) and as JSON-RPC numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The code of the JSON-RPC error object.
            pub fn number(self) -> i32 {
                match self { $(Self::$name => $number),+ }
            }
        }
    };
}

// Negative numbers are JSON-RPC 2.0's own (section 5.1); its reserved range is left to it.
codes! {
    /// The line is no JSON.
    Parse = -32700, "parse";
    /// The JSON is no request.
    InvalidRequest = -32600, "invalid_request";
    /// No such method; the programs may be of different versions.
    MethodNotFound = -32601, "method_not_found";
    /// The parameters aren't those of the method, or one of them is out of its range.
    InvalidParams = -32602, "invalid_params";
    /// A defect of Causeway; the log says more.
    Internal = -32603, "internal";
    /// The line is longer than allowed. The connection ends.
    LineTooLong = 1, "line_too_long";
    /// The answer would be longer than a line may be. A smaller `limit` helps.
    ReplyTooLong = 2, "reply_too_long";
    /// The engine has as many connections as it takes.
    TooManyConnections = 3, "too_many_connections";
    /// The engine is stopping.
    Stopping = 4, "stopping";
    /// No share of this name or id.
    NoSuchShare = 10, "no_such_share";
    /// Another share has the name.
    NameTaken = 11, "name_taken";
    /// There is nothing at the folder's path.
    FolderMissing = 12, "folder_missing";
    /// What is there isn't a directory.
    NotADirectory = 13, "not_a_directory";
    /// The folder lies inside a share, or a share inside it, or it is one.
    FolderOverlaps = 14, "folder_overlaps";
    /// The folder may not be shared, or not without force: the home folder, the root, Causeway's own.
    FolderRefused = 15, "folder_refused";
    /// A pattern is wrong; the message says which line and why.
    InvalidPattern = 16, "invalid_pattern";
    /// The user that Causeway runs as isn't allowed to.
    PermissionDenied = 17, "permission_denied";
    /// The disk is full.
    NoSpace = 18, "no_space";
    /// The file system is mounted read-only.
    ReadOnly = 19, "read_only";
    /// The share is Paused.
    SharePaused = 20, "share_paused";
    /// The share is Halted.
    ShareHalted = 21, "share_halted";
    /// The share has no connection to the agent.
    ShareDisconnected = 22, "share_disconnected";
    /// The share is still Preparing.
    SharePreparing = 23, "share_preparing";
    /// The share isn't Halted for what the request accepts.
    NotHalted = 24, "not_halted";
    /// The guest holds content that the host doesn't have.
    GuestHasMore = 25, "guest_has_more";
    /// The share is at work that excludes the request.
    ShareBusy = 26, "share_busy";
    /// Containers have something of the share.
    ShareInUse = 27, "share_in_use";
    /// It took longer than the request allows.
    TimedOut = 30, "timed_out";
    /// A person stopped it.
    Stopped = 31, "stopped";
    /// The machine isn't running, or can't be started.
    MachineUnavailable = 40, "machine_unavailable";
    /// The other program's version doesn't fit.
    VersionMismatch = 41, "version_mismatch";
    /// Any other error of the file system or the system.
    Io = 50, "io";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error as it crosses to the app and the command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ApiError {
    /// What went wrong.
    pub code: ErrorCode,
    /// The same as a sentence that names the thing and the number.
    pub message: String,
    /// What a person can do.
    pub remedy: Option<Remedy>,
}

impl ApiError {
    /// An error without a remedy.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: None }
    }

    /// The same with a remedy.
    pub fn with_remedy(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    /// There is no share of this name or id.
    pub fn no_such_share(share: &str) -> Self {
        Self::new(ErrorCode::NoSuchShare, format!("There is no share \"{share}\"."))
            .with_remedy(Remedy::command("See which shares there are.", "causeway share list"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_serialise_as_their_text() {
        let texts: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
        let numbers: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.number()).collect();
        assert_eq!((texts.len(), numbers.len()), (ErrorCode::ALL.len(), ErrorCode::ALL.len()));
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
