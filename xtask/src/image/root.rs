//! The root file system's files, chosen from the unpacked packages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{elf, recipe};

/// Makes the directory `chosen` of what the guest needs of `debian`.
pub fn choose(debian: &Path, chosen: &Path, release: &str) -> Result<()> {
    for directory in recipe::DIRECTORIES {
        fs::create_dir_all(chosen.join(directory))?;
    }
    for path in files(debian, release)? {
        copy(&debian.join(&path), &chosen.join(&path))?;
    }
    for (path, content) in recipe::FILES {
        write(&chosen.join(path), content.as_bytes())?;
    }
    let (certificates, joined) = recipe::CERTIFICATES;
    write(&chosen.join(joined), &join(&debian.join(certificates))?)?;
    for (path, target) in recipe::SYMLINKS {
        link(&chosen.join(path), target)?;
    }
    for applet in recipe::APPLETS {
        let path = chosen.join("usr/bin").join(applet);
        if fs::symlink_metadata(&path).is_err() {
            link(&path, "busybox")?;
        }
    }
    even_out(chosen)
}

/// Gives everything below a directory the permissions that root's own files have: those that were made here depend on who made them.
fn even_out(directory: &Path) -> Result<()> {
    allow(directory, 0o755)?;
    for entry in fs::read_dir(directory)? {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type()))?;
        match kind? {
            kind if kind.is_dir() => even_out(&path)?,
            kind if kind.is_file() => allow(&path, if is_executable(&path)? { 0o755 } else { 0o644 })?,
            _ => {}
        }
    }
    Ok(())
}

/// The files to take, as paths from the top.
fn files(debian: &Path, release: &str) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for program in recipe::PROGRAMS {
        add_program(debian, Path::new(program), &mut files)?;
    }
    add_program(debian, Path::new(recipe::LINKER), &mut files)?;
    for whole in recipe::WHOLE {
        for file in below(debian, Path::new(whole))? {
            add_program(debian, &file, &mut files)?;
        }
    }
    let modules = Path::new("usr/lib/modules").join(release);
    for list in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        files.insert(modules.join(list));
    }
    let kernel = modules.join("kernel");
    for file in below(debian, &kernel)? {
        let within = file.strip_prefix(&kernel)?.to_string_lossy();
        let is_wanted = |wanted: &&str| {
            within.strip_prefix(*wanted).is_some_and(|rest| rest.starts_with(['/', '.']) || rest.is_empty())
        };
        if recipe::MODULES.iter().any(is_wanted) {
            files.insert(file.clone());
        }
    }
    Ok(files)
}

/// Adds a file, what it links to, and the libraries that it needs.
fn add_program(debian: &Path, path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    let mut path = path.to_owned();
    loop {
        if !files.insert(path.clone()) {
            return Ok(());
        }
        let metadata = fs::symlink_metadata(debian.join(&path));
        if !metadata.with_context(|| format!("the packages lack {}", path.display()))?.is_symlink() {
            break;
        }
        path = target_of(debian, &path)?;
    }
    for library in elf::needed(&debian.join(&path))? {
        let found = recipe::LIBRARIES.iter().map(|place| Path::new(place).join(&library));
        let found = found.into_iter().find(|path| fs::symlink_metadata(debian.join(path)).is_ok());
        let Some(found) = found else { bail!("{} needs {library}, which no package has", path.display()) };
        add_program(debian, &found, files)?;
    }
    Ok(())
}

/// Where a symlink leads, as a path from the top.
fn target_of(debian: &Path, link: &Path) -> Result<PathBuf> {
    let target = fs::read_link(debian.join(link))?;
    let mut path = match target.strip_prefix("/") {
        Ok(_) => PathBuf::new(),
        Err(_) => link.parent().unwrap_or(Path::new("")).to_owned(),
    };
    for part in target.components() {
        match part {
            std::path::Component::Normal(name) => path.push(name),
            std::path::Component::ParentDir => drop(path.pop()),
            _ => {}
        }
    }
    // `/lib` and the like are links to what stands below `/usr`.
    let first = path.iter().next().unwrap_or_default();
    Ok(if ["bin", "sbin", "lib", "lib64"].iter().any(|top| first == *top) { Path::new("usr").join(path) } else { path })
}

/// The files below a directory, or the file itself, as paths from the top, in order.
fn below(debian: &Path, path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = fs::symlink_metadata(debian.join(path));
    if !metadata.with_context(|| format!("the packages lack {}", path.display()))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = fs::read_dir(debian.join(path))?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    names.sort();
    let mut files = Vec::new();
    for name in names {
        files.extend(below(debian, &path.join(name))?);
    }
    Ok(files)
}

fn join(directory: &Path) -> Result<Vec<u8>> {
    let mut joined = Vec::new();
    for file in below(directory, Path::new(""))? {
        joined.extend(fs::read(directory.join(file))?);
        joined.push(b'\n');
    }
    Ok(joined)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    if fs::symlink_metadata(from)?.is_symlink() {
        return link(to, &fs::read_link(from)?.to_string_lossy());
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    make_parent(path)?;
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn link(path: &Path, target: &str) -> Result<()> {
    make_parent(path)?;
    symlink(target, path).with_context(|| format!("cannot link {}", path.display()))
}

#[cfg(unix)]
use std::os::unix::fs::symlink;

#[cfg(unix)]
fn allow(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> std::io::Result<bool> {
    Ok(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path)?.permissions()) & 0o100 != 0)
}

/// The tools that an image is made with are Linux's.
#[cfg(not(unix))]
use elsewhere::{allow, is_executable, symlink};

#[cfg(not(unix))]
mod elsewhere {
    use std::io::{ErrorKind::Unsupported, Result};
    use std::path::Path;

    pub fn symlink(_: &str, _: &Path) -> Result<()> {
        Err(Unsupported.into())
    }

    pub fn allow(_: &Path, _: u32) -> Result<()> {
        Err(Unsupported.into())
    }

    pub fn is_executable(_: &Path) -> Result<bool> {
        Err(Unsupported.into())
    }
}

fn make_parent(path: &Path) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file has a directory")?)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod test {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn permissions_dont_tell_who_made_it() {
        let dir = tempfile::tempdir().unwrap();
        let modes = |modes: [u32; 3]| {
            for (name, mode) in ["d", "d/program", "d/data"].into_iter().zip(modes) {
                let path = dir.path().join(name);
                if name == "d" {
                    fs::create_dir_all(&path).unwrap();
                } else {
                    fs::write(&path, name).unwrap();
                }
                allow(&path, mode).unwrap();
            }
            even_out(dir.path()).unwrap();
            ["d", "d/program", "d/data"]
                .map(|name| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o7777)
        };
        assert_eq!(modes([0o775, 0o775, 0o664]), [0o755, 0o755, 0o644]);
        assert_eq!(modes([0o2700, 0o4755, 0o600]), [0o755, 0o755, 0o644]);
    }
}
