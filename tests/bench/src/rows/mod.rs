//! The rows: what is measured, each in a file of its own.

mod bulk;
mod burst;
mod checkout;
mod docker;
mod edit;
mod first_sync;
mod large;
mod memory;
mod restart;
mod tree;
mod vm;

use anyhow::{Result, bail};

use crate::figures::Figure;
use crate::ground::Ground;
use crate::peers;

/// A row.
pub struct Row {
    /// How it is chosen.
    pub name: &'static str,
    /// What it measures.
    pub what: &'static str,
    /// Measures it.
    pub measure: fn(&Ground) -> Result<Vec<Figure>>,
}

/// All rows, in the order in which they are measured.
pub const ALL: &[Row] = &[
    Row { name: "first-sync", what: "a new share, beside tar | tar", measure: first_sync::small_files },
    Row {
        name: "one-directory",
        what: "a new share of one directory, beside tar | tar",
        measure: first_sync::one_directory,
    },
    Row {
        name: "node-modules",
        what: "a new share of npm's packages, beside tar | tar",
        measure: first_sync::node_modules,
    },
    Row { name: "huge-files", what: "a new share of a few huge files, beside cp", measure: first_sync::huge_files },
    Row { name: "edit", what: "one changed file, both ways, beside a bare copy loop", measure: edit::one_file },
    Row { name: "edit-busy", what: "one changed file while others change", measure: edit::while_busy },
    Row {
        name: "burst",
        what: "2 000 and 50 000 files changed at once, both ways, beside tar of them",
        measure: burst::files,
    },
    Row { name: "tree", what: "a directory of all entries renamed, created, deleted", measure: tree::whole },
    Row { name: "checkout", what: "git checkout between distant commits", measure: checkout::distant },
    Row { name: "large-file", what: "1 MB changed inside a file of 2 GB", measure: large::piece },
    Row { name: "edit-bulk", what: "one changed file while a file of 5 GB is copied", measure: bulk::edit_beside },
    Row {
        name: "restart",
        what: "engine and agent started again, beside find over both sides",
        measure: restart::whole,
    },
    Row { name: "reconnect", what: "the agent dies and comes back", measure: restart::agent },
    Row { name: "memory", what: "memory at rest, and processor time in a minute of rest", measure: memory::at_rest },
    Row {
        name: "docker",
        what: "requests and copies through the proxy, beside Docker's own socket",
        measure: docker::proxy,
    },
    Row { name: "vm-boot", what: "a VM's start, until its agent and Docker answer", measure: vm::boot },
    Row { name: "vm-channel", what: "Docker's API in a VM as its clients see it", measure: vm::channel },
    Row { name: "vm-device", what: "channels into a VM, beside its bare vsock device", measure: vm::beside_the_device },
    Row {
        name: "vm-container",
        what: "find, cat and git status in a container, on a share and by virtiofs, beside the guest's own ext4",
        measure: vm::container,
    },
    Row { name: "peers", what: "rsync, Unison and lsyncd with the same tree", measure: peers::all },
];

/// The rows of these names; all when none is named.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Row>> {
    if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|row| row.name != **name)) {
        bail!("there is no row \"{unknown}\"; `--list` names them");
    }
    Ok(ALL.iter().filter(|row| names.is_empty() || names.iter().any(|name| name == row.name)).collect())
}
