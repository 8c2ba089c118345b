//! The control API's requests, carried out: by the engine itself, or by the thread of the share that they name.

use std::sync::Arc;
use std::time::Duration;

use causeway_api::{
    Acceleration, Activity, ActivityOf, Amount, ApiError, BinEmpty, BinItem, BinRestore, BothContents, Check,
    ComparePath, ConfigureDocker, ConfigureMachine, ConfigureShare, Conflict, ConsoleTail, CountFolder, CreateShare,
    DismissWanted, DockerInfo, EngineStatus, ErrorCode, Estimate, Feed, FlushShare, Flushed, FolderTally, Handler,
    ListOf, MachineInfo, MachineSettings, Nothing, OfShare, PROTOCOL_VERSION, Page, PathBytes, PreviewRules, Problem,
    RemoveShare, RenamePath, Resolve, Resolved, Restored, ResumeShare, RulesPreview, RulesText, ShareInfo, ShareName,
    TriedPath, TryPath, Usage, UsageOf, Verification, WriteRules,
};
use tokio::sync::oneshot;

use crate::docker;
use crate::engine::{Engine, settings_error};
use crate::looks;
use crate::share::command::{Command, Reply, answer};

/// Longest wait for a share's own account of itself; a busy share is shown as it was last.
const SHOW_PATIENCE: Duration = Duration::from_millis(500);

/// The engine as the control API sees it.
pub struct Control {
    engine: Arc<Engine>,
}

impl Control {
    /// Of a running engine.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    async fn ask<T>(&self, share: &str, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ApiError> {
        let (reply, waiting) = oneshot::channel();
        self.engine.tell(share, command(reply))?;
        answer(waiting).await
    }

    async fn show(&self, share: &str) -> Result<ShareInfo, ApiError> {
        let shown = self.engine.shown(share)?;
        match tokio::time::timeout(SHOW_PATIENCE, self.ask(share, Command::Show)).await {
            Ok(fresh) => fresh,
            Err(_) => Ok(shown),
        }
    }

    /// Runs what waits for disks, processes or locks where it holds up no other request.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let engine = Arc::clone(&self.engine);
        tokio::task::spawn_blocking(move || work(&engine)).await.unwrap_or_else(|_| {
            Err(ApiError::new(ErrorCode::Internal, "The request failed because of a defect; the log says more."))
        })
    }
}

impl Handler for Control {
    async fn engine_status(&self, _: Nothing) -> Result<EngineStatus, ApiError> {
        Ok(EngineStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL_VERSION,
            pid: std::process::id(),
            started: self.engine.started(),
            home: PathBytes::from(self.engine.home().root()),
            shares: self.engine.share_count(),
            machine: self.engine.machine().info(),
        })
    }

    async fn engine_stop(&self, _: Nothing) -> Result<Nothing, ApiError> {
        self.engine.ask_to_stop();
        Ok(Nothing {})
    }

    async fn share_create(&self, params: CreateShare) -> Result<ShareInfo, ApiError> {
        self.blocking(move |engine| engine.create_share(&params)).await
    }

    async fn share_list(&self, _: Nothing) -> Result<Vec<ShareInfo>, ApiError> {
        let mut shown = Vec::new();
        for share in self.engine.feed().snapshot().shares {
            match self.show(&share.id.0).await {
                Ok(share) => shown.push(share),
                // Removed in between.
                Err(error) if error.code == ErrorCode::NoSuchShare => {}
                Err(_) => shown.push(share),
            }
        }
        Ok(shown)
    }

    async fn share_show(&self, params: OfShare) -> Result<ShareInfo, ApiError> {
        self.show(&params.share).await
    }

    async fn share_pause(&self, params: OfShare) -> Result<ShareInfo, ApiError> {
        let share = params.share.clone();
        self.blocking(move |engine| engine.note_paused(&share, true)).await?;
        self.ask(&params.share, Command::Pause).await
    }

    async fn share_resume(&self, params: ResumeShare) -> Result<ShareInfo, ApiError> {
        let share = params.share.clone();
        if params.accept.is_none() {
            self.blocking(move |engine| engine.note_paused(&share, false)).await?;
        }
        self.ask(&params.share, |reply| Command::Resume { accept: params.accept, reply }).await
    }

    async fn share_flush(&self, params: FlushShare) -> Result<Flushed, ApiError> {
        self.ask(&params.share, |reply| Command::Flush { timeout_ms: params.timeout_ms, reply }).await
    }

    async fn share_remove(&self, params: RemoveShare) -> Result<Nothing, ApiError> {
        let force = params.force;
        if !force {
            self.engine.check_unused(&params.share)?;
        }
        self.ask(&params.share, |reply| Command::Remove { force, reply }).await?;
        self.blocking(move |engine| engine.forget_share(&params.share)).await?;
        Ok(Nothing {})
    }

    async fn share_reset(&self, params: OfShare) -> Result<ShareInfo, ApiError> {
        self.ask(&params.share, Command::Reset).await
    }

    async fn share_configure(&self, params: ConfigureShare) -> Result<ShareInfo, ApiError> {
        let ConfigureShare { share, mode } = params;
        let named = share.clone();
        // Noted first: what a crash interrupts goes on under the new mode.
        let before = self.blocking(move |engine| engine.note_mode(&named, mode)).await?;
        let set = self.ask(&share, |reply| Command::SetMode { mode, reply }).await;
        if set.is_err() {
            self.blocking(move |engine| engine.note_mode(&share, before)).await?;
        }
        set
    }

    async fn share_retry(&self, params: OfShare) -> Result<ShareInfo, ApiError> {
        self.ask(&params.share, Command::Retry).await
    }

    async fn share_prune(&self, params: OfShare) -> Result<Amount, ApiError> {
        self.ask(&params.share, Command::Prune).await
    }

    async fn share_verify(&self, params: OfShare) -> Result<Verification, ApiError> {
        self.ask(&params.share, Command::Verify).await
    }

    async fn share_stop_verifying(&self, params: OfShare) -> Result<Nothing, ApiError> {
        self.ask(&params.share, Command::StopVerifying).await
    }

    async fn share_conflicts(&self, params: ListOf) -> Result<Page<Conflict>, ApiError> {
        let share = params.share.clone();
        self.ask(&share, |reply| Command::Conflicts(params, reply)).await
    }

    async fn share_resolve(&self, params: Resolve) -> Result<Resolved, ApiError> {
        let share = params.share.clone();
        self.ask(&share, |reply| Command::Resolve(params, reply)).await
    }

    async fn share_problems(&self, params: ListOf) -> Result<Page<Problem>, ApiError> {
        let share = params.share.clone();
        self.ask(&share, |reply| Command::Problems(params, reply)).await
    }

    async fn share_rename_path(&self, params: RenamePath) -> Result<Nothing, ApiError> {
        let share = params.share.clone();
        self.ask(&share, |reply| Command::RenamePath(params, reply)).await
    }

    async fn bin_list(&self, params: ListOf) -> Result<Page<BinItem>, ApiError> {
        let share = params.share.clone();
        self.ask(&share, |reply| Command::BinList(params, reply)).await
    }

    async fn bin_restore(&self, params: BinRestore) -> Result<Restored, ApiError> {
        self.ask(&params.share, |reply| Command::BinRestore(params.which, reply)).await
    }

    async fn bin_empty(&self, params: BinEmpty) -> Result<Amount, ApiError> {
        let share = params.share.clone();
        self.ask(&share, |reply| Command::BinEmpty(params, reply)).await
    }

    async fn share_compare(&self, params: ComparePath) -> Result<BothContents, ApiError> {
        self.blocking(move |engine| looks::compare(engine, &params)).await
    }

    async fn activity(&self, params: ActivityOf) -> Result<Activity, ApiError> {
        self.engine.activity(params.share.as_deref())
    }

    async fn rules_read(&self, params: OfShare) -> Result<RulesText, ApiError> {
        self.blocking(move |engine| looks::read_rules(engine, &params.share)).await
    }

    async fn rules_preview(&self, params: PreviewRules) -> Result<RulesPreview, ApiError> {
        let waiting = Arc::new(());
        let waits = Arc::downgrade(&waiting);
        // Dropped with this future, when nobody waits any more.
        let preview = self.blocking(move |engine| looks::preview_rules(engine, &params, || waits.strong_count() == 0));
        let told = preview.await;
        drop(waiting);
        told
    }

    async fn rules_try(&self, params: TryPath) -> Result<TriedPath, ApiError> {
        self.blocking(move |engine| looks::try_path(engine, &params)).await
    }

    async fn rules_write(&self, params: WriteRules) -> Result<Nothing, ApiError> {
        let share = params.share.clone();
        self.blocking(move |engine| looks::write_rules(engine, &params)).await?;
        self.engine.tell(&share, Command::Edited)?;
        Ok(Nothing {})
    }

    async fn folder_count(&self, params: CountFolder) -> Result<FolderTally, ApiError> {
        self.blocking(move |engine| engine.count_folder(&params)).await
    }

    async fn folder_estimate(&self, params: Amount) -> Result<Estimate, ApiError> {
        Ok(self.engine.estimate(params))
    }

    async fn machine_status(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        Ok(self.engine.machine().info())
    }

    async fn machine_start(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        self.blocking(Engine::start_machine).await
    }

    async fn machine_stop(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        self.blocking(Engine::stop_machine).await
    }

    async fn machine_configure(&self, params: ConfigureMachine) -> Result<MachineSettings, ApiError> {
        self.blocking(move |engine| engine.configure_machine(&params)).await
    }

    async fn machine_reset(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        self.blocking(Engine::reset_machine).await
    }

    async fn machine_usage(&self, params: UsageOf) -> Result<Usage, ApiError> {
        Ok(self.engine.machine_usage(params.span))
    }

    async fn machine_try_acceleration(&self, _: Nothing) -> Result<Acceleration, ApiError> {
        self.blocking(Engine::try_acceleration).await
    }

    async fn machine_console(&self, _: Nothing) -> Result<ConsoleTail, ApiError> {
        Ok(ConsoleTail { lines: self.engine.machine().console() })
    }

    async fn share_prune_unused(&self, _: Nothing) -> Result<Vec<ShareName>, ApiError> {
        let mut removed = Vec::new();
        for (id, name) in self.engine.unused()? {
            let params = RemoveShare { share: id.0, force: false };
            match self.share_remove(params).await {
                Ok(_) => removed.push(name),
                // What the guest has alone stays, as with a removal by hand.
                Err(error) => tracing::info!(share = %name, %error, "is unused, and stays"),
            }
        }
        Ok(removed)
    }

    async fn docker_status(&self, _: Nothing) -> Result<DockerInfo, ApiError> {
        self.blocking(|engine| {
            let settings = docker::settings::read(engine.home().root()).map_err(settings_error)?;
            Ok(engine.docker(settings))
        })
        .await
    }

    async fn docker_configure(&self, params: ConfigureDocker) -> Result<DockerInfo, ApiError> {
        self.blocking(move |engine| {
            let settings = docker::settings::change(engine.home().root(), &params)?;
            engine.show_docker();
            Ok(engine.docker(settings))
        })
        .await
    }

    async fn docker_dismiss(&self, params: DismissWanted) -> Result<Nothing, ApiError> {
        self.blocking(move |engine| {
            engine.dismiss_wanted(&params.folder);
            Ok(Nothing {})
        })
        .await
    }

    async fn doctor(&self, _: Nothing) -> Result<Vec<Check>, ApiError> {
        self.blocking(|engine| Ok(engine.examine())).await
    }

    fn feed(&self) -> &Feed {
        self.engine.feed()
    }
}
