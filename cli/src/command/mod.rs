//! What each command asks the engine, and what it shows of the answer.

pub mod completions;
pub mod logs;

mod bin;
mod conflicts;
mod create;
mod docker;
mod docker_context;
mod doctor;
mod engine;
mod machine;
mod monitor;
mod problems;
mod share;
mod share_facts;
mod share_paths;
mod share_table;
mod shell;
mod verify;

use causeway_api::{Home, OfShare};

use crate::{
    args::{BinCommand, Command, DockerCommand, EngineCommand, MachineCommand, Prune, ShareCommand},
    connect,
    exit::Exit,
    show::screen::Screen,
};

/// Carries out a command that talks to the engine.
pub async fn run(command: Command, home: &Home, screen: Screen) -> anyhow::Result<Exit> {
    match command {
        Command::Engine(EngineCommand::Start) => engine::start(home, screen).await,
        Command::Engine(EngineCommand::Stop) => engine::stop(home, screen).await,
        Command::Engine(EngineCommand::Status) => engine::status(home, screen).await,
        Command::Share(command) => share_command(command, home, screen).await,
        Command::Machine(MachineCommand::Config(config)) => machine::config(home, screen, &config).await,
        Command::Machine(command) => {
            let client = connect::reach(home).await?;
            match command {
                MachineCommand::Status => machine::status(&client, screen).await,
                MachineCommand::Start => machine::start(&client, screen).await,
                MachineCommand::Stop => machine::stop(&client, screen).await,
                MachineCommand::Restart => machine::restart(&client, screen).await,
                MachineCommand::Shell(shell) => shell::run(&client, home, shell).await,
                MachineCommand::Logs(logs) => machine::logs(&client, home, screen, &logs).await,
                MachineCommand::Config(_) => unreachable!("carried out before: it may be too early for a machine"),
                MachineCommand::TryAcceleration => machine::try_acceleration(&client, screen).await,
                MachineCommand::Reset { force } => machine::reset(&client, screen, force).await,
            }
        }
        Command::Docker(DockerCommand::Status) => docker::status(&connect::reach(home).await?, screen).await,
        Command::Docker(DockerCommand::Config(config)) => {
            docker::config(&connect::reach(home).await?, screen, &config).await
        }
        Command::DockerContext => docker_context::select(&connect::reach(home).await?, screen).await,
        Command::Doctor => doctor::run(home, screen).await,
        Command::Engine(EngineCommand::Run { .. }) | Command::Logs(_) | Command::Completions { .. } => {
            unreachable!("carried out before without a runtime")
        }
    }
}

async fn share_command(command: ShareCommand, home: &Home, screen: Screen) -> anyhow::Result<Exit> {
    let client = &connect::reach(home).await?;
    match command {
        ShareCommand::Create(create) => create::run(client, screen, create).await,
        ShareCommand::List => share::list(client, screen).await,
        ShareCommand::Show(share) => share::show(client, screen, &of(share.name)).await,
        ShareCommand::Pause(share) => share::pause(client, screen, &of(share.name)).await,
        ShareCommand::Resume(resume) => share::resume(client, screen, resume).await,
        ShareCommand::Flush(flush) => share::flush(client, screen, flush).await,
        ShareCommand::Remove(remove) => share::remove(client, screen, remove).await,
        ShareCommand::Mode(wish) => share::set_mode(client, screen, wish).await,
        ShareCommand::Retry(share) => share::retry(client, screen, &of(share.name)).await,
        ShareCommand::Reset(share) => share::reset(client, screen, &of(share.name)).await,
        ShareCommand::Prune(Prune { name: Some(name), .. }) => share::prune(client, screen, &of(name)).await,
        ShareCommand::Prune(Prune { name: None, .. }) => share::prune_unused(client, screen).await,
        ShareCommand::Verify(verify) if verify.stop => verify::stop(client, screen, &of(verify.share.name)).await,
        ShareCommand::Verify(verify) => verify::run(client, screen, &of(verify.share.name)).await,
        ShareCommand::Conflicts(share) => conflicts::list(client, screen, &share.name).await,
        ShareCommand::Resolve(resolve) => conflicts::resolve(client, screen, resolve).await,
        ShareCommand::Problems(share) => problems::list(client, screen, &share.name).await,
        ShareCommand::RenamePath(rename) => problems::rename_path(client, screen, rename).await,
        ShareCommand::Bin(bin) => match bin.command {
            BinCommand::List => bin::list(client, screen, &bin.share.name).await,
            BinCommand::Restore { paths, ids } => bin::restore(client, screen, &bin.share.name, paths, ids).await,
            BinCommand::Empty { side } => bin::empty(client, screen, &bin.share.name, side).await,
        },
        ShareCommand::Monitor(share) => monitor::run(client, screen, share.name.as_deref()).await,
    }
}

fn of(share: String) -> OfShare {
    OfShare { share }
}
