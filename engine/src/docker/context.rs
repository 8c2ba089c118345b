//! Which Docker the docker command of this user speaks to: what its own configuration says
//! (<https://docs.docker.com/engine/manage-resources/contexts/>). It is only read, and what can't be read selects nothing.

use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use causeway_api::docker::CONTEXT;
use serde_json::Value;

/// Longest file that is read, in bytes; Docker's own have some thousand.
const BYTES_MAX: u64 = 1 << 20;
/// Contexts that are looked at, at most.
const CONTEXTS_MAX: usize = 256;

/// Whether Causeway's context is selected, and leads to `socket`.
pub fn is_selected(socket: &Path) -> bool {
    directory().is_some_and(|directory| is_selected_in(&directory, socket))
}

fn directory() -> Option<PathBuf> {
    let set = env::var_os("DOCKER_CONFIG").filter(|set| !set.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(directories::BaseDirs::new()?.home_dir().join(".docker")))
}

fn is_selected_in(directory: &Path, socket: &Path) -> bool {
    let selected = read(&directory.join("config.json"));
    if selected.is_none_or(|config| config["currentContext"] != CONTEXT) {
        return false;
    }
    let Ok(contexts) = fs::read_dir(directory.join("contexts/meta")) else { return false };
    let metas = contexts.take(CONTEXTS_MAX).flatten().filter_map(|entry| read(&entry.path().join("meta.json")));
    let host =
        metas.into_iter().find(|meta| meta["Name"] == CONTEXT).map(|meta| meta["Endpoints"]["docker"]["Host"].clone());
    host.is_some_and(|host| host == format!("unix://{}", socket.display()))
}

fn read(path: &Path) -> Option<Value> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_selected_by_name_and_leads_to_the_socket() {
        let dir = tempfile::tempdir().unwrap();
        let (root, socket) = (dir.path(), Path::new("/home/ada/run/docker.sock"));
        let is_selected = || is_selected_in(root, socket);
        assert!(!is_selected());
        let meta = root.join("contexts/meta/0f");
        fs::create_dir_all(&meta).unwrap();
        let points_to = |host: &str| {
            let text = format!(r#"{{"Name":"causeway","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
            fs::write(meta.join("meta.json"), text).unwrap();
        };
        points_to("unix:///home/ada/run/docker.sock");
        assert!(!is_selected());
        fs::write(root.join("config.json"), r#"{"currentContext":"causeway"}"#).unwrap();
        assert!(is_selected());
        points_to("unix:///elsewhere.sock");
        assert!(!is_selected());
        points_to("unix:///home/ada/run/docker.sock");
        for other in [r#"{"currentContext":"default"}"#, "{}", "nonsense"] {
            fs::write(root.join("config.json"), other).unwrap();
            assert!(!is_selected(), "{other}");
        }
    }
}
