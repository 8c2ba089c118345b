//! What the app and the `causeway` command see of the engine, and how they talk to it.
//!
//! This is the only serialised surface for them: types for requests, replies, events and errors ([`methods`] lists the
//! requests), a JSON-RPC 2.0 codec ([`rpc`]), and a [`server`] and a [`client`] that speak it over a local socket that
//! only the same user can reach ([`socket`]). It knows nothing of synchronising, and does no I/O but that socket and the
//! directories that hold it ([`home`]).
//!
//! A client that wants to follow what happens subscribes: it gets a snapshot and then numbered deltas ([`feed`]).
//!
//! Conventions in JSON: names in `snake_case`; times as in [`Timestamp`]; paths as in [`PathBytes`]; amounts in bytes;
//! durations in milliseconds, with names that end in `_ms`. New fields may be added; readers ignore those that they
//! don't know. With the feature `ts` every type derives its TypeScript definition (64-bit numbers are `number`).
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod activity;
pub mod bin;
pub mod client;
pub mod compare;
pub mod conflict;
pub mod docker;
pub mod doctor;
pub mod entry;
pub mod error;
pub mod feed;
pub mod folder;
pub mod halt;
pub mod home;
pub mod lock;
pub mod machine;
pub mod methods;
pub mod name;
pub mod page;
pub mod path;
pub mod problem;
pub mod rename;
pub mod rpc;
pub mod rules;
pub mod server;
pub mod share;
pub mod shell;
pub mod size;
pub mod socket;
pub mod time;
#[cfg(feature = "ts")]
pub mod typescript;
pub mod usage;
pub mod verify;

pub use self::{
    activity::{Activity, ActivityOf, Interval, ShareChange},
    bin::{BinEmpty, BinItem, BinReason, BinRestore, Restored, WhichItems},
    client::{CallError, Client},
    compare::{BothContents, ComparePath, SideContent},
    conflict::{Conflict, Keep, Refused, Resolve, Resolved, Which},
    docker::{
        AutoShare, ComposeProject, ConfigureDocker, DismissWanted, DockerEngine, DockerInfo, DockerSettings,
        WantedFolder,
    },
    doctor::{Check, Verdict},
    entry::{Amount, Entries, Side, SideEntry},
    error::{ApiError, ErrorCode},
    feed::{Event, Feed, Snapshot, Subscription},
    folder::{CountFolder, Estimate, FolderTally, HeavyFolder},
    halt::{Halt, HaltCode},
    home::Home,
    lock::EngineLock,
    machine::{
        Acceleration, AgentInfo, ConfigureMachine, ConsoleTail, EngineStatus, MachineChoice, MachineInfo, MachineKind,
        MachineSettings, MachineStart, MachineState, PROTOCOL_VERSION, PortProtocol, PublishedPort, Setting,
        StartPhase, StartStep, VmInfo,
    },
    methods::{Handler, Nothing},
    name::{ShareId, ShareName},
    page::{ListOf, Page},
    path::PathBytes,
    problem::{Problem, ProblemCode, Remedy},
    rename::RenamePath,
    rules::{PreviewRules, RuleEffect, RuleLine, RuleSample, RulesPreview, RulesText, TriedPath, TryPath, WriteRules},
    share::{
        Bins, ChangeKind, ConfigureShare, Container, CreateShare, FlushShare, Flushed, LastChange, Mode, OfShare,
        Patterns, Phase, PhaseTimes, Progress, RemoveShare, ResumeShare, ShareInfo, Space, State, Stream, Symlinks,
        Watch, WatchKind, Watches,
    },
    time::Timestamp,
    usage::{Usage, UsageOf, UsageSample, UsageSpan},
    verify::{Because, Difference, Verification, Verified, Verifying},
};
