//! `causeway docker`: how Docker's API on this computer is set up.

use std::path::{Path, PathBuf};

use anyhow::Context;
use causeway_api::{AutoShare, Client, ConfigureDocker, DockerInfo, Nothing, PathBytes, Remedy};

use crate::{
    args::DockerConfig,
    exit::Exit,
    show::{
        facts::{Facts, remedy_lines},
        paths,
        screen::Screen,
        times,
    },
};

/// How it is set up.
pub async fn status(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    show(&client.docker_status(&Nothing {}).await?, screen)
}

/// Changes how it is set up, and shows it.
pub async fn config(client: &Client, screen: Screen, config: &DockerConfig) -> anyhow::Result<Exit> {
    let wish = ConfigureDocker {
        engine_socket: config.engine_socket.as_deref().map(socket).transpose()?,
        allow: folders(&config.allow)?,
        disallow: folders(&config.disallow)?,
        compose_auto_share: config.compose_auto_share.map(|when| when.0),
        barrier_ms: config.barrier.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
    };
    show(&client.docker_configure(&wish).await?, screen)
}

/// Folders from the root of the file system, without symlinks where they are there.
fn folders(given: &[PathBuf]) -> anyhow::Result<Vec<PathBytes>> {
    let absolute = |path: &PathBuf| match std::fs::canonicalize(path) {
        Ok(real) if !cfg!(windows) => Ok(real.as_path().into()),
        _ => whole(path),
    };
    given.iter().map(absolute).collect()
}

fn socket(given: &Path) -> anyhow::Result<PathBytes> {
    if given.as_os_str().is_empty() { Ok(PathBytes::default()) } else { whole(given) }
}

fn whole(path: &Path) -> anyhow::Result<PathBytes> {
    Ok(std::path::absolute(path).with_context(|| format!("finding {}", path.display()))?.as_path().into())
}

fn show(docker: &DockerInfo, screen: Screen) -> anyhow::Result<Exit> {
    screen.show(docker, lines)?;
    Ok(Exit::Done)
}

fn lines(docker: &DockerInfo) -> Vec<String> {
    let mut facts = Facts::default();
    facts.add("Socket", paths::on_host(&docker.socket));
    let engine = docker.settings.engine_socket.as_ref().map(paths::on_host);
    facts.add("Engine", engine.unwrap_or_else(|| "the machine's own".to_owned()));
    for folder in &docker.allowed {
        facts.add("Folders", paths::on_host(folder));
    }
    let wait = match docker.settings.barrier_ms() {
        0 => "not at all".to_owned(),
        ms => times::duration(ms),
    };
    facts.add("Containers wait", wait);
    let compose = match docker.settings.compose_auto_share {
        AutoShare::Off => "folders of projects are shared by you alone",
        AutoShare::Ask => "you are told which folders of projects are wanted",
        AutoShare::On => "folders of projects become shares when a container wants them",
    };
    facts.add("Compose", compose);
    let mut lines = facts.lines();
    for wanted in &docker.wanted {
        let (project, folder) = (paths::safe(&wanted.project), paths::on_host(&wanted.folder));
        let remedy = Remedy::command(
            format!("A container of the project {project} wanted {folder}, which no share covers."),
            format!("causeway share create {}", paths::safe(&wanted.folder.to_text())),
        );
        lines.extend(remedy_lines(&remedy, 0));
    }
    lines
}
