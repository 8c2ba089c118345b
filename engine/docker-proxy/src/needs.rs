//! What has to be in the machine before a container starts.

use serde_json::value::RawValue;

use crate::json::{Members, elements, text};
use crate::request::binds;

/// The labels by which Docker Compose says what a container is of.
const PROJECT_LABEL: &str = "com.docker.compose.project";
const PROJECT_FOLDER_LABEL: &str = "com.docker.compose.project.working_dir";
const PROJECT_FILES_LABEL: &str = "com.docker.compose.project.config_files";
/// The label by which a container doesn't wait: `causeway.barrier=off`.
const BARRIER_LABEL: &str = "causeway.barrier";

/// What a container needs. It never changes for a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Docker's id of the container; `None` where it isn't made yet.
    pub container: Option<String>,
    /// The places in the machine that it has bound.
    pub places: Vec<String>,
    /// The names of its volumes, any of which may be bound to a place.
    pub volumes: Vec<String>,
    /// Whether it wants to start at once, whatever is on its way.
    pub waits_for_nothing: bool,
}

impl Needs {
    /// Of a container as Docker describes it. What isn't understood isn't waited for.
    pub fn of_container(inspected: &[u8]) -> Self {
        let mut needs = Self::default();
        let Ok(root) = serde_json::from_slice::<&RawValue>(inspected) else { return needs };
        needs.container = member(root, "Id").and_then(text);
        for mount in member(root, "Mounts").map(elements).unwrap_or_default() {
            let of = |name| member(mount, name).and_then(text).unwrap_or_default();
            match of("Type").as_str() {
                "bind" => needs.places.push(of("Source")),
                "volume" if of("Driver") == "local" => needs.volumes.push(of("Name")),
                _ => {}
            }
        }
        needs.waits_for_nothing = member(root, "Config").is_some_and(turns_barrier_off);
        needs
    }

    /// Of a request that makes a container, whose binds became these places.
    pub fn of_request(body: &str, places: Vec<String>) -> Self {
        let root = serde_json::from_str::<&RawValue>(body);
        Self { places, waits_for_nothing: root.is_ok_and(turns_barrier_off), ..Self::default() }
    }

    /// The place that a volume is bound to, of the volume as Docker describes it.
    pub fn place_of_volume(inspected: &[u8]) -> Option<String> {
        let root = serde_json::from_slice::<&RawValue>(inspected).ok()?;
        let options = Members::of(member(root, "Options")?)?;
        let how = options.key("o").ok()?.and_then(text)?;
        binds(&how).then(|| options.key("device").ok()?.and_then(text)).flatten()
    }
}

/// The container that a command is for, of the command as Docker describes it.
#[cfg(unix)]
pub fn container_of_exec(inspected: &[u8]) -> Option<String> {
    member(serde_json::from_slice(inspected).ok()?, "ContainerID").and_then(text)
}

/// What an answer says that something is called which was made.
#[cfg(unix)]
pub fn name_of(answer: &str, member_name: &'static str) -> Option<String> {
    member(serde_json::from_str(answer).ok()?, member_name).and_then(text)
}

/// A project of Docker Compose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its folder on the host; `None` where a volume is made for it, which doesn't name the folder.
    pub folder: Option<String>,
    /// Its files on the host, in the order in which they are merged; none where they aren't named.
    pub files: Vec<String>,
}

impl Project {
    /// The project that a container or a volume is made for, of the request that makes it.
    pub fn of_request(body: &str) -> Option<Self> {
        let root = serde_json::from_str::<&RawValue>(body).ok()?;
        let files = label(root, PROJECT_FILES_LABEL).unwrap_or_default();
        let files = files.split(',').filter(|file| !file.is_empty()).map(str::to_owned).collect();
        Some(Self { name: label(root, PROJECT_LABEL)?, folder: label(root, PROJECT_FOLDER_LABEL), files })
    }
}

fn turns_barrier_off(config: &RawValue) -> bool {
    label(config, BARRIER_LABEL).is_some_and(|value| value == "off")
}

fn label(config: &RawValue, name: &'static str) -> Option<String> {
    Members::of(member(config, "Labels")?)?.key(name).ok().flatten().and_then(text)
}

fn member<'a>(value: &'a RawValue, name: &'static str) -> Option<&'a RawValue> {
    Members::of(value)?.get(name).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_needs() {
        let container = br#"{"Id":"c","Config":{"Labels":{"causeway.barrier":"off"}},"Mounts":[
            {"Type":"bind","Source":"/m/a","Destination":"/a"},
            {"Type":"volume","Name":"v","Driver":"local","Source":"/var/lib/docker/volumes/v/_data"},
            {"Type":"volume","Name":"w","Driver":"nfs"},{"Type":"tmpfs"}]}"#;
        let needs = Needs {
            container: Some("c".into()),
            places: vec!["/m/a".into()],
            volumes: vec!["v".into()],
            waits_for_nothing: true,
        };
        assert_eq!(Needs::of_container(container), needs);
        for nothing in [&b"{}"[..], b"[]", b"null", b"\xff", br#"{"Mounts":{"Type":1}}"#] {
            assert_eq!(Needs::of_container(nothing), Needs::default());
        }
    }

    #[test]
    fn what_projects_are_named() {
        let project = |folder: Option<&str>| {
            let files = folder.iter().flat_map(|folder| [format!("{folder}/b.yaml"), format!("{folder}/c.yaml")]);
            Some(Project { name: "shop".into(), folder: folder.map(str::to_owned), files: files.collect() })
        };
        for (request, expected) in [
            (
                r#"{"Labels":{"com.docker.compose.project":"shop","com.docker.compose.project.working_dir":"/a",
                    "com.docker.compose.project.config_files":"/a/b.yaml,/a/c.yaml"}}"#,
                project(Some("/a")),
            ),
            (
                r#"{"Name":"v","Labels":{"com.docker.compose.project":"shop","com.docker.compose.volume":"v"}}"#,
                project(None),
            ),
            (r#"{"Labels":{"com.docker.compose.project.working_dir":"/a"}}"#, None),
            (r#"{"Labels":null}"#, None),
            ("", None),
        ] {
            assert_eq!(Project::of_request(request), expected, "{request}");
        }
    }

    #[test]
    fn what_volumes_are_bound_to() {
        for (volume, place) in [
            (r#"{"Options":{"type":"none","device":"/m/a","o":"rw,bind"}}"#, Some("/m/a")),
            (r#"{"Options":{"type":"nfs","device":":/a","o":"addr=x"}}"#, None),
            (r#"{"Options":null}"#, None),
        ] {
            assert_eq!(Needs::place_of_volume(volume.as_bytes()).as_deref(), place);
        }
    }
}
