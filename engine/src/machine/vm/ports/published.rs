//! Which ports containers publish, as Docker's API tells.
//!
//! The guest isn't trusted: what it says is bounded, and reaches no more than ports.

use std::collections::BTreeSet;
use std::path::Path;

use causeway_api::PortProtocol;
use causeway_docker_proxy::{Docker, DockerError, Events};
use serde::Deserialize;

use super::Port;

/// What of containers' events may change which ports are published.
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C%22die%22%2C%22pause%22%2C%22unpause%22%5D%7D";
const CONTAINERS: &str = "/containers/json";

/// Follows one run of Docker.
pub struct Published {
    events: Events,
    lists: Docker,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    ports: Vec<PortOfContainer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PortOfContainer {
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    kind: String,
}

impl Published {
    /// Of the Docker whose API is at `socket`.
    pub async fn follow(socket: &Path) -> Result<Self, DockerError> {
        // Before any list: what happens between the two isn't missed.
        let events = Docker::at(socket).await?.events(EVENTS).await?;
        Ok(Self { events, lists: Docker::at(socket).await? })
    }

    /// The ports that are published now.
    pub async fn now(&mut self) -> Result<BTreeSet<Port>, DockerError> {
        let list = self.lists.get(CONTAINERS).await?;
        ports_in(&list).map_err(|error| DockerError::Answer(error.to_string()))
    }

    /// Waits until there may be others.
    pub async fn changed(&mut self) -> Result<(), DockerError> {
        self.events.next().await
    }
}

fn ports_in(list: &[u8]) -> serde_json::Result<BTreeSet<Port>> {
    let containers: Vec<Container> = serde_json::from_slice(list)?;
    let ports = containers.into_iter().flat_map(|container| container.ports);
    let protocol = |kind: &str| match kind {
        "tcp" => Some(PortProtocol::Tcp),
        "udp" => Some(PortProtocol::Udp),
        // SCTP, which nothing carries.
        _ => None,
    };
    Ok(ports.filter_map(|port| Some((port.public_port?, protocol(&port.kind)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ports_are_found() {
        let list = br#"[
            {"Id":"a","Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                               {"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                               {"PrivatePort":81,"Type":"tcp"},
                               {"IP":"0.0.0.0","PrivatePort":53,"PublicPort":5353,"Type":"udp"}]},
            {"Id":"b"}]"#;
        assert_eq!(ports_in(list).unwrap(), BTreeSet::from([(5353, PortProtocol::Udp), (8080, PortProtocol::Tcp)]));
        ports_in(b"{}").unwrap_err();
    }
}
