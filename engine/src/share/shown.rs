//! The core's words in the words of the control API: entries, conflicts, problems, halts.

use causeway_api as api;
use causeway_api::{HaltCode, Keep, PathBytes, ProblemCode, Remedy, ShareName, SideEntry, Timestamp};
use causeway_sync::ledger::Diverged;
use causeway_sync::session::{Halt, RootFault};
use causeway_sync::{Entry, Problem, ProblemKind, RelPath, Side};

/// A side.
pub fn side(side: Side) -> api::Side {
    match side {
        Side::Host => api::Side::Host,
        Side::Guest => api::Side::Guest,
    }
}

/// The same the other way round.
pub fn side_of(side: api::Side) -> Side {
    match side {
        api::Side::Host => Side::Host,
        api::Side::Guest => Side::Guest,
    }
}

/// A time given in milliseconds since 1970.
pub fn time(ms: u64) -> Timestamp {
    Timestamp::from_ns(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

/// A path.
pub fn path(path: &RelPath) -> PathBytes {
    PathBytes::from(path.as_bytes())
}

/// What stands at a path.
pub fn entry(entry: Option<&Entry>) -> SideEntry {
    match entry {
        None => SideEntry::Absent,
        Some(Entry::Directory) => SideEntry::Directory,
        Some(Entry::File(file)) => SideEntry::File {
            size: file.size,
            mtime: Timestamp::from_ns(file.mtime_ns),
            digest: file.digest.map(|digest| digest.0.iter().map(|byte| format!("{byte:02x}")).collect()),
            executable: file.executable,
        },
        Some(Entry::Symlink(target)) => SideEntry::Symlink { target: PathBytes::from(target.as_bytes()) },
        Some(Entry::Untracked) => SideEntry::Untracked,
    }
}

/// A conflict and the ways to settle it.
pub fn conflict(at: &RelPath, diverged: &Diverged) -> api::Conflict {
    // Keeping both makes a second name for the guest's version, so there must be one.
    let both = diverged.host.is_some() && diverged.guest.is_some();
    let mut resolutions = vec![Keep::Host, Keep::Guest];
    resolutions.extend(both.then_some(Keep::Both));
    api::Conflict {
        path: path(at),
        host: entry(diverged.host.as_ref()),
        guest: entry(diverged.guest.as_ref()),
        since: time(diverged.since_ms),
        resolutions,
    }
}

/// A problem at a path of a share.
pub fn problem(at: &RelPath, found: &Problem, since_ms: u64) -> api::Problem {
    let (code, what, remedy) = describe(found);
    let other_path = match &found.kind {
        ProblemKind::FileExists { existing } => Some(path(existing)),
        _ => None,
    };
    let sentence = match found.detail.as_str() {
        "" => format!("{what}."),
        detail => format!("{what}: {detail}."),
    };
    api::Problem {
        path: path(at),
        other_path,
        side: side(found.side),
        code,
        sentence,
        remedy: remedy.map(Remedy::sentence),
        since: time(since_ms),
        next_try: None,
    }
}

fn describe(found: &Problem) -> (ProblemCode, String, Option<&'static str>) {
    let place = match found.side {
        Side::Host => "on the host",
        Side::Guest => "in the guest",
    };
    match &found.kind {
        ProblemKind::NoSpace => (
            ProblemCode::NoSpace,
            format!("No space is left {place}"),
            Some("Free space on that disk; the path goes across by itself then."),
        ),
        ProblemKind::PermissionDenied => (
            ProblemCode::PermissionDenied,
            format!("The user that Causeway runs as isn't allowed to {place}"),
            Some("Give that user the right to read and write the path."),
        ),
        ProblemKind::ReadOnly => (
            ProblemCode::ReadOnly,
            format!("The file system {place} is mounted read-only"),
            Some("Mount it writable, or choose a mode that doesn't change this side."),
        ),
        ProblemKind::FileExists { existing } => (
            ProblemCode::FileExists,
            format!("The name is taken {place} by \"{existing}\", which differs in case or in Unicode form only"),
            Some("Rename one of the two."),
        ),
        ProblemKind::NameNotRepresentable => (
            ProblemCode::NameNotRepresentable,
            format!("The file system {place} can't hold this name"),
            Some("Rename it, or exclude it."),
        ),
        ProblemKind::SymlinkNotPortable => (
            ProblemCode::SymlinkNotPortable,
            "The symlink is absolute or leaves the share, and this share takes only portable ones".to_owned(),
            Some("Make it relative and let it stay inside the share, or exclude it."),
        ),
        ProblemKind::CannotCreateSymlink => (
            ProblemCode::CannotCreateSymlink,
            format!("Unable to create symbolic link {place}: the right to make symlinks is missing"),
            Some("Give the user that Causeway runs as that right (on Windows: developer mode)."),
        ),
        ProblemKind::TooLarge => (
            ProblemCode::TooLarge,
            format!("It is larger than the file system {place} can hold"),
            Some("Exclude it, or move the share to another file system."),
        ),
        ProblemKind::Occupied => (
            ProblemCode::OccupiedByUntracked,
            format!("Something that is never synchronised has the place {place}"),
            Some("Move it away there."),
        ),
        ProblemKind::KeepsChanging => (
            ProblemCode::BeingWritten,
            format!("It changes each time that it is read {place}; it goes across after a quiet moment"),
            None,
        ),
        ProblemKind::Io => (ProblemCode::Io, format!("The system reports an error {place}"), None),
    }
}

/// Worse ones first: what keeps much from going across before what concerns one path.
pub fn severity(code: ProblemCode) -> u8 {
    match code {
        ProblemCode::NoSpace | ProblemCode::QuotaExceeded => 0,
        ProblemCode::ReadOnly => 1,
        ProblemCode::InvalidRules | ProblemCode::WatchLimit => 2,
        ProblemCode::PermissionDenied | ProblemCode::Io | ProblemCode::ContentDamaged => 3,
        _ => 4,
    }
}

/// Why a session halted itself, with the ways on.
pub fn halt(halt: &Halt, share: &ShareName, since: Timestamp) -> api::Halt {
    let (code, on, sentence, deletes) = describe_halt(halt);
    api::Halt { code, side: side(on), sentence, deletes, since, remedies: code.ways_on(share, side(on)) }
}

/// The code of a halt.
pub fn halt_code(halt: &Halt) -> HaltCode {
    describe_halt(halt).0
}

fn describe_halt(halt: &Halt) -> (HaltCode, Side, String, u64) {
    let folder = |side: Side| match side {
        Side::Host => "the folder on the host",
        Side::Guest => "the copy in the guest",
    };
    match halt {
        Halt::Root { side, fault: RootFault::Missing } => (
            HaltCode::RootMissing,
            *side,
            format!("Halted: {} is gone. Nothing was deleted on the other side.", folder(*side)),
            0,
        ),
        Halt::Root { side, fault: RootFault::NotADirectory } => (
            HaltCode::RootChangedType,
            *side,
            format!("Halted: {} is no directory any more. Nothing was changed on the other side.", folder(*side)),
            0,
        ),
        Halt::Root { side, fault: RootFault::Emptied { entries } } => (
            HaltCode::RootEmptied,
            *side,
            format!(
                "Halted: {} held {entries} entries and is empty now. Nothing was deleted on the other side.",
                folder(*side)
            ),
            *entries,
        ),
        Halt::ReplicaChanged => (
            HaltCode::ReplicaChanged,
            Side::Guest,
            "Halted: the copy in the guest is another one than before (its disk was reset or restored). Nothing was changed \
             on the host."
                .to_owned(),
            0,
        ),
        Halt::MassDeletion { side, entries, total } => (
            HaltCode::MassDeletion,
            side.other(),
            format!(
                "Halted: at least {entries} of {total} entries were deleted {} at once. Whether they are deleted {} too is for you to \
                 say; nothing is synchronised until then.",
                place(side.other()),
                place(*side)
            ),
            *entries,
        ),
    }
}

fn place(side: Side) -> &'static str {
    match side {
        Side::Host => "on the host",
        Side::Guest => "in the guest",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_sync::ledger::Hold;
    use causeway_sync::{File, RelPathBuf};

    #[test]
    fn a_conflict_with_a_deletion_has_nothing_to_put_beside() {
        let file = Entry::File(File { digest: None, size: 3, executable: false, mtime_ns: 7 });
        let at = RelPathBuf::new(b"a/b".to_vec()).unwrap();
        for (guest, ways) in [(Some(Entry::Directory), 3), (None, 2)] {
            let diverged = Diverged { host: Some(file.clone()), guest, hold: Hold::Conflict, since_ms: 1 };
            assert_eq!(conflict(&at, &diverged).resolutions.len(), ways);
        }
    }

    #[test]
    fn sentences_name_the_side_the_system_and_both_names() {
        let existing = RelPathBuf::new(b"README".to_vec()).unwrap();
        let found = Problem {
            side: Side::Host,
            kind: ProblemKind::FileExists { existing },
            detail: "in the directory \"docs\"".to_owned(),
        };
        let shown = problem(&RelPathBuf::new(b"readme".to_vec()).unwrap(), &found, 0);
        assert_eq!(shown.other_path, Some(PathBytes::from("README")));
        assert!(shown.sentence.contains("README") && shown.sentence.contains("docs"), "{}", shown.sentence);
    }

    #[test]
    fn a_mass_deletion_is_shown_on_the_side_where_it_happened() {
        let name = ShareName::new("x").unwrap();
        let shown = halt(&Halt::MassDeletion { side: Side::Guest, entries: 900, total: 1000 }, &name, time(1));
        assert_eq!((shown.code, shown.side, shown.deletes), (HaltCode::MassDeletion, api::Side::Host, 900));
        assert!(shown.remedies.iter().all(|way| way.command.is_some()));
    }
}
