//! `causeway docker-context`: a context of the docker command for the machine's Docker.

use std::process::{Command, Output};

use anyhow::{Context, bail};
use causeway_api::{Client, MachineKind, Nothing, docker::CONTEXT};

use crate::{
    exit::{Exit, Usage},
    show::screen::Screen,
};

/// Makes the context, or sets it right, and selects it.
pub async fn select(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let machine = client.machine_status(&Nothing {}).await?;
    let docker = client.docker_status(&Nothing {}).await?;
    if machine.kind == MachineKind::Local && docker.settings.engine_socket.is_none() {
        let which = "Say which Docker Engine to use: causeway docker config --engine-socket /var/run/docker.sock";
        return Err(
            Usage(format!("The machine is a directory of this computer, and has no Docker in it. {which}")).into()
        );
    }
    let socket = docker.socket.to_path().context("the socket has a name that isn't a path here")?;
    let endpoint = format!("host=unix://{}", socket.display());
    let is_there = command(&["context", "inspect", CONTEXT])?.status.success();
    let verb = if is_there { "update" } else { "create" };
    must(&["context", verb, CONTEXT, "--docker", &endpoint, "--description", "Causeway's machine"])?;
    must(&["context", "use", CONTEXT])?;
    let shown = serde_json::json!({ "context": CONTEXT, "docker_socket": docker.socket });
    screen.show(&shown, |_| {
        vec![
            format!("The docker command uses the context \"{CONTEXT}\" from now on."),
            "To go back: docker context use default".to_owned(),
        ]
    })?;
    Ok(Exit::Done)
}

fn must(arguments: &[&str]) -> anyhow::Result<()> {
    let output = command(arguments)?;
    if !output.status.success() {
        bail!("docker {} failed: {}", arguments[..2].join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn command(arguments: &[&str]) -> anyhow::Result<Output> {
    // A context that the environment demands would be in the way of the one that is selected.
    let mut command = Command::new("docker");
    command.args(arguments).env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT");
    command.output().context("the docker command can't be run; is it installed?")
}
