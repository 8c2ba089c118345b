//! Putting a tree in place: directories with all that was received for them, by one rename.

use causeway_index::Journal;
use causeway_sync::{Action, Entry, Name, Outcome, RelPath};

use super::act::{Act, Landed, Step};
use super::receive::Received;
use super::staged::Trees;
use crate::dirs::Dirs;
use crate::fs::{self, Fs, Kind, Rename, Stat};
use crate::settings::Look;

/// An action whose result stands in the tree, and what it looks like there.
struct Member {
    /// Its place among the actions.
    number: usize,
    entry: Entry,
    stat: Stat,
}

impl<F: Fs> Act<'_, '_, F> {
    /// Puts the tree in place whose top the first of `actions` makes, and notes the outcomes of all that stand in it. `false` if
    /// there is none, or it can't be: then nothing has changed, and they are carried out one by one.
    pub(super) fn put_tree(
        &mut self,
        trees: &Trees,
        actions: &[Action],
        received: &[Option<Received<F>>],
        outcomes: &mut [Option<Outcome>],
    ) -> bool {
        let top = &actions[0].path;
        let Some(name) = trees.top(top) else { return false };
        let Ok(members) = self.members(trees, name, actions, received) else { return false };
        let is_refused = |path: &RelPath, is_directory| self.refuse_ignored(path, is_directory).is_err();
        if is_refused(top, true) || members.iter().any(|m| is_refused(&actions[m.number].path, m.entry.is_directory()))
        {
            return false;
        }
        // What is in it is told apart from what others put there only when all of it is known.
        self.depart(top, None);
        let put = self.land_tree(name, actions, &members, outcomes);
        self.land(top, None);
        put.is_ok()
    }

    /// All but the top.
    fn members(
        &self,
        trees: &Trees,
        top: &Name,
        actions: &[Action],
        received: &[Option<Received<F>>],
    ) -> fs::Result<Vec<Member>> {
        let is_below = |at: &RelPath| at.names().next() == Some(top);
        let mut dirs = Dirs::new(&self.ep.fs, self.staging.clone());
        let mut members = Vec::new();
        for (number, (action, received)) in actions.iter().zip(received).enumerate().skip(1) {
            match (received, trees.at(&action.path)) {
                (Some(Received::File(staged)), _) if staged.is_in_tree() && is_below(&staged.at) => {
                    let Some(stat) = &staged.stat else { continue };
                    members.push(Member { number, entry: Entry::File(staged.entry.clone()), stat: *stat });
                }
                (_, Some(at)) if is_below(at) => {
                    let stat = self.ep.fs.stat_dir(&dirs.dir(at)?)?;
                    members.push(Member { number, entry: Entry::Directory, stat });
                }
                _ => {}
            }
        }
        Ok(members)
    }

    fn land_tree(
        &mut self,
        name: &Name,
        actions: &[Action],
        members: &[Member],
        outcomes: &mut [Option<Outcome>],
    ) -> Step<()> {
        let place = self.place(&actions[0].path)?;
        let fs = &self.ep.fs;
        let made = fs.stat(&self.staging, name).map_err(|error| self.problem(&error))?.ok_or(Outcome::Unexpected)?;
        if place.row.is_some() {
            return Err(Outcome::Unexpected);
        }
        let moved = fs.rename(&self.staging, name, &place.dir, &place.name, Rename::NoReplace);
        moved.map_err(|error| self.problem(&error))?;
        let landed = match fs.stat(&place.dir, &place.name) {
            Ok(Some(stat)) if stat.kind == Kind::Directory && stat.inode == made.inode => Landed::As(stat),
            _ => Landed::Overwritten,
        };
        let is_there = matches!(landed, Landed::As(_));
        if !is_there {
            self.ep.dirty(&place.path, Look::Below);
        }
        outcomes[0] = Some(self.record(&place, Entry::Directory, &landed).unwrap_or_else(|outcome| outcome));
        for member in members {
            let path = &actions[member.number].path;
            let known = if is_there { self.record_member(path, member) } else { Err(Outcome::Unexpected) };
            outcomes[member.number] = Some(known.unwrap_or_else(|outcome| outcome));
        }
        Ok(())
    }

    fn record_member(&mut self, path: &RelPath, member: &Member) -> Step<Outcome> {
        let above = path.parent().unwrap_or(RelPath::ROOT);
        let id = self.ep.lock().index.dir(above);
        match id {
            Ok(Some(id)) => self.record_at(id, path, member.entry.clone(), &Landed::As(member.stat), Journal::Own),
            Ok(None) => Err(self.unexpected(path)),
            Err(error) => Err(self.io(&error.to_string())),
        }
    }
}
