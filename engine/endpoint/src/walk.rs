//! Walking a tree of the disk: a directory before what it holds, siblings by name, in memory bounded by the names of the
//! directories on the way, with few of them open.

use causeway_sync::{Name, RelPath, RelPathBuf};

use crate::dirs::Dirs;
use crate::fs::{self, Fs, FsErrorKind, Kind};
use crate::names::Names;

/// A walk in progress. Paths are relative to the directory that it began with.
pub(crate) struct Walk<'a, F: Fs> {
    dirs: Dirs<'a, F>,
    fs: &'a F,
    frames: Vec<Frame>,
}

struct Frame {
    path: RelPathBuf,
    names: Names,
    at: usize,
}

/// What the walk came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A name. Where it is a directory, [`Walk::enter`] makes the walk go on inside.
    Entry(RelPathBuf, Option<Kind>),
    /// All that an entered directory holds was told.
    Leave(RelPathBuf),
}

impl<'a, F: Fs> Walk<'a, F> {
    /// A walk of what `root` holds, which is entered.
    pub(crate) fn new(fs: &'a F, root: F::Dir) -> fs::Result<Self> {
        let mut walk = Self { dirs: Dirs::new(fs, root), fs, frames: Vec::new() };
        walk.enter(RelPath::ROOT)?;
        Ok(walk)
    }

    /// Goes on inside the directory at `path`, the one that was just told.
    pub(crate) fn enter(&mut self, path: &RelPath) -> fs::Result<()> {
        self.enter_filtered(path, |_| true)
    }

    /// The same, with only the names that `keep` wants.
    pub(crate) fn enter_filtered(&mut self, path: &RelPath, mut keep: impl FnMut(&Name) -> bool) -> fs::Result<()> {
        let dir = self.dirs.dir(path)?;
        let mut names = Names::list(self.fs, &dir)?;
        names.retain(|name, _| keep(name));
        self.frames.push(Frame { path: path.to_owned(), names, at: 0 });
        Ok(())
    }

    /// Passes over the names up to and including `after` in the directory that was entered last.
    pub(crate) fn skip_to(&mut self, after: &Name) {
        if let Some(frame) = self.frames.last_mut() {
            frame.at = frame.names.after(after);
        }
    }

    /// The directory that holds `path`.
    pub(crate) fn parent_of(&mut self, path: &RelPath) -> fs::Result<F::Dir> {
        self.dirs.dir(path.parent().unwrap_or(RelPath::ROOT))
    }

    /// The next step; the root isn't left, the walk ends there.
    pub(crate) fn next(&mut self) -> Option<Step> {
        let frame = self.frames.last_mut()?;
        if frame.at < frame.names.len() {
            let (name, kind) = frame.names.get(frame.at);
            frame.at += 1;
            return Some(Step::Entry(frame.path.join(name), kind));
        }
        let left = self.frames.pop()?.path;
        if self.frames.is_empty() { None } else { Some(Step::Leave(left)) }
    }
}

/// What a tree holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Entries, directories too.
    pub entries: u64,
    /// Bytes in files.
    pub bytes: u64,
}

/// Counts what stands at `name`. What vanishes meanwhile isn't counted.
pub(crate) fn measure<F: Fs>(fs: &F, dir: &F::Dir, name: &Name) -> fs::Result<Measure> {
    let mut all = Measure::default();
    let Some(top) = fs.stat(dir, name)? else { return Ok(all) };
    all.entries = 1;
    match top.kind {
        Kind::Directory => {}
        Kind::File => {
            all.bytes = top.size;
            return Ok(all);
        }
        _ => return Ok(all),
    }
    let mut walk = Walk::new(fs, fs.open_dir(dir, name)?)?;
    while let Some(step) = walk.next() {
        let Step::Entry(path, _) = step else { continue };
        let parent = walk.parent_of(&path)?;
        let Some(stat) = fs.stat(&parent, path.file_name().expect("an entry has a name"))? else { continue };
        all.entries += 1;
        match stat.kind {
            Kind::Directory => walk.enter(&path)?,
            Kind::File => all.bytes += stat.size,
            _ => {}
        }
    }
    Ok(all)
}

/// Removes what stands at `name`, a directory with all it holds. Nothing there is no error.
pub(crate) fn remove_tree<F: Fs>(fs: &F, dir: &F::Dir, name: &Name) -> fs::Result<()> {
    match fs.remove_file(dir, name) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind == FsErrorKind::NotFound => return Ok(()),
        Err(error) => match fs.stat(dir, name)? {
            None => return Ok(()),
            Some(stat) if stat.kind != Kind::Directory => return Err(error),
            Some(_) => {}
        },
    }
    let mut walk = Walk::new(fs, fs.open_dir(dir, name)?)?;
    while let Some(step) = walk.next() {
        match step {
            Step::Entry(path, kind) => {
                let parent = walk.parent_of(&path)?;
                let entry = path.file_name().expect("an entry has a name");
                let kind = match kind {
                    Some(kind) => Some(kind),
                    None => fs.stat(&parent, entry)?.map(|stat| stat.kind),
                };
                match kind {
                    Some(Kind::Directory) => walk.enter(&path)?,
                    Some(_) => gone(fs.remove_file(&parent, entry))?,
                    None => {}
                }
            }
            Step::Leave(path) => {
                let parent = walk.parent_of(&path)?;
                gone(fs.remove_dir(&parent, path.file_name().expect("the root isn't left")))?;
            }
        }
    }
    gone(fs.remove_dir(dir, name))
}

fn gone(removed: fs::Result<()>) -> fs::Result<()> {
    match removed {
        Err(error) if error.kind == FsErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Copies what stands at `name` in `from` to `to_name` in `to`, where nothing stands: files with their times and executable bits,
/// directories, symlinks; other kinds are left out. After an error a part may stand there.
pub(crate) fn copy_tree<F: Fs>(fs: &F, from: &F::Dir, name: &Name, to: &F::Dir, to_name: &Name) -> fs::Result<()> {
    let Some(stat) = fs.stat(from, name)? else { return Ok(()) };
    if stat.kind != Kind::Directory {
        return copy_entry(fs, from, name, stat, to, to_name);
    }
    let mut walk = Walk::new(fs, fs.open_dir(from, name)?)?;
    let mut made = Dirs::new(fs, fs.create_dir(to, to_name)?);
    while let Some(step) = walk.next() {
        let Step::Entry(path, _) = step else { continue };
        let (above, entry) = path.split_last().expect("an entry has a name");
        let parent = walk.parent_of(&path)?;
        let Some(stat) = fs.stat(&parent, entry)? else { continue };
        let into = made.dir(above)?;
        if stat.kind == Kind::Directory {
            made.keep(&path, fs.create_dir(&into, entry)?);
            walk.enter(&path)?;
        } else {
            copy_entry(fs, &parent, entry, stat, &into, entry)?;
        }
    }
    Ok(())
}

fn copy_entry<F: Fs>(
    fs: &F,
    from: &F::Dir,
    name: &Name,
    stat: fs::Stat,
    to: &F::Dir,
    to_name: &Name,
) -> fs::Result<()> {
    match stat.kind {
        Kind::File => {
            let source = fs.open_file(from, name)?;
            let copy = fs.create_file(to, to_name, stat.executable)?;
            fs.copy_file(&source, &copy)?;
            fs.set_file_mtime(&copy, stat.mtime_ns)
        }
        Kind::Symlink => fs.create_symlink(to, to_name, &fs.read_link(from, name)?),
        _ => Ok(()),
    }
}
