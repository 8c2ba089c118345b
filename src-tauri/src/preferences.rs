//! What a person set for the app itself. Everything about shares is the engine's.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_api::Home;
use serde::{Deserialize, Serialize};

const FILE: &str = "app.json";

/// What is set, each with what holds where nothing was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Values {
    /// Whether notifications are shown.
    pub notifications: bool,
    /// Light, dark, or as the system has it.
    pub theme: Theme,
    /// First run is over: a container used a share, or a person said so.
    pub introduced: bool,
}

/// How the window looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Default for Values {
    fn default() -> Self {
        Self { notifications: true, theme: Theme::System, introduced: false }
    }
}

/// What is set, and the file that keeps it.
pub struct Preferences {
    path: PathBuf,
    values: Mutex<Values>,
}

impl Preferences {
    /// As the file has it. Where there is none, or one that can't be read, what holds where nothing was set.
    pub fn open(home: &Home) -> Self {
        let path = home.config_dir().join(FILE);
        let read = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self { path, values: Mutex::new(read.unwrap_or_default()) }
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is set.
    pub fn get(&self) -> Values {
        *self.lock()
    }

    /// Sets all. After an error nothing has changed.
    pub fn set(&self, values: Values) -> io::Result<()> {
        let mut held = self.lock();
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let fresh = self.path.with_extension("json.new");
        fs::write(&fresh, serde_json::to_vec_pretty(&values)?)?;
        fs::rename(&fresh, &self.path)?;
        *held = values;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_kept_and_nonsense_is_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path()).unwrap();
        let preferences = Preferences::open(&home);
        assert_eq!(preferences.get(), Values::default());
        let set = Values { notifications: false, theme: Theme::Dark, introduced: true };
        preferences.set(set).unwrap();
        assert_eq!(Preferences::open(&home).get(), set);
        fs::write(home.config_dir().join(FILE), "{").unwrap();
        assert_eq!(Preferences::open(&home).get(), Values::default());
    }
}
