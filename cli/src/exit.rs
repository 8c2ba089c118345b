//! How the command ends: its exit code, and what it says about an error.

use std::io::{self, Write};

use causeway_api::{ApiError, CallError, ErrorCode, Remedy};

use crate::show::{facts::remedy_lines, paths};

/// A way to end without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and all is well.
    Done,
    /// Done, but something waits for a person.
    Attention,
    /// What was asked for isn't there: `engine status` without an engine.
    NotRunning,
    /// As a program in the machine ended.
    #[cfg(unix)]
    As(u8),
}

impl Exit {
    /// [`Exit::Attention`] where `something` waits.
    pub fn attention_if(something: bool) -> Self {
        if something { Self::Attention } else { Self::Done }
    }

    /// The code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Attention => 4,
            Self::NotRunning => 6,
            #[cfg(unix)]
            Self::As(code) => code,
        }
    }
}

/// An argument that is wrong in a way that only shows later; the text is a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The engine can't be started or reached.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unreachable {
    /// Why, as a sentence.
    pub message: String,
    /// What a person can do.
    pub remedy: Option<Remedy>,
}

/// The exit code of an error.
pub fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return 2;
    }
    if error.is::<Unreachable>() {
        return 6;
    }
    match error.downcast_ref::<CallError>() {
        Some(CallError::Api(error)) => code_of_api(error.code),
        Some(CallError::NotRunning { .. } | CallError::Io { .. } | CallError::Closed) => 6,
        Some(CallError::Nonsense(_)) | None => 1,
    }
}

fn code_of_api(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::NoSuchShare => 3,
        ErrorCode::TimedOut => 5,
        ErrorCode::TooManyConnections | ErrorCode::Stopping | ErrorCode::VersionMismatch => 6,
        _ => 1,
    }
}

/// Whether the reader of standard output has left, as `head` does: no error, and nothing to say.
pub fn reader_left(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(error) => error.kind() == io::ErrorKind::BrokenPipe,
        None => cause
            .downcast_ref::<serde_json::Error>()
            .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe)),
    })
}

/// What the error says, as the API says it; `code` is one of [`ErrorCode`] or of the command's own.
#[derive(serde::Serialize)]
struct Said {
    code: String,
    message: String,
    remedy: Option<Remedy>,
}

fn said(error: &anyhow::Error) -> Said {
    if let Some(CallError::Api(ApiError { code, message, remedy })) = error.downcast_ref() {
        return Said { code: code.to_string(), message: message.clone(), remedy: remedy.clone() };
    }
    if let Some(Unreachable { message, remedy }) = error.downcast_ref() {
        return Said { code: "engine_unreachable".into(), message: message.clone(), remedy: remedy.clone() };
    }
    if let Some(Usage(message)) = error.downcast_ref() {
        return Said { code: "usage".into(), message: message.clone(), remedy: None };
    }
    let code = if code_of(error) == 6 { "engine_unreachable" } else { "failed" };
    Said { code: code.into(), message: as_sentence(format!("{error:#}")), remedy: None }
}

/// Begins with a capital and ends with a full stop.
fn as_sentence(text: String) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// Says on standard error why the command failed.
pub fn report(error: &anyhow::Error, json: bool) {
    let said = said(error);
    let lines = if json {
        vec![serde_json::json!({ "error": said }).to_string()]
    } else {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        let first = format!("{red}error:{red:#} {}", paths::safe(&said.message));
        std::iter::once(first).chain(said.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2))).collect()
    };
    // It may be a file on a full disk; then the exit code has to say it alone.
    let _ = writeln!(anstream::stderr(), "{}", lines.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_code() {
        let api = |code| anyhow::Error::from(CallError::Api(ApiError::new(code, "")));
        for (error, code) in [
            (anyhow::anyhow!("x"), 1),
            (Usage(String::new()).into(), 2),
            (api(ErrorCode::NoSuchShare), 3),
            (api(ErrorCode::NameTaken), 1),
            (api(ErrorCode::TimedOut), 5),
            (api(ErrorCode::VersionMismatch), 6),
            (CallError::Closed.into(), 6),
            (CallError::NotRunning { socket: "x".into() }.into(), 6),
            (CallError::Nonsense(String::new()).into(), 1),
            (Unreachable { message: String::new(), remedy: None }.into(), 6),
        ] {
            assert_eq!(code_of(&error), code, "{error:?}");
        }
    }

    #[test]
    fn errors_are_sentences() {
        assert_eq!(as_sentence("the folder /x does not exist".into()), "The folder /x does not exist.");
        assert_eq!(as_sentence("It is full.".into()), "It is full.");
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert!(reader_left(&error) && !reader_left(&anyhow::anyhow!("x")));
    }
}
