//! Measures an index and a ledger of many rows, and prints what it took: `figures [rows] [folder]`.
//!
//! Both the time that passed and that of the processor: on a busy computer only the latter can be compared.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use causeway_index::{DirId, Durability, Fingerprint, Identity, Index, Journal, LedgerStore};
use causeway_sync::ledger::{Moved, Update};
use causeway_sync::{Digest, Entry, File, Ledger, NameBuf, RelPath, RelPathBuf, Seq};

const FILES_IN_A_DIRECTORY: u64 = 10;
const SINGLE_CHANGES: u64 = 2_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(Ok(1_000_000), |rows| rows.parse())?;
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    println!("{rows} rows in {}", folder.path().display());
    measure_index(&folder.path().join("index"), rows)?;
    measure_ledger(&folder.path().join("ledger"), rows)
}

fn name(text: &str) -> NameBuf {
    NameBuf::new(text.as_bytes().to_vec()).expect("the names here are names")
}

fn path(text: &str) -> RelPathBuf {
    RelPathBuf::new(text.as_bytes().to_vec()).expect("the paths here are paths")
}

fn file(number: u64) -> Entry {
    let mut digest = [0x5a; 32];
    digest[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let mtime_ns = 1_700_000_000_000_000_000 + number as i64 * 1_001;
    Entry::File(File { digest: Some(Digest(digest)), size: number * 977 % 100_000, executable: false, mtime_ns })
}

fn fingerprint(number: u64) -> Fingerprint {
    let mtime_ns = 1_700_000_000_000_000_000 + number as i64 * 1_001;
    Fingerprint {
        device: 0,
        inode: 1_000_000 + number,
        size: number * 977 % 100_000,
        mtime_ns,
        ctime_ns: mtime_ns + 5_000,
    }
}

fn dir_text(number: u64) -> String {
    format!("package-{}/src-{}", number / 100, number % 100)
}

fn row_text(number: u64) -> String {
    format!("{}/component-{}.tsx", dir_text(number / FILES_IN_A_DIRECTORY), number)
}

/// When something began.
struct Clock {
    wall: Instant,
    processor: Duration,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: processor_time() }
    }

    /// What passed since, and what of it was the processor's.
    fn read(&self) -> (Duration, Duration) {
        (self.wall.elapsed(), processor_time().saturating_sub(self.processor))
    }

    fn tell(self, what: &str, count: u64) {
        let (wall, processor) = self.read();
        let each = processor.as_secs_f64() * 1e6 / count as f64;
        let (wall, processor) = (wall.as_secs_f64(), processor.as_secs_f64());
        println!("{what:<44} {wall:>8.3} s, processor {processor:>8.3} s or {each:>9.2} µs each, {} MB", resident_mb());
    }
}

/// What this thread has had of a processor; 0 where the system doesn't tell in this way.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// Memory of this process; 0 where the system doesn't tell in this way.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// The middle and the 99th percentile of what `work` takes.
fn tell_each(what: &str, mut work: impl FnMut(u64) -> Outcome<()>) -> Outcome<()> {
    let begun = Clock::start();
    let mut took = Vec::new();
    for number in 0..SINGLE_CHANGES {
        let begun = Instant::now();
        work(number)?;
        took.push(begun.elapsed());
    }
    took.sort();
    let part = |percent: usize| took[took.len() * percent / 100].as_secs_f64() * 1e6;
    let each = begun.read().1.as_secs_f64() * 1e6 / took.len() as f64;
    println!(
        "{what:<44} p50 {:>6.0} p99 {:>6.0} µs, processor {each:>6.0} µs each, {} MB",
        part(50),
        part(99),
        resident_mb()
    );
    Ok(())
}

fn measure_index(at: &Path, rows: u64) -> Outcome<()> {
    let mut index = Index::open(at, [0; 16], Identity::random)?;
    load(&mut index, rows)?;
    let begun = Clock::start();
    let mut upto = Seq(0);
    let mut told = 0;
    loop {
        let window = index.changes(upto, 1000, None)?;
        told += window.changes.len() as u64;
        upto = window.upto;
        if !window.more {
            break;
        }
    }
    begun.tell("telling all of it, 1000 at a time", told);
    let begun = Clock::start();
    index.acknowledge(upto)?;
    while index.maintain()? {}
    begun.tell("pruning the journal", told);
    let begun = Clock::start();
    let found = walk(&index)?;
    begun.tell("listing every directory", found);

    // Strides that are prime to the number of rows touch pages all over.
    let anywhere = |number: u64| (number * 7_919 + 13) % rows;
    tell_each("looking a path up", |number| {
        index.lookup(&path(&row_text(anywhere(number))))?.ok_or("a row is missing")?;
        Ok(())
    })?;
    for (what, durability) in [
        ("one change, told, committed", Durability::Process),
        ("one change, told, committed durably", Durability::Power),
    ] {
        let mut upto = index.seq();
        tell_each(what, |number| {
            let path = path(&row_text(anywhere(number)));
            let (dir, row) = index.lookup(&path)?.ok_or("a row is missing")?;
            let name = path.file_name().ok_or("the root")?;
            index.put(dir, name, file(number), row.fingerprint, Journal::Foreign)?;
            upto = index.changes(upto, 100, None)?.upto;
            Ok(index.commit(durability)?)
        })?;
    }
    let begun = Clock::start();
    index.move_row((DirId::ROOT, &name("package-0")), (DirId::ROOT, &name("moved")), Journal::Foreign)?;
    index.commit(Durability::Process)?;
    begun.tell("moving a directory of 1000 files", 1);
    let begun = Clock::start();
    index.remove(DirId::ROOT, &name("moved"), Journal::Foreign)?;
    index.commit(Durability::Process)?;
    begun.tell("removing it", 1000);
    let begun = Clock::start();
    index.touch_below(RelPath::ROOT)?;
    index.commit(Durability::Process)?;
    begun.tell("putting everything into the feed again", rows);
    drop(index);
    measure_openings(at)
}

fn load(index: &mut Index, rows: u64) -> Outcome<()> {
    let begun = Clock::start();
    let mut dir = DirId::ROOT;
    for number in 0..rows {
        if number.is_multiple_of(FILES_IN_A_DIRECTORY) {
            dir = directory(index, &path(&dir_text(number / FILES_IN_A_DIRECTORY)), rows + number)?;
        }
        let path = path(&row_text(number));
        let name = path.file_name().ok_or("the root")?;
        index.get(dir, name)?;
        index.put(dir, name, file(number), fingerprint(number), Journal::Foreign)?;
        if number.is_multiple_of(10_000) {
            index.commit(Durability::Process)?;
        }
    }
    index.commit(Durability::Process)?;
    begun.tell("first crawl: look up and put", rows);
    Ok(())
}

/// The directory, made where it isn't known.
fn directory(index: &mut Index, path: &RelPath, inode: u64) -> Outcome<DirId> {
    if let Some(id) = index.dir(path)? {
        return Ok(id);
    }
    let (parent, name) = path.split_last().ok_or("the root is always known")?;
    let parent = directory(index, parent, inode + 1)?;
    let row = index.put(parent, name, Entry::Directory, fingerprint(inode), Journal::Foreign)?;
    Ok(row.id.ok_or("a directory without a number")?)
}

fn walk(index: &Index) -> Outcome<u64> {
    let (mut left, mut found) = (vec![DirId::ROOT], 0);
    while let Some(dir) = left.pop() {
        let mut after = None;
        loop {
            let rows = index.list(dir, after.as_deref(), 1000)?;
            found += rows.len() as u64;
            left.extend(rows.iter().filter_map(|(_, row)| row.id));
            let Some((last, _)) = rows.into_iter().last() else { break };
            after = Some(last);
        }
    }
    Ok(found)
}

fn measure_openings(at: &Path) -> Outcome<()> {
    let begun = Clock::start();
    let mut index = Index::open(at, [0; 16], Identity::random)?;
    begun.tell("opening after an unexpected end", 1);
    let begun = Clock::start();
    index.close()?;
    drop(index);
    begun.tell("closing", 1);
    let begun = Clock::start();
    let index = Index::open(at, [0; 16], Identity::random)?;
    begun.tell("opening after it was closed", 1);
    drop(index);
    let begun = Clock::start();
    drop(Index::open(at, [1; 16], Identity::random)?);
    begun.tell("opening after a power cut, nothing synced", 1);
    println!("{:<44} {:>9} MB", "size of the file", std::fs::metadata(at)?.len() >> 20);
    Ok(())
}

fn measure_ledger(at: &Path, rows: u64) -> Outcome<()> {
    let mut ledger = LedgerStore::open(at)?;
    let begun = Clock::start();
    let mut updates = Vec::new();
    for number in 0..rows {
        if number.is_multiple_of(FILES_IN_A_DIRECTORY) {
            let dir = path(&dir_text(number / FILES_IN_A_DIRECTORY));
            let around = dir.ancestors().filter(|around| !around.is_root()).map(RelPath::to_owned);
            updates.extend(around.chain([dir.clone()]).map(|dir| Update::Agree(dir, Some(Entry::Directory))));
        }
        updates.push(Update::Agree(path(&row_text(number)), Some(file(number))));
        if updates.len() >= 1000 {
            ledger.commit(&updates, Seq(number), Seq(0))?;
            updates.clear();
        }
    }
    ledger.commit(&updates, Seq(rows), Seq(0))?;
    begun.tell("agreeing, 1000 in a commit", rows);
    tell_each("one path agreed, committed", |number| {
        let update = Update::Agree(path(&row_text((number * 7_919 + 13) % rows)), Some(file(number)));
        Ok(ledger.commit(&[update], Seq(rows + number), Seq(0))?)
    })?;
    tell_each("the same, hardened", |number| {
        let update = Update::Agree(path(&row_text((number * 7_919 + 13) % rows)), Some(file(number)));
        ledger.commit(&[update], Seq(rows + number), Seq(0))?;
        Ok(ledger.harden()?)
    })?;
    let begun = Clock::start();
    ledger.commit(
        &[Update::Move(Moved { from: path("package-1"), to: path("moved"), as_of: [Seq(rows); 2] })],
        Seq(rows),
        Seq(0),
    )?;
    begun.tell("moving an agreed directory", 1);
    drop(ledger);
    println!("{:<44} {:>9} MB", "size of the file", std::fs::metadata(at)?.len() >> 20);
    Ok(())
}
