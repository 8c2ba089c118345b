//! Halts: a session stopped itself for safety and waits for a person.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{entry::Side, name::ShareName, problem::Remedy, time::Timestamp};

/// What set off the halt. The codes are stable; `resume --accept` names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum HaltCode {
    /// The root isn't there any more.
    RootMissing,
    /// The root is there and empty, and wasn't.
    RootEmptied,
    /// The root is no directory any more.
    RootChangedType,
    /// The guest's copy is another one than the index knows: its disk was reset or restored.
    ReplicaChanged,
    /// More entries than the set part of the share would be deleted at once.
    MassDeletion,
}

impl HaltCode {
    /// Every code.
    pub const ALL: [Self; 5] =
        [Self::RootMissing, Self::RootEmptied, Self::RootChangedType, Self::ReplicaChanged, Self::MassDeletion];

    /// The code, as in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RootMissing => "root_missing",
            Self::RootEmptied => "root_emptied",
            Self::RootChangedType => "root_changed_type",
            Self::ReplicaChanged => "replica_changed",
            Self::MassDeletion => "mass_deletion",
        }
    }

    /// The ways on for share `name`, whose session halted because of what happened on `side`. None of them is the one to prefer.
    ///
    /// `resume` alone looks again: it goes on where the cause is gone, and halts again where it isn't.
    /// `resume --accept` lets happen what the halt held back. `reset` forgets what both sides last agreed on and
    /// compares them afresh, so that nothing is deleted and what only one side has comes to the other.
    pub fn ways_on(self, name: &ShareName, side: Side) -> Vec<Remedy> {
        let (here, there) = match side {
            Side::Host => ("on the host", "in the guest"),
            Side::Guest => ("in the guest", "on the host"),
        };
        let resume = |sentence: String| Remedy::command(sentence, format!("causeway share resume {name}"));
        let accept =
            |sentence: String| Remedy::command(sentence, format!("causeway share resume {name} --accept {self}"));
        let reset = || {
            Remedy::command(
                format!("Bring back {here} what still stands {there}. Nothing is deleted."),
                format!("causeway share reset {name}"),
            )
        };
        let delete = || accept(format!("Delete it {there} too. It goes to the recycle bin first."));
        match self {
            Self::RootMissing => {
                vec![resume(format!("Put the folder back {here}, or mount it, and go on.")), reset(), delete()]
            }
            Self::RootEmptied | Self::MassDeletion => {
                vec![reset(), delete(), resume(format!("Put the content back {here} yourself and go on."))]
            }
            Self::RootChangedType => vec![
                resume(format!("Put the folder back {here} and go on.")),
                Remedy::command(
                    "Remove the share. What stands on the host stays as it is.",
                    format!("causeway share remove {name}"),
                ),
            ],
            Self::ReplicaChanged => {
                vec![accept("Fill the guest again from the host. Nothing is deleted on the host.".into()), reset()]
            }
        }
    }
}

impl fmt::Display for HaltCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no halt's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no halt; they are root_missing, root_emptied, root_changed_type, replica_changed and mass_deletion")]
pub struct UnknownHalt(String);

impl FromStr for HaltCode {
    type Err = UnknownHalt;
    fn from_str(text: &str) -> Result<Self, UnknownHalt> {
        Self::ALL.into_iter().find(|code| code.as_str() == text).ok_or_else(|| UnknownHalt(text.into()))
    }
}

/// Why a session stopped itself, and the ways on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Halt {
    /// What set it off.
    pub code: HaltCode,
    /// On which side it happened.
    pub side: Side,
    /// What happened, as a sentence: what would have been done, and that nothing was.
    pub sentence: String,
    /// How many entries would have been deleted; 0 where the halt isn't about deletions.
    pub deletes: u64,
    /// When it halted.
    pub since: Timestamp,
    /// The ways on, each with its command.
    pub remedies: Vec<Remedy>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for code in HaltCode::ALL {
            assert_eq!(code.as_str().parse::<HaltCode>().unwrap(), code);
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        assert!("deletion".parse::<HaltCode>().is_err());
    }

    #[test]
    fn every_halt_has_a_way_on_with_a_command() {
        let name = ShareName::new("storefront").unwrap();
        for code in HaltCode::ALL {
            for side in [Side::Host, Side::Guest] {
                let ways = code.ways_on(&name, side);
                assert!(ways.len() >= 2, "{code}");
                for way in ways {
                    assert!(way.command.unwrap().contains("storefront"), "{code}");
                }
            }
        }
    }
}
