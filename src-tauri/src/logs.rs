//! The engine's log, read from its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

/// How much of the log's end is read at most: some thousand lines, which is more than a person reads.
const TAIL_BYTES_MAX: u64 = 1 << 20;
/// Lines that are handed over at most.
const LINES_MAX: usize = 2_000;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogLine {
    /// When, by RFC 3339.
    pub at: String,
    /// ERROR, WARN, INFO, DEBUG or TRACE.
    pub level: String,
    /// The part of the program.
    pub target: String,
    /// What happened.
    pub message: String,
    /// What goes with it: `share=web error=…`.
    pub fields: String,
}

/// The last lines, the latest last.
pub fn tail(path: &Path) -> io::Result<Vec<LogLine>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first may be the end of a longer one, and then is no JSON.
    let lines: Vec<_> = text.lines().filter_map(parse).collect();
    Ok(lines[lines.len().saturating_sub(LINES_MAX)..].to_vec())
}

fn parse(line: &str) -> Option<LogLine> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let fields = value["fields"].as_object()?;
    let others = fields.iter().filter(|(name, _)| *name != "message").map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    Some(LogLine {
        at: text("timestamp"),
        level: text("level"),
        target: text("target"),
        message: fields.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
        fields: others.collect::<Vec<_>>().join(" "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_from_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.log");
        assert_eq!(tail(&path).unwrap(), []);
        let line = r#"{"timestamp":"2026-11-03T14:20:11Z","level":"INFO","fields":{"message":"created","share":"web","n":2},"target":"causeway_engine"}"#;
        std::fs::write(&path, format!("the end of a longer one\n{line}\n")).unwrap();
        let read = tail(&path).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].message.as_str(), read[0].fields.as_str()), ("created", "n=2 share=web"));
        let many = format!("{line}\n").repeat(LINES_MAX + 10);
        std::fs::write(&path, many).unwrap();
        assert_eq!(tail(&path).unwrap().len(), LINES_MAX);
    }
}
