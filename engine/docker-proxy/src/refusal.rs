//! Errors as Docker tells them: a status and a JSON object with a message.

use http::StatusCode;

use crate::request::Unclear;

/// Why a request isn't carried, or can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What Docker would answer with.
    pub status: StatusCode,
    /// What a person reads.
    pub message: String,
}

impl Refusal {
    /// The request asks for what can't be.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// What is asked for can't be had now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message: message.into() }
    }

    /// Docker's answer can't be used.
    pub fn bad_answer(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, message: message.into() }
    }

    /// What `--mount` answers for a path that doesn't exist; the words are Docker's.
    pub fn no_source(path: &str) -> Self {
        Self::bad_request(format!("invalid mount config for type \"bind\": bind source path does not exist: {path}"))
    }

    /// The body of the answer.
    pub fn body(&self) -> String {
        serde_json::json!({ "message": self.message }).to_string()
    }
}

impl From<Unclear> for Refusal {
    fn from(unclear: Unclear) -> Self {
        Self::bad_request(unclear.to_string())
    }
}
