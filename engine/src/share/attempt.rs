//! One attempt to join the two sides of a share.
//!
//! It runs on a thread of its own, one at a time: it opens the host's endpoint, has the agent open the guest's, and waits for the
//! connections that the agent dials.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use causeway_api::{PathBytes, Symlinks};
use causeway_endpoint::runner::ShareSide;
use causeway_index::LedgerStore;
use causeway_sync::plan::BULK_LANES;
use causeway_sync::session::RootFault;
use causeway_sync::{Hello, Lane, Side};
use causeway_wire::agent::{self, Failure};

use super::connect::wire_id;
use super::host::{self, HostError, HostSide};
use super::reports::{Report, Reporter};
use super::rules::{self, InForce};
use crate::remote::{AgentError, AgentLink, Delivery, DoorError, Lanes, Loss, OnLoss, RemoteSide};
use crate::settings::ShareSettings;

/// Name of the ledger in a share's directory.
pub(super) const LEDGER_NAME: &str = "ledger.db";
/// How long the agent may take to open a share: it may have to set a damaged index aside.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// How long the agent may take for each of the quick requests.
pub(super) const AGENT_LIMIT: Duration = Duration::from_secs(15);

/// What an attempt that succeeded has joined.
pub struct Opened {
    pub(super) host: HostSide,
    pub(super) guest: Arc<RemoteSide>,
    pub(super) lanes: Lanes,
    pub(super) hello: [Hello; 2],
    pub(super) ledger: LedgerStore,
    pub(super) rules: InForce,
    pub(super) guest_path: PathBytes,
}

/// Why an attempt failed.
pub struct Attempt {
    pub(super) failure: AttemptError,
    /// What it opened and what can be kept for the next one.
    pub(super) host: Option<HostSide>,
}

/// Why the two sides couldn't be joined.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    #[error("{}", .0.reason)]
    NoAgent(crate::machine::Absent),
    #[error("the folder on the host is gone or no folder any more")]
    Root(RootFault),
    #[error(transparent)]
    Host(HostError),
    #[error("The agent can't open its copy: {0}.")]
    Agent(#[from] AgentError),
    #[error("The agent's connections did not come about: {0}.")]
    Door(#[from] DoorError),
    #[error("The copy in the guest can't be worked on: {0}.")]
    Guest(Failure),
    #[error("The connection to the agent broke at once.")]
    Broke,
    #[error("A connection of the agent can't be set up: {0}.")]
    Io(#[from] io::Error),
    #[error("What both sides agreed on can't be opened: {0}.")]
    Ledger(#[from] causeway_index::StoreError),
}

/// What an attempt needs.
pub(super) struct AttemptInput {
    pub(super) settings: ShareSettings,
    pub(super) around: super::Surroundings,
    pub(super) dir: PathBuf,
    pub(super) reporters: [Reporter; 2],
    pub(super) now_ms: u64,
}

impl AttemptInput {
    pub(super) fn run(self, host: Option<HostSide>) -> Result<Opened, Attempt> {
        let failed = |failure: HostError| Attempt {
            failure: match failure {
                HostError::Root(fault) => AttemptError::Root(fault),
                other => AttemptError::Host(other),
            },
            host: None,
        };
        host::make_private(&self.dir).map_err(|error| failed(error.into()))?;
        let rules = rules::load(&self.settings.host_path, &self.settings.patterns, &self.dir, self.now_ms);
        let host = match host {
            Some(host) => host,
            None => HostSide::open(&self.settings, &self.dir, &rules, self.now_ms).map_err(failed)?,
        };
        match self.join(&host, &rules) {
            Ok((guest, lanes, hello, ledger, guest_path)) => {
                Ok(Opened { host, guest, lanes, hello, ledger, rules, guest_path })
            }
            Err(failure) => Err(Attempt { failure, host: Some(host) }),
        }
    }

    fn join(&self, host: &HostSide, rules: &InForce) -> Result<Joined, AttemptError> {
        let agent = self.around.machine.agent().map_err(AttemptError::NoAgent)?;
        let opened = agent.open_share(self.agent_settings(rules), OPEN_LIMIT)?;
        let (guest, lanes) = self.dial(&agent, host)?;
        let host_side = host.side();
        host_side.set_rules(rules.texts.clone());
        let hello = [self.begin(&*host_side, Side::Host)?, self.begin(&*guest, Side::Guest)?];
        let ledger = LedgerStore::open(&self.dir.join(LEDGER_NAME))?;
        host.endpoint().note_reads_in(ledger.intent_log());
        Ok((guest, lanes, hello, ledger, PathBytes::from(opened.content.as_path())))
    }

    fn agent_settings(&self, rules: &InForce) -> agent::ShareSettings {
        agent::ShareSettings {
            share: wire_id(&self.settings),
            name: self.settings.name.to_string(),
            symlinks: match self.settings.symlinks {
                Symlinks::Raw => agent::Symlinks::Raw,
                Symlinks::Portable => agent::Symlinks::Portable,
                Symlinks::Ignore => agent::Symlinks::Ignore,
            },
            rules: rules.texts.clone(),
        }
    }

    fn dial(&self, agent: &AgentLink, host: &HostSide) -> Result<(Arc<RemoteSide>, Lanes), AttemptError> {
        let share = wire_id(&self.settings);
        let lanes: Vec<Lane> = std::iter::once(Lane::Quick).chain((0..BULK_LANES).map(Lane::Bulk)).collect();
        let expected = self.around.machine.door().expect(share, &lanes);
        agent.dial(share, expected.session(), &lanes, AGENT_LIMIT)?;
        let (own, streams) = expected.wait(AGENT_LIMIT)?;
        let guest = RemoteSide::start(own, self.on_loss())?;
        let lanes = Lanes::start(streams, &host.endpoint(), &self.delivery(), self.on_loss())?;
        Ok((Arc::new(guest), lanes))
    }

    fn on_loss(&self) -> OnLoss {
        let reporter = self.reporters[Side::Guest as usize].clone();
        Box::new(move |loss: Loss| {
            reporter.report(Report::Closed(format!("The connection to the agent is lost: {loss}.")))
        })
    }

    fn delivery(&self) -> Delivery {
        let reporter = self.reporters[Side::Host as usize].clone();
        Arc::new(move |batch, outcomes| reporter.report(Report::Outcomes(batch, outcomes)))
    }

    fn begin(&self, side: &dyn ShareSide, which: Side) -> Result<Hello, AttemptError> {
        let (answer, answered) = mpsc::channel();
        // The answer is awaited right below.
        side.begin(self.reporters[which as usize].events(), Box::new(move |hello| drop(answer.send(hello))));
        match answered.recv_timeout(OPEN_LIMIT) {
            Ok(hello) => hello.map_err(AttemptError::Guest),
            Err(_) => Err(AttemptError::Broke),
        }
    }
}

type Joined = (Arc<RemoteSide>, Lanes, [Hello; 2], LedgerStore, PathBytes);
