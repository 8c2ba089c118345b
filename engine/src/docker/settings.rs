//! How Docker's API is set up: one JSON file, replaced whole and durably with every change.

use std::io;
use std::path::{Path, PathBuf};

use causeway_api::{ApiError, ConfigureDocker, DockerSettings, ErrorCode, PathBytes};
use serde::{Deserialize, Serialize};

use crate::settings::{SettingsError, replace_durably};

/// Name of the file in the data directory.
pub const DOCKER_FILE: &str = "docker.json";
/// Version of its format.
const VERSION: u32 = 1;
/// Longest wait that a person may set: a container that doesn't start for longer looks broken.
const BARRIER_MS_MAX: u64 = 600_000;
/// Folders that a person may name.
const ALLOWED_MAX: usize = 256;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    settings: DockerSettings,
}

/// Reads the settings from the data directory; those of a new installation where there is no file.
pub fn read(data: &Path) -> Result<DockerSettings, SettingsError> {
    let path = data.join(DOCKER_FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(DockerSettings::default()),
        Err(source) => return Err(SettingsError::Io { op: "read", path, source }),
    };
    match serde_json::from_slice::<Stored>(&text) {
        Ok(Stored { version: VERSION, settings }) => Ok(settings),
        Ok(Stored { version, .. }) => Err(SettingsError::Newer { path, found: version }),
        Err(error) => Err(SettingsError::Damaged { path, reason: error.to_string() }),
    }
}

/// Changes them. After an error nothing has changed.
pub fn change(data: &Path, wish: &ConfigureDocker) -> Result<DockerSettings, ApiError> {
    let mut settings = read(data).map_err(crate::engine::settings_error)?;
    if let Some(socket) = &wish.engine_socket {
        settings.engine_socket = if socket.as_bytes().is_empty() { None } else { Some(absolute(socket)?) };
    }
    if let Some(barrier_ms) = wish.barrier_ms {
        if barrier_ms > BARRIER_MS_MAX {
            let most = BARRIER_MS_MAX / 1000;
            return Err(ApiError::new(ErrorCode::InvalidParams, format!("The wait may be {most} s at most.")));
        }
        settings.barrier_ms = Some(barrier_ms);
    }
    settings.compose_auto_share = wish.compose_auto_share.unwrap_or(settings.compose_auto_share);
    if !wish.allow.is_empty() || !wish.disallow.is_empty() {
        settings.allowed = Some(allow(allowed(&settings), wish)?);
    }
    if *wish != ConfigureDocker::default() {
        write(&data.join(DOCKER_FILE), &settings).map_err(crate::engine::settings_error)?;
    }
    Ok(settings)
}

/// The folders that containers may have.
pub fn allowed(settings: &DockerSettings) -> Vec<PathBytes> {
    let home = || directories::BaseDirs::new().map(|dirs| PathBytes::from(dirs.home_dir()));
    settings.allowed.clone().unwrap_or_else(|| home().into_iter().collect())
}

fn allow(mut allowed: Vec<PathBytes>, wish: &ConfigureDocker) -> Result<Vec<PathBytes>, ApiError> {
    let disallow = wish.disallow.iter().map(absolute).collect::<Result<Vec<_>, _>>()?;
    allowed.retain(|folder| !disallow.contains(folder));
    for folder in &wish.allow {
        let folder = absolute(folder)?;
        if !allowed.contains(&folder) {
            allowed.push(folder);
        }
    }
    if allowed.len() > ALLOWED_MAX {
        return Err(ApiError::new(ErrorCode::InvalidParams, format!("There may be {ALLOWED_MAX} folders at most.")));
    }
    Ok(allowed)
}

fn absolute(path: &PathBytes) -> Result<PathBytes, ApiError> {
    match path.to_path() {
        Some(native) if native.is_absolute() => Ok(path.clone()),
        _ => Err(ApiError::new(ErrorCode::InvalidParams, format!("\"{path}\" is no absolute path of this computer."))),
    }
}

fn write(path: &Path, settings: &DockerSettings) -> Result<(), SettingsError> {
    let stored = Stored { version: VERSION, settings: settings.clone() };
    let mut text = serde_json::to_vec_pretty(&stored).expect("numbers and strings always serialise");
    text.push(b'\n');
    let failed = |source| SettingsError::Io { op: "write", path: PathBuf::from(path), source };
    replace_durably(path, &text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Vec<PathBytes> {
        paths.iter().map(|path| PathBytes::from(*path)).collect()
    }

    #[test]
    fn what_is_set_is_read_again_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), DockerSettings::default());
        let socket = Some(PathBytes::from("/run/d.sock"));
        let wish = ConfigureDocker { engine_socket: socket.clone(), ..ConfigureDocker::default() };
        change(dir.path(), &wish).unwrap();
        let wish = ConfigureDocker { allow: paths(&["/a", "/b"]), ..ConfigureDocker::default() };
        change(dir.path(), &wish).unwrap();
        let wish = ConfigureDocker {
            disallow: paths(&["/a"]),
            allow: paths(&["/b"]),
            barrier_ms: Some(0),
            ..ConfigureDocker::default()
        };
        let settings = change(dir.path(), &wish).unwrap();
        assert_eq!(read(dir.path()).unwrap(), settings);
        assert_eq!((settings.engine_socket.clone(), settings.barrier_ms()), (socket, 0));
        assert!(settings.allowed.unwrap().ends_with(&paths(&["/b"])));
        let none = ConfigureDocker { engine_socket: Some(PathBytes::from("")), ..ConfigureDocker::default() };
        assert_eq!(change(dir.path(), &none).unwrap().engine_socket, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for wish in [
            ConfigureDocker { barrier_ms: Some(u64::MAX), ..ConfigureDocker::default() },
            ConfigureDocker { engine_socket: Some(PathBytes::from("d.sock")), ..ConfigureDocker::default() },
            ConfigureDocker { allow: paths(&["src"]), ..ConfigureDocker::default() },
        ] {
            assert!(change(dir.path(), &wish).is_err(), "{wish:?}");
        }
        assert!(!dir.path().join(DOCKER_FILE).exists());
    }
}
