//! `causeway logs` and `causeway machine logs`: read log files; no engine has to run.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use causeway_api::Timestamp;
use serde_json::Value;

use crate::{
    args::Logs,
    exit::{Exit, Usage},
    show::{paths, screen::Screen, times},
};

/// How often to look for new lines.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Shows the last lines, and goes on with new ones where that is wanted.
pub fn show(log: &Path, screen: Screen, logs: &Logs) -> anyhow::Result<Exit> {
    if !log.exists() && !logs.follow {
        return Err(Usage(format!("There is no log yet at {}.", log.display())).into());
    }
    let wanted = if logs.lines == 0 { usize::MAX } else { logs.lines };
    // Opened first, so that what is written while the older files are read isn't missed.
    let mut tail = Tail::open(log)?;
    let newest = tail.lines()?;
    let mut last = VecDeque::new();
    if newest.len() < wanted {
        for older in older_files(log) {
            for line in BufReader::new(File::open(older)?).split(b'\n') {
                keep(&mut last, String::from_utf8_lossy(&line?).into_owned(), wanted);
            }
        }
    }
    for line in newest {
        keep(&mut last, line, wanted);
    }
    write(screen, last)?;
    if logs.follow {
        loop {
            thread::sleep(LOOK_AGAIN);
            write(screen, tail.lines()?)?;
        }
    }
    Ok(Exit::Done)
}

fn keep(last: &mut VecDeque<String>, line: String, wanted: usize) {
    if last.len() >= wanted {
        last.pop_front();
    }
    last.push_back(line);
}

/// `engine.log.4`, `.3`, …: the oldest first.
fn older_files(log: &Path) -> Vec<PathBuf> {
    let older = |n: u32| {
        let mut name = log.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    };
    let mut files: Vec<_> = (1..).map(older).take_while(|path| path.exists()).collect();
    files.reverse();
    files
}

/// The end of a log that is put aside and begun anew when it is full.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// The begin of a line whose end isn't written yet.
    begun: Vec<u8>,
}

impl Tail {
    fn open(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            file => file.ok(),
        };
        Ok(Self { path: path.to_owned(), file, begun: Vec::new() })
    }

    /// The lines that came since the last time.
    fn lines(&mut self) -> io::Result<Vec<String>> {
        let mut lines = self.read_on()?;
        if self.is_replaced() {
            // What came between reading and renaming.
            lines.extend(self.read_on()?);
            let Self { file, .. } = Self::open(&self.path)?;
            self.file = file;
            lines.extend(self.read_on()?);
        }
        Ok(lines)
    }

    fn read_on(&mut self) -> io::Result<Vec<String>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        file.read_to_end(&mut self.begun)?;
        let Some(end) = self.begun.iter().rposition(|b| *b == b'\n') else { return Ok(Vec::new()) };
        let rest = self.begun.split_off(end + 1);
        let whole = std::mem::replace(&mut self.begun, rest);
        Ok(String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect())
    }

    /// Whether another file has the name, or the file became shorter than what was read of it.
    fn is_replaced(&mut self) -> bool {
        let Ok(now) = fs::metadata(&self.path) else { return false };
        let Some(file) = &mut self.file else { return true };
        let (Ok(ours), Ok(position)) = (file.metadata(), file.stream_position()) else { return true };
        !same_file(&ours, &now) || now.len() < position
    }
}

#[cfg(unix)]
fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Windows tells no identity without the file being open; the time of creation is as good for a log.
#[cfg(not(unix))]
fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    a.created().ok() == b.created().ok()
}

fn write(screen: Screen, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let now = Timestamp::now();
    for line in lines {
        let value: Option<Value> = serde_json::from_str(&line).ok();
        match (screen.json, value) {
            (true, Some(value)) => screen.json_line(&value)?,
            (true, None) => screen.json_line(&serde_json::json!({ "message": line }))?,
            (false, Some(value)) => screen.line(text(&value, now))?,
            (false, None) => screen.line(paths::safe(&line))?,
        }
    }
    Ok(())
}

/// A line of `tracing-subscriber`'s JSON format, for a person.
fn text(line: &Value, now: Timestamp) -> String {
    let at = line["timestamp"].as_str().and_then(|text| serde_json::from_value(Value::from(text)).ok());
    let at = at.map_or_else(|| "        ".to_owned(), |at| times::clock(at, now));
    let level = line["level"].as_str().unwrap_or("INFO");
    let style = match level {
        "ERROR" => anstyle::AnsiColor::Red.on_default(),
        "WARN" => anstyle::AnsiColor::Yellow.on_default(),
        _ => anstyle::Style::new(),
    };
    let dim = anstyle::Style::new().dimmed();
    let mut shown = format!("{dim}{at}{dim:#} {style}{level:>5}{style:#} ");
    let fields = line["fields"].as_object();
    let message = fields.and_then(|fields| fields.get("message")).and_then(Value::as_str).unwrap_or_default();
    shown.push_str(&paths::safe(message));
    let spans = line["spans"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let of_spans = spans.flatten().filter(|(name, _)| *name != "name");
    let own = fields.into_iter().flatten().filter(|(name, _)| *name != "message");
    for (name, value) in of_spans.chain(own) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        shown.push_str(&format!(" {dim}{}={}{dim:#}", paths::safe(name), paths::safe(&value)));
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_line_is_for_a_person() {
        let line = serde_json::json!({
            "timestamp": "2020-01-01T12:00:00.5Z", "level": "WARN", "target": "x",
            "fields": {"message": "polls", "directories": 41_208, "path": "a\u{1b}b"},
            "spans": [{"name": "share", "share": "web"}],
        });
        let plain = anstream::adapter::strip_str(&text(&line, Timestamp::now())).to_string();
        assert!(plain.starts_with("2020-01-01 "), "{plain}");
        assert!(plain.ends_with(" WARN polls share=web directories=41208 path=a\u{fffd}b"), "{plain}");
    }

    #[test]
    fn a_log_is_followed_over_its_renaming() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.log");
        let mut tail = Tail::open(&path).unwrap();
        assert_eq!(tail.lines().unwrap(), Vec::<String>::new());
        let mut file = File::create(&path).unwrap();
        write!(file, "one\ntw").unwrap();
        assert_eq!(tail.lines().unwrap(), ["one"]);
        write!(file, "o\nthree\n").unwrap();
        fs::rename(&path, dir.path().join("engine.log.1")).unwrap();
        writeln!(file, "four").unwrap();
        fs::write(&path, "five\n").unwrap();
        assert_eq!(tail.lines().unwrap(), ["two", "three", "four", "five"]);
        assert_eq!(older_files(&path), [dir.path().join("engine.log.1")]);
    }
}
