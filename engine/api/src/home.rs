//! Where Causeway keeps what it keeps.
//!
//! Everything is below one root: the directory that the environment variable `CAUSEWAY_HOME` names, or else the place
//! that the system has for data of applications (crate `directories`), with the settings beside it. Sockets are in
//! `run/` below the root, unless that path is too long for a socket's address (`sun_path` in unix(7)): then they are in
//! a directory under `/tmp` whose name holds the user's id and a digest of the root, so that programs that agree on the
//! root agree on it, whatever else their environments say. It has to belong to the user and be closed to all others,
//! or is refused.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use directories::ProjectDirs;

use crate::name::ShareId;

/// The environment variable that moves everything.
pub const HOME_VARIABLE: &str = "CAUSEWAY_HOME";

/// Longest address of a Unix socket, in bytes, without the closing NUL: the least of the systems, macOS (`<sys/un.h>`).
#[cfg(unix)]
const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Longest name of a socket in [`Home::socket`], in bytes.
pub const SOCKET_NAME_BYTES_MAX: usize = 32;

/// A directory of Causeway can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system names no place for data, and `CAUSEWAY_HOME` isn't set.
    #[error("this computer has no home folder for you; set CAUSEWAY_HOME to a folder of yours")]
    Nowhere,
    /// The directory couldn't be made or looked at.
    #[error("can't prepare {}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory belongs to another user, or isn't one.
    #[error("{} is no directory of yours; remove it, or set CAUSEWAY_HOME to a shorter path", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
}

/// Where Causeway keeps what it keeps. Making one touches nothing on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    config: PathBuf,
    sockets: PathBuf,
}

impl Home {
    /// By `CAUSEWAY_HOME`, or else where the system says.
    pub fn locate() -> Result<Self, HomeError> {
        match env::var_os(HOME_VARIABLE) {
            Some(root) if !root.is_empty() => Self::at(Path::new(&root)),
            _ => {
                let dirs = ProjectDirs::from("", "", "causeway").ok_or(HomeError::Nowhere)?;
                let mut home = Self::at(dirs.data_local_dir())?;
                home.config = dirs.config_dir().to_owned();
                Ok(home)
            }
        }
    }

    /// With everything below `root`.
    pub fn at(root: &Path) -> Result<Self, HomeError> {
        let root = settle(root).map_err(|source| HomeError::Io { path: root.to_owned(), source })?;
        Ok(Self { config: root.join("config"), sockets: sockets(&root), root })
    }

    /// The directory that holds everything.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Settings.
    pub fn config_dir(&self) -> PathBuf {
        self.config.clone()
    }

    /// What only matters while the engine runs.
    pub fn run_dir(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Logs.
    pub fn logs_dir(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// What the shares keep: one directory for each.
    pub fn shares_dir(&self) -> PathBuf {
        self.root.join("shares")
    }

    /// What one share keeps on the host.
    pub fn share_dir(&self, share: &ShareId) -> PathBuf {
        self.shares_dir().join(&share.0)
    }

    /// What the machine keeps, its disk included.
    pub fn machine_dir(&self) -> PathBuf {
        self.root.join("machine")
    }

    /// The engine's log: a JSON object on each line, as `tracing-subscriber` writes them. When it is full it is renamed
    /// by adding `.1`, the one before that to `.2`, and so on.
    pub fn log_file(&self) -> PathBuf {
        self.logs_dir().join("engine.log")
    }

    /// What a VM printed on its console.
    pub fn console_log_file(&self) -> PathBuf {
        self.logs_dir().join("machine.log")
    }

    /// What the agent of the machine `local` wrote to its standard error. A VM's agent writes to the console.
    pub fn agent_log_file(&self) -> PathBuf {
        self.logs_dir().join("agent.log")
    }

    /// Where a VM's Docker has its API.
    pub fn docker_socket(&self) -> PathBuf {
        self.socket("docker.sock")
    }

    /// Where a VM's shells are ([`shell`](crate::shell)).
    pub fn shell_socket(&self) -> PathBuf {
        self.socket("shell.sock")
    }

    /// What an engine that was started in the background writes to its standard output and error: nothing, unless it
    /// can't start or panics. Begun anew with each start.
    pub fn stderr_file(&self) -> PathBuf {
        self.logs_dir().join("engine.stderr")
    }

    /// The file that a running engine holds locked.
    pub fn lock_file(&self) -> PathBuf {
        self.run_dir().join("engine.lock")
    }

    /// The socket that the engine listens on.
    pub fn engine_socket(&self) -> PathBuf {
        self.socket("engine.sock")
    }

    /// The address of the socket `name`, at most [`SOCKET_NAME_BYTES_MAX`] bytes of it; always short enough for one.
    /// On Windows it is the name of a pipe.
    pub fn socket(&self, name: &str) -> PathBuf {
        debug_assert!(name.len() <= SOCKET_NAME_BYTES_MAX, "the name of a socket is chosen by the program");
        if cfg!(windows) {
            return PathBuf::from(format!(r"\\.\pipe\causeway-{}-{name}", digest(&self.root)));
        }
        self.sockets.join(name)
    }

    /// The directory that holds the sockets.
    pub fn sockets_dir(&self) -> &Path {
        &self.sockets
    }

    /// Makes the root, and `run/`, `logs/` and the sockets' directory so that only this user can look inside.
    pub fn prepare(&self) -> Result<(), HomeError> {
        make_all(&self.root)?;
        for dir in [&self.run_dir(), &self.logs_dir(), &self.sockets] {
            make_private(dir)?;
        }
        Ok(())
    }
}

/// Makes `root` absolute, and on Unix free of symlinks as far as it exists, so that one directory has one name.
fn settle(root: &Path) -> io::Result<PathBuf> {
    let root = std::path::absolute(root)?;
    if cfg!(windows) {
        // A canonical path would be one of the `\\?\` kind, which many programs can't read.
        return Ok(root);
    }
    for existing in root.ancestors() {
        match fs::canonicalize(existing) {
            Ok(canonical) => {
                let rest = root.strip_prefix(existing).expect("an ancestor is a prefix");
                return Ok(if rest.as_os_str().is_empty() { canonical } else { canonical.join(rest) });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(root)
}

#[cfg(unix)]
fn sockets(root: &Path) -> PathBuf {
    let near = root.join("run");
    if near.as_os_str().len() + 1 + SOCKET_NAME_BYTES_MAX <= SOCKET_PATH_BYTES_MAX {
        return near;
    }
    let uid = rustix::process::geteuid().as_raw();
    // Not TMPDIR nor XDG_RUNTIME_DIR, which a service, a cron job and a terminal of the same user see differently.
    PathBuf::from(format!("/tmp/causeway-{uid}-{}", digest(root)))
}

#[cfg(not(unix))]
fn sockets(root: &Path) -> PathBuf {
    root.join("run")
}

/// 16 hexadecimal digits that stand for the root: FNV-1a of 64 bits, which tells a user's few roots apart.
fn digest(root: &Path) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = root.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
    format!("{hash:016x}")
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    |source| HomeError::Io { path: path.to_owned(), source }
}

#[cfg(unix)]
fn make_all(path: &Path) -> Result<(), HomeError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error(path))
}

#[cfg(not(unix))]
fn make_all(path: &Path) -> Result<(), HomeError> {
    fs::create_dir_all(path).map_err(io_error(path))
}

/// Makes a directory of mode 0700, or makes sure that the one which is there belongs to the user and is closed to others.
#[cfg(unix)]
fn make_private(path: &Path) -> Result<(), HomeError> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error(path)(error)),
        _ => {}
    }
    let metadata = fs::symlink_metadata(path).map_err(io_error(path))?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(HomeError::Foreign { path: path.to_owned() });
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io_error(path))?;
    }
    Ok(())
}

/// On Windows a folder below the user's own inherits that it is closed to others.
#[cfg(not(unix))]
fn make_private(path: &Path) -> Result<(), HomeError> {
    make_all(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn sockets_are_near_where_the_path_is_short() {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let home = Home::at(dir.path()).unwrap();
        assert_eq!(home.engine_socket(), fs::canonicalize(dir.path()).unwrap().join("run/engine.sock"));
        home.prepare().unwrap();
        assert_eq!(fs::metadata(home.run_dir()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn sockets_of_a_long_root_are_in_a_short_private_directory() {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let long = dir.path().join("a-name-that-is-quite-long".repeat(4)).join("below");
        let home = Home::at(&long).unwrap();
        assert!(home.socket(&"n".repeat(SOCKET_NAME_BYTES_MAX)).as_os_str().len() <= SOCKET_PATH_BYTES_MAX);
        home.prepare().unwrap();
        assert_eq!(fs::metadata(home.sockets_dir()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(Home::at(&long).unwrap(), home, "the same before and after it exists");
        fs::remove_dir(home.sockets_dir()).unwrap();
    }

    #[test]
    fn one_directory_has_one_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("alias")).unwrap();
        let (real, alias) = (dir.path().join("real/home"), dir.path().join("alias/home"));
        assert_eq!(Home::at(&real).unwrap(), Home::at(&alias).unwrap());
    }

    #[test]
    fn a_directory_that_others_could_enter_is_closed_and_a_symlink_refused() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        fs::create_dir(&run).unwrap();
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
        make_private(&run).unwrap();
        assert_eq!(fs::metadata(&run).unwrap().mode() & 0o777, 0o700);

        let elsewhere = dir.path().join("elsewhere");
        symlink(&run, &elsewhere).unwrap();
        assert!(matches!(make_private(&elsewhere), Err(HomeError::Foreign { .. })));
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(make_private(&file), Err(HomeError::Foreign { .. })));
    }
}
