//! What is remembered in a JSON file of its own, replaced whole with every change.
//!
//! Only for what the engine can do without for a while: a file that can't be used is begun anew, and one that can't be written is a warning.

use std::io;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::settings::replace_durably;

/// Something that is remembered. As JSON it is an object, beside whose members the version stands.
#[derive(Debug)]
pub struct Remembered<T> {
    path: PathBuf,
    version: u32,
    content: T,
}

#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize)]
struct Stored<'a, T> {
    version: u32,
    #[serde(flatten)]
    content: &'a T,
}

impl<T: Default + Serialize + DeserializeOwned> Remembered<T> {
    /// Reads the file; nothing is remembered where it isn't there, or isn't of this version.
    pub fn open(path: PathBuf, version: u32) -> Self {
        let content = match std::fs::read(&path) {
            Ok(text) => read(&text, version).unwrap_or_else(|| {
                tracing::warn!(path = %path.display(), "is not understood, and begun anew");
                T::default()
            }),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(path = %path.display(), %error, "can't be read");
                }
                T::default()
            }
        };
        Self { path, version, content }
    }

    /// What is remembered.
    pub fn get(&self) -> &T {
        &self.content
    }

    /// Remembers something else.
    pub fn change(&mut self, change: impl FnOnce(&mut T)) {
        change(&mut self.content);
        let stored = Stored { version: self.version, content: &self.content };
        let text = serde_json::to_vec(&stored).expect("strings always serialise");
        if let Err(error) = replace_durably(&self.path, &text) {
            tracing::warn!(path = %self.path.display(), %error, "can't be written");
        }
    }
}

fn read<T: DeserializeOwned>(text: &[u8], version: u32) -> Option<T> {
    let found: Version = serde_json::from_slice(text).ok()?;
    if found.version != version {
        return None;
    }
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Known {
        names: Vec<String>,
    }

    #[test]
    fn what_was_remembered_is_there_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known.json");
        let open = || Remembered::<Known>::open(path.clone(), 3);
        assert_eq!(*open().get(), Known::default());
        open().change(|known| known.names.push("a".to_owned()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), r#"{"version":3,"names":["a"]}"#);
        assert_eq!(open().get().names, ["a"]);
        for unusable in ["{", r#"{"names":["a"]}"#, r#"{"version":2,"names":["a"]}"#, r#"{"version":3,"names":1}"#] {
            std::fs::write(&path, unusable).unwrap();
            assert_eq!(*open().get(), Known::default(), "{unusable}");
        }
    }
}
