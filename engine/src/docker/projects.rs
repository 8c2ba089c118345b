//! Docker Compose's projects by their folders: which one is around a path, which files it has, and which could become shares.

use std::path::{Component, Path, PathBuf};

use causeway_api::{ComposeProject, PathBytes};

use super::places::Covered;

/// The files that Docker Compose looks for (compose-spec, "Compose file"), and the ones that it merges with them.
const COMPOSE_FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
const OVERRIDE_FILES: [&str; 4] =
    ["compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml"];

/// The folder of a project that doesn't name it: the nearest one around a directory that holds a file of Docker Compose, else the directory
/// itself.
pub fn project_around(directory: &Path) -> Option<PathBuf> {
    let holds_file = |folder: &&Path| COMPOSE_FILES.iter().any(|name| folder.join(name).is_file());
    let is_directory = directory.is_dir();
    is_directory.then(|| directory.ancestors().find(holds_file).unwrap_or(directory).to_owned())
}

/// The files of the project in a folder that doesn't name them.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let first = |names: [&str; 4]| names.map(|name| folder.join(name)).into_iter().find(|path| path.is_file());
    [COMPOSE_FILES, OVERRIDE_FILES].into_iter().filter_map(first).collect()
}

/// Those projects whose folders could become shares: containers may have them, a file of Docker Compose stands in each, and no share
/// covers it. What Docker tells of them is only where to look.
pub fn unshared(mut projects: Vec<ComposeProject>, allowed: &[PathBytes], shares: &[Covered]) -> Vec<ComposeProject> {
    projects.retain(|project| {
        project.folder.to_path().is_some_and(|folder| {
            let is_allowed = |within: &PathBytes| within.to_path().is_some_and(|within| folder.starts_with(within));
            let is_plain = folder.components().all(|step| !matches!(step, Component::ParentDir));
            is_plain
                && allowed.iter().any(is_allowed)
                && !shares.iter().any(|share| folder.starts_with(&share.host))
                && !files_in(&folder).is_empty()
        })
    });
    projects
}

#[cfg(test)]
mod tests {
    use std::fs;

    use causeway_api::{Patterns, ShareId};

    use super::*;

    #[test]
    fn projects_that_could_become_shares_are_told() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path();
        for (folder, holds) in [("home/shop", true), ("home/shared/web", true), ("home/bare", false), ("other", true)] {
            fs::create_dir_all(base.join(folder)).unwrap();
            if holds {
                fs::write(base.join(folder).join("compose.yaml"), "").unwrap();
            }
        }
        let project = |folder: &str| ComposeProject {
            folder: PathBytes::from(base.join(folder).as_path()),
            name: folder.into(),
            services: 1,
            containers: 2,
        };
        let told = ["home/shop", "home/shared/web", "home/bare", "home/gone", "other", "home/../other"].map(project);
        let share = Covered {
            id: ShareId("1".into()),
            name: "shared".parse().unwrap(),
            host: base.join("home/shared"),
            guest: String::new(),
            patterns: Patterns::default(),
        };
        let allowed = [PathBytes::from(base.join("home").as_path())];
        assert_eq!(unshared(told.into(), &allowed, &[share]), [project("home/shop")]);
    }
}
