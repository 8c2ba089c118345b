//! JSON-RPC 2.0 on lines: each message is one line of JSON that ends in a newline.
//!
//! The codec alone; sockets are elsewhere. Lines are bounded in both directions, and the other end isn't trusted.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use crate::error::{ApiError, ErrorCode};
use crate::problem::Remedy;

/// Longest line to the engine, in bytes: room for thousands of paths in one request.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Longest line from the engine, in bytes: room for a page of the longest lists, and for thousands of shares at once.
pub const REPLY_BYTES_MAX: usize = 16 << 20;

/// Most requests in a batch.
pub const BATCH_MAX: usize = 64;

/// What ties an answer to its request; chosen by the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(i64),
    /// A string.
    Text(String),
    /// In an answer to something whose id couldn't be read.
    Null,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What the answer carries; none is wanted where there is no id.
    pub id: Option<Id>,
    /// The method's name.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

/// What a client's line holds. Each member of a batch is good or bad by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// One request.
    Single(Call),
    /// Several, answered together.
    Batch(Vec<Result<Call, (Id, ApiError)>>),
}

/// What the engine's line holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// An answer.
    Reply(Id, Result<Value, ApiError>),
    /// Something that nobody asked for just now.
    Notification {
        /// What it is.
        method: String,
        /// What it says.
        params: Value,
    },
}

/// Reads a client's line. The error comes with the id that the answer carries.
pub fn read_incoming(line: &[u8]) -> Result<Incoming, (Id, ApiError)> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|e| (Id::Null, ApiError::new(ErrorCode::Parse, format!("The line is no JSON: {e}."))))?;
    let Value::Array(members) = value else { return read_call(value).map(Incoming::Single) };
    if members.is_empty() || members.len() > BATCH_MAX {
        return Err(invalid(Id::Null, format!("A batch has 1 to {BATCH_MAX} requests, this one {}.", members.len())));
    }
    Ok(Incoming::Batch(members.into_iter().map(read_call).collect()))
}

fn invalid(id: Id, message: impl Into<String>) -> (Id, ApiError) {
    (id, ApiError::new(ErrorCode::InvalidRequest, message))
}

fn read_call(value: Value) -> Result<Call, (Id, ApiError)> {
    let Value::Object(mut members) = value else {
        return Err(invalid(Id::Null, "A request is an object."));
    };
    let id = match members.remove("id") {
        None => None,
        Some(id) => Some(
            serde_json::from_value(id).map_err(|_| invalid(Id::Null, "An id is a whole number, a string or null."))?,
        ),
    };
    let for_reply = || id.clone().unwrap_or(Id::Null);
    if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid(for_reply(), "A request has \"jsonrpc\": \"2.0\"."));
    }
    let Some(Value::String(method)) = members.remove("method") else {
        return Err(invalid(for_reply(), "A request has a \"method\", which is a string."));
    };
    let params = members.remove("params").unwrap_or(Value::Null);
    if !matches!(params, Value::Object(_) | Value::Null) {
        return Err(invalid(for_reply(), "Parameters are an object: they have names."));
    }
    Ok(Call { id, method, params })
}

/// Writes a request as a line, newline included.
pub fn write_call(id: u64, method: &str, params: Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

/// Writes an answer as JSON.
pub fn reply_value(id: &Id, result: Result<Value, ApiError>) -> Value {
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": {
            "code": error.code.number(),
            "message": error.message,
            "data": {"code": error.code, "remedy": error.remedy},
        }}),
    }
}

/// Writes an answer as a line, newline included. One that would be too long becomes an error that says so.
pub fn write_reply(id: &Id, result: Result<Value, ApiError>) -> Vec<u8> {
    bounded(line(&reply_value(id, result)), id)
}

/// Writes the answers of a batch as a line.
pub fn write_batch(replies: &[Value]) -> Vec<u8> {
    bounded(line(&replies), &Id::Null)
}

/// Writes a notification as a line.
pub fn write_notification(method: &str, params: impl Serialize) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
}

fn bounded(bytes: Vec<u8>, id: &Id) -> Vec<u8> {
    if bytes.len() <= REPLY_BYTES_MAX {
        return bytes;
    }
    let message = format!("The answer has {} bytes, and a line at most {REPLY_BYTES_MAX}.", bytes.len());
    let error = ApiError::new(ErrorCode::ReplyTooLong, message)
        .with_remedy(Remedy::sentence("Ask for fewer items with \"limit\"."));
    line(&reply_value(id, Err(error)))
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("the keys of API types are strings");
    bytes.push(b'\n');
    bytes
}

#[derive(Deserialize)]
struct RawOutgoing {
    id: Option<Id>,
    method: Option<String>,
    params: Option<Value>,
    result: Option<Value>,
    error: Option<RawError>,
}

#[derive(Deserialize)]
struct RawError {
    code: i64,
    message: String,
    data: Option<RawData>,
}

#[derive(Deserialize)]
struct RawData {
    code: ErrorCode,
    remedy: Option<Remedy>,
}

/// Reads the engine's line. The error says what is wrong with it.
pub fn read_outgoing(line: &[u8]) -> Result<Outgoing, String> {
    let raw: RawOutgoing = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    match raw {
        RawOutgoing { method: Some(method), id: None, params, .. } => {
            Ok(Outgoing::Notification { method, params: params.unwrap_or(Value::Null) })
        }
        RawOutgoing { error: Some(error), id, .. } => {
            let (code, remedy) = match error.data {
                Some(data) => (data.code, data.remedy),
                None => (code_of_number(error.code), None),
            };
            Ok(Outgoing::Reply(id.unwrap_or(Id::Null), Err(ApiError { code, message: error.message, remedy })))
        }
        RawOutgoing { id: Some(id), result, .. } => Ok(Outgoing::Reply(id, Ok(result.unwrap_or(Value::Null)))),
        RawOutgoing { id: None, method: None, .. } => Err("neither an answer nor a notification".into()),
    }
}

fn code_of_number(number: i64) -> ErrorCode {
    ErrorCode::ALL.iter().copied().find(|code| i64::from(code.number()) == number).unwrap_or(ErrorCode::Internal)
}

/// A line couldn't be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is longer than allowed; the rest of the stream can't be made sense of.
    #[error("a line is longer than {0} bytes")]
    TooLong(usize),
    /// The stream broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads the next line into `line`, without its newline. `false` at the end of the stream; a last line that doesn't end
/// in a newline is one that was cut off, and is dropped. Not to be dropped before it is ready: what was read would be lost.
pub async fn read_line(
    stream: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    bytes_max: usize,
) -> Result<bool, LineError> {
    line.clear();
    loop {
        let available = stream.fill_buf().await?;
        if available.is_empty() {
            return Ok(false);
        }
        let newline = available.iter().position(|b| *b == b'\n');
        let taken = newline.unwrap_or(available.len());
        if line.len() + taken > bytes_max {
            return Err(LineError::TooLong(bytes_max));
        }
        line.extend_from_slice(&available[..taken]);
        stream.consume(taken + usize::from(newline.is_some()));
        if newline.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_error_crosses_whole() {
        let error = ApiError::no_such_share("nix");
        let line = write_reply(&Id::Number(7), Err(error.clone()));
        assert_eq!(read_outgoing(&line).unwrap(), Outgoing::Reply(Id::Number(7), Err(error)));
        let foreign = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"What?"}}"#;
        let error = ApiError::new(ErrorCode::MethodNotFound, "What?");
        assert_eq!(read_outgoing(foreign).unwrap(), Outgoing::Reply(Id::Null, Err(error)));
    }

    #[test]
    fn an_answer_that_is_too_long_says_so() {
        let long = Value::from("x".repeat(REPLY_BYTES_MAX));
        let line = write_reply(&Id::Number(7), Ok(long));
        assert!(line.len() < 1000);
        let Ok(Outgoing::Reply(Id::Number(7), Err(error))) = read_outgoing(&line) else { panic!() };
        assert_eq!(error.code, ErrorCode::ReplyTooLong);
    }

    #[tokio::test]
    async fn lines_are_read_one_by_one_up_to_their_bound() {
        let mut stream: &[u8] = b"one\n\nthree\ncut off";
        let mut line = Vec::new();
        for expected in [&b"one"[..], b"", b"three"] {
            assert!(read_line(&mut stream, &mut line, 5).await.unwrap());
            assert_eq!(line, expected);
        }
        assert!(matches!(read_line(&mut stream, &mut line, 5).await, Err(LineError::TooLong(5))));
        assert!(!read_line(&mut stream, &mut line, 100).await.unwrap());
    }

    /// Bytes, and pieces of messages in any order.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"jsonrpc\"",
            "\"2.0\"",
            "\"id\"",
            "\"method\"",
            "\"params\"",
            "\"error\"",
            "null",
            "1",
            "-1e999",
            "\"x\"",
            "\\",
            "é",
        ];
        let piece = proptest::sample::select(pieces.to_vec());
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..64),
            proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes()),
        ]
    }

    proptest! {
        #[test]
        fn no_line_makes_the_codec_panic(line in lines()) {
            if let Err((id, error)) = read_incoming(&line) {
                prop_assert!(read_outgoing(&write_reply(&id, Err(error))).is_ok());
            }
            // Good or bad, it has to say so.
            let _ = read_outgoing(&line);
        }
    }
}
