//! What a file system can do, found out by trying in the staging area.

use causeway_sync::entry::Target;
use causeway_sync::path::Name;

use super::{Area, Capabilities, Fs, FsErrorKind, Rename, Result};

/// Mixed case, and an `é` both ways: one name in NFC and in NFD.
const LOWER: &[u8] = b"causeway-probe-a";
const UPPER: &[u8] = b"CAUSEWAY-PROBE-A";
const COMPOSED: &[u8] = b"causeway-probe-\xc3\xa9";
const DECOMPOSED: &[u8] = b"causeway-probe-e\xcc\x81";
const LINK: &[u8] = b"causeway-probe-link";
const ALL: [&[u8]; 5] = [LOWER, UPPER, COMPOSED, DECOMPOSED, LINK];

/// Granularities that file systems have, coarsest first: FAT, ext3 and HFS+, exFAT, NTFS' 100 ns, ext4.
const GRANULARITIES_NS: [u64; 7] = [2_000_000_000, 1_000_000_000, 10_000_000, 1_000_000, 1_000, 100, 1];
/// A time that is a multiple of none of them but 1: odd in seconds and in nanoseconds.
const ODD_TIME_NS: i64 = 1_234_567_891_234_567_891;

fn name(bytes: &[u8]) -> &Name {
    Name::new(bytes).expect("the probe's names are names")
}

/// Tries everything, and removes what it made.
pub(super) fn probe<F: Fs + ?Sized>(fs: &F) -> Result<Capabilities> {
    let staging = fs.root(Area::Staging)?;
    clean(fs, &staging)?;
    let found = look_around(fs, &staging);
    let cleaned = clean(fs, &staging);
    let found = found?;
    cleaned?;
    fs.release_staging()?;
    Ok(found)
}

fn clean<F: Fs + ?Sized>(fs: &F, staging: &F::Dir) -> Result<()> {
    for leftover in ALL {
        match fs.remove_file(staging, name(leftover)) {
            Err(error) if error.kind != FsErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn look_around<F: Fs + ?Sized>(fs: &F, staging: &F::Dir) -> Result<Capabilities> {
    let file = fs.create_file(staging, name(LOWER), false)?;
    fs.create_file(staging, name(COMPOSED), false)?;
    let case_sensitive = fs.stat(staging, name(UPPER))?.is_none();
    let normalizes_unicode = fs.stat(staging, name(DECOMPOSED))?.is_some();
    fs.set_file_mtime(&file, ODD_TIME_NS)?;
    let kept_ns = fs.stat_file(&file)?.mtime_ns;
    let target = Target::new(b"causeway-probe-nowhere".to_vec()).expect("it is a target");
    Ok(Capabilities {
        case_sensitive,
        normalizes_unicode,
        symlinks: fs.create_symlink(staging, name(LINK), &target).is_ok(),
        executable_bit: keeps_executable_bit(fs, &file)?,
        exchange_rename: fs.rename(staging, name(LOWER), staging, name(COMPOSED), Rename::Exchange).is_ok(),
        time_granularity_ns: granularity_ns(kept_ns),
    })
}

fn keeps_executable_bit<F: Fs + ?Sized>(fs: &F, file: &F::File) -> Result<bool> {
    for wanted in [true, false] {
        // A file system without the bit refuses, or says yes and forgets.
        if fs.set_executable(file, wanted).is_err() || fs.stat_file(file)?.executable != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The coarsest granularity that a stored time fits.
fn granularity_ns(kept_ns: i64) -> u64 {
    let fits = |granularity: &u64| kept_ns.unsigned_abs().is_multiple_of(*granularity);
    GRANULARITIES_NS.into_iter().find(fits).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarsest_granularity_is_found() {
        for (kept_ns, want) in [
            (ODD_TIME_NS, 1),
            (1_234_567_891_234_567_800, 100),
            (1_234_567_891_234_567_000, 1_000),
            (1_234_567_891_230_000_000, 10_000_000),
            (1_234_567_891_000_000_000, 1_000_000_000),
            (1_234_567_890_000_000_000, 2_000_000_000),
        ] {
            assert_eq!(granularity_ns(kept_ns), want, "{kept_ns}");
        }
    }
}
