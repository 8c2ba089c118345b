//! Making symlinks and directories.

use causeway_sync::{Entry, Outcome, ProblemKind, RelPath, Target};

use super::act::{Act, Landed, Place, Step};
use crate::fs::{Fs, FsError, FsErrorKind, Kind, Stat};
use crate::problem;
use crate::settings::Symlinks;

/// What to do where the right to create symlinks is missing.
#[cfg(windows)]
const SYMLINK_RIGHT: &str = "switch on Developer Mode, or grant the right \"Create symbolic links\"";
#[cfg(not(windows))]
const SYMLINK_RIGHT: &str = "this file system holds no symbolic links";

impl<F: Fs> Act<'_, '_, F> {
    pub(super) fn make_symlink(&mut self, place: &Place<F>, stat: Option<&Stat>, target: &Target) -> Step<Outcome> {
        self.refuse_symlink(&place.path, target)?;
        let entry = Entry::Symlink(target.clone());
        let Some(stat) = stat else {
            let created = self.ep.fs.create_symlink(&place.dir, &place.name, target);
            created.map_err(|error| self.not_created(place, &error))?;
            let landed = match self.ep.fs.stat(&place.dir, &place.name) {
                Ok(Some(stat)) if stat.kind == Kind::Symlink && self.points_to(place, target) => Landed::As(stat),
                _ => Landed::Overwritten,
            };
            return self.record(place, entry, &landed);
        };
        let staged = self.ep.staged_name();
        let created = self.ep.fs.create_symlink(&self.staging, &staged, target);
        created.map_err(|error| self.symlink_problem(&error))?;
        let replaced = self.replace(place, stat, &staged);
        let landed = replaced.inspect_err(|_| self.throw_away(&staged))?;
        self.record(place, entry, &landed)
    }

    fn points_to(&self, place: &Place<F>, target: &Target) -> bool {
        self.ep.fs.read_link(&place.dir, &place.name).is_ok_and(|now| now == *target)
    }

    /// Refuses a symlink that the share or the file system doesn't want.
    fn refuse_symlink(&self, path: &RelPath, target: &Target) -> Step<()> {
        let kind = match self.ep.eyes.symlinks {
            _ if !self.ep.can.symlinks => ProblemKind::CannotCreateSymlink,
            Symlinks::Portable if !is_portable(path, target) => ProblemKind::SymlinkNotPortable,
            Symlinks::Raw | Symlinks::Portable => return Ok(()),
            Symlinks::Ignore => return Err(self.occupied("symlinks are ignored here")),
        };
        let detail = match kind {
            ProblemKind::CannotCreateSymlink => SYMLINK_RIGHT,
            _ => "",
        };
        Err(Outcome::Problem(problem::problem(self.ep.side, kind, detail)))
    }

    fn symlink_problem(&self, error: &FsError) -> Outcome {
        if matches!(error.kind, FsErrorKind::PermissionDenied | FsErrorKind::Unsupported) {
            let detail = format!("{error}: {SYMLINK_RIGHT}");
            return Outcome::Problem(problem::problem(self.ep.side, ProblemKind::CannotCreateSymlink, detail));
        }
        self.problem(error)
    }

    fn not_created(&mut self, place: &Place<F>, error: &FsError) -> Outcome {
        match error.kind {
            FsErrorKind::Exists => match self.stat(place) {
                Ok(Some(stat)) => self.clash(place, &stat),
                Ok(None) => self.unexpected(&place.path),
                Err(outcome) => outcome,
            },
            // The directory that it is created in can be at fault as well.
            FsErrorKind::PermissionDenied if !self.ep.can.symlinks => self.symlink_problem(error),
            FsErrorKind::Unsupported => self.symlink_problem(error),
            _ => self.failed(&place.path, error),
        }
    }

    pub(super) fn make_directory(&mut self, place: &Place<F>, stat: Option<&Stat>) -> Step<Outcome> {
        let Some(stat) = stat else {
            let created = self.ep.fs.create_dir(&place.dir, &place.name);
            let dir = created.map_err(|error| self.not_created(place, &error))?;
            let made = self.ep.fs.stat_dir(&dir).map_err(|error| self.problem(&error))?;
            let landed = match self.ep.fs.stat(&place.dir, &place.name) {
                Ok(Some(stat)) if stat.kind == Kind::Directory && stat.inode == made.inode => Landed::As(stat),
                _ => Landed::Overwritten,
            };
            self.dirs.keep(&place.path, dir);
            return self.record(place, Entry::Directory, &landed);
        };
        let staged = self.ep.staged_name();
        let created = self.ep.fs.create_dir(&self.staging, &staged);
        created.map_err(|error| self.problem(&error))?;
        let replaced = self.replace(place, stat, &staged);
        let landed = replaced.inspect_err(|_| self.throw_away(&staged))?;
        self.record(place, Entry::Directory, &landed)
    }
}

/// Whether a symlink at `path` names something inside the share on any system: a relative target that never leaves the root.
fn is_portable(path: &RelPath, target: &Target) -> bool {
    let target = target.as_bytes();
    if target.starts_with(b"/") || target.contains(&b'\\') || target.get(1) == Some(&b':') {
        return false;
    }
    let mut depth = path.names().count() - 1;
    for name in target.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if depth == 0 => return false,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_symlinks_stay_inside() {
        let cases = [
            ("a", "b", true),
            ("a", "../b", false),
            ("d/a", "../b", true),
            ("d/a", "../../b", false),
            ("d/a", "x/../../b", true),
            ("d/a", "x/../../../d/b", false),
            ("a", "/etc/passwd", false),
            ("a", "C:/Users", false),
            ("a", "x\\y", false),
            ("a", "./b//c/", true),
        ];
        for (path, target, portable) in cases {
            let path = RelPath::new(path.as_bytes()).unwrap();
            let target_of = Target::new(target.into()).unwrap();
            assert_eq!(is_portable(path, &target_of), portable, "{path} -> {target}");
        }
    }
}
