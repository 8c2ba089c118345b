//! How the machine is set up: one JSON file, replaced whole and durably with every change.

use std::io;
use std::path::{Path, PathBuf};

use causeway_api::{ApiError, ConfigureMachine, ErrorCode, MachineSettings, Setting};
use serde::{Deserialize, Serialize};

use crate::doctor::system::memory;
use crate::settings::{SettingsError, replace_durably};

/// Name of the file in the data directory.
pub const MACHINE_FILE: &str = "machine.json";
/// Version of its format.
const VERSION: u32 = 1;

/// Bounds of what a person may set. Docker and a share's work need some memory; ext4 ends at 16 TiB with 32-bit block numbers, and
/// more than half of this is nobody's laptop.
const CPUS_MAX: u32 = 256;
pub(crate) const MEMORY_MIB_MIN: u64 = 512;
const DISK_GIB_MIN: u64 = 2;
const DISK_GIB_MAX: u64 = 8 * 1024;
/// Most processors and memory that a VM gets unasked.
const CPUS_UNASKED_MAX: u32 = 8;
const MEMORY_MIB_UNASKED_MAX: u64 = 8 * 1024;
/// Size of a data disk that nobody chose. It takes the space of its content alone.
const DISK_GIB_UNASKED: u64 = 64;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    #[serde(flatten)]
    settings: MachineSettings,
}

/// What a VM gets of the computer, everything said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Processors.
    pub cpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// Size of the data disk, in bytes.
    pub disk_bytes: u64,
}

/// Reads the settings from the data directory; those of a new installation where there is no file.
pub fn read(data: &Path) -> Result<MachineSettings, SettingsError> {
    let path = data.join(MACHINE_FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(MachineSettings::default()),
        Err(source) => return Err(SettingsError::Io { op: "read", path, source }),
    };
    match serde_json::from_slice::<Stored>(&text) {
        Ok(Stored { version: VERSION, settings }) => Ok(settings),
        Ok(Stored { version, .. }) => Err(SettingsError::Newer { path, found: version }),
        Err(error) => Err(SettingsError::Damaged { path, reason: error.to_string() }),
    }
}

/// Changes them. After an error nothing has changed.
pub fn change(data: &Path, wish: &ConfigureMachine) -> Result<MachineSettings, ApiError> {
    check(wish)?;
    let mut settings = read(data).map_err(crate::engine::settings_error)?;
    settings.kind = wish.kind.unwrap_or(settings.kind);
    // Checked: it is no larger than the most processors.
    let cpus = |number: u64| u32::try_from(number).unwrap_or(CPUS_MAX);
    settings.cpus = wish.cpus.map_or(settings.cpus, |setting| setting.number().map(cpus));
    settings.memory_mib = wish.memory_mib.map_or(settings.memory_mib, Setting::number);
    settings.disk_gib = wish.disk_gib.map_or(settings.disk_gib, Setting::number);
    if *wish != ConfigureMachine::default() {
        write(&data.join(MACHINE_FILE), settings).map_err(crate::engine::settings_error)?;
    }
    Ok(settings)
}

fn write(path: &Path, settings: MachineSettings) -> Result<(), SettingsError> {
    let stored = Stored { version: VERSION, settings };
    let mut text = serde_json::to_vec_pretty(&stored).expect("numbers always serialise");
    text.push(b'\n');
    let failed = |source| SettingsError::Io { op: "write", path: PathBuf::from(path), source };
    replace_durably(path, &text).map_err(failed)
}

fn check(wish: &ConfigureMachine) -> Result<(), ApiError> {
    let memory_mib_max = memory().0 >> 20;
    for (what, wanted, least, most) in [
        ("The number of processors", wish.cpus, 1, u64::from(CPUS_MAX)),
        ("The memory in MiB", wish.memory_mib, MEMORY_MIB_MIN, memory_mib_max),
        ("The size of the disk in GiB", wish.disk_gib, DISK_GIB_MIN, DISK_GIB_MAX),
    ] {
        let number = wanted.and_then(Setting::number);
        if number.is_some_and(|number| !(least..=most).contains(&number)) {
            let message = format!("{what} has to be between {least} and {most}.");
            return Err(ApiError::new(ErrorCode::InvalidParams, message));
        }
    }
    Ok(())
}

/// What a VM gets: what a person set, else what suits this computer.
pub fn size(settings: &MachineSettings) -> Size {
    let available =
        std::thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX));
    size_on(settings, available, memory().0 >> 20)
}

fn size_on(settings: &MachineSettings, cpus: u32, memory_mib: u64) -> Size {
    let quarter = (memory_mib / 4).clamp(MEMORY_MIB_MIN, MEMORY_MIB_UNASKED_MAX);
    Size {
        cpus: settings.cpus.unwrap_or(cpus.min(CPUS_UNASKED_MAX)),
        memory_mib: settings.memory_mib.unwrap_or(quarter),
        disk_bytes: settings.disk_gib.unwrap_or(DISK_GIB_UNASKED) << 30,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_api::MachineChoice;

    #[test]
    fn what_is_set_is_read_again_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), MachineSettings::default());
        change(dir.path(), &ConfigureMachine { cpus: Some(Setting::Number(3)), ..ConfigureMachine::default() })
            .unwrap();
        let wish = ConfigureMachine { kind: Some(MachineChoice::Vm), ..ConfigureMachine::default() };
        change(dir.path(), &wish).unwrap();
        let settings = MachineSettings { kind: MachineChoice::Vm, cpus: Some(3), ..MachineSettings::default() };
        assert_eq!(read(dir.path()).unwrap(), settings);
    }

    #[test]
    fn what_was_set_can_follow_from_the_computer_again() {
        let dir = tempfile::tempdir().unwrap();
        let both =
            |setting| ConfigureMachine { cpus: Some(setting), disk_gib: Some(setting), ..ConfigureMachine::default() };
        change(dir.path(), &both(Setting::Number(3))).unwrap();
        let wish = ConfigureMachine { cpus: Some(Setting::Auto), ..ConfigureMachine::default() };
        let settings = MachineSettings { disk_gib: Some(3), ..MachineSettings::default() };
        assert_eq!(change(dir.path(), &wish).unwrap(), settings);
        assert_eq!(change(dir.path(), &both(Setting::Auto)).unwrap(), MachineSettings::default());
        assert_eq!(read(dir.path()).unwrap(), MachineSettings::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for wish in [
            ConfigureMachine { cpus: Some(Setting::Number(0)), ..ConfigureMachine::default() },
            ConfigureMachine { cpus: Some(Setting::Number(u64::MAX)), ..ConfigureMachine::default() },
            ConfigureMachine { memory_mib: Some(Setting::Number(64)), ..ConfigureMachine::default() },
            ConfigureMachine { memory_mib: Some(Setting::Number(u64::MAX)), ..ConfigureMachine::default() },
            ConfigureMachine { disk_gib: Some(Setting::Number(1 << 40)), ..ConfigureMachine::default() },
        ] {
            assert!(change(dir.path(), &wish).is_err(), "{wish:?}");
        }
        assert!(!dir.path().join(MACHINE_FILE).exists());
    }

    #[test]
    fn a_vm_gets_its_share_of_the_computer() {
        for (cpus, memory_mib, expected) in [(2, 4096, (2, 1024)), (32, 131_072, (8, 8192)), (1, 512, (1, 512))] {
            let size = size_on(&MachineSettings::default(), cpus, memory_mib);
            assert_eq!((size.cpus, size.memory_mib), expected);
        }
        let set =
            MachineSettings { cpus: Some(5), memory_mib: Some(700), disk_gib: Some(3), ..MachineSettings::default() };
        assert_eq!(size_on(&set, 1, 1), Size { cpus: 5, memory_mib: 700, disk_bytes: 3 << 30 });
    }

    #[test]
    fn a_newer_or_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["{", r#"{"version":9}"#] {
            std::fs::write(dir.path().join(MACHINE_FILE), text).unwrap();
            read(dir.path()).unwrap_err();
        }
    }
}
