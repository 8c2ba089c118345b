//! `causeway machine`.

use causeway_api::{Client, MachineInfo, MachineState, Nothing, Timestamp};

use crate::{
    exit::Exit,
    progress::Bar,
    show::{
        facts::{Facts, remedy_lines},
        numbers, paths,
        screen::Screen,
        state, times,
    },
};

/// How the machine is.
pub async fn status(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    show(&client.machine_status(&Nothing {}).await?, screen)
}

/// Starts the machine.
pub async fn start(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say("Starting the machine");
    let machine = client.machine_start(&Nothing {}).await?;
    drop(bar);
    show(&machine, screen)
}

/// Stops the machine.
pub async fn stop(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say("Stopping the machine");
    let machine = client.machine_stop(&Nothing {}).await?;
    drop(bar);
    show(&machine, screen)
}

fn show(machine: &MachineInfo, screen: Screen) -> anyhow::Result<Exit> {
    screen.show(machine, |machine| lines(machine, Timestamp::now()))?;
    Ok(Exit::attention_if(machine.state == MachineState::Failed))
}

fn lines(machine: &MachineInfo, now: Timestamp) -> Vec<String> {
    let (mark, style) = state::machine_mark(machine.state);
    let since = times::since(machine.state_since, now);
    let mut lines = vec![format!("{style}{mark}{style:#} {}. {since}", machine.state.words())];
    lines.extend(machine.detail.iter().map(|detail| format!("  {}", paths::safe(detail))));
    lines.extend(machine.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
    lines.push(String::new());
    let mut facts = Facts::default();
    facts.add("Kind", machine.kind.words());
    facts.add_some("Disk", machine.disk_path.as_ref().map(paths::on_host));
    let space = [(machine.disk_used_bytes, "used"), (machine.disk_free_bytes, "free")];
    let space: Vec<_> =
        space.iter().filter_map(|(bytes, word)| Some(format!("{} {word}", numbers::bytes((*bytes)?)))).collect();
    facts.add_some("Space", (!space.is_empty()).then(|| space.join(", ")));
    if let Some(agent) = &machine.agent {
        let pid = agent.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
        let ready = agent.ready_ms.map(|ms| format!(", ready after {}", times::duration(ms))).unwrap_or_default();
        facts.add("Agent", format!("{}{pid}{ready}", paths::safe(&agent.version)));
    }
    facts
        .add_some("Started again", (machine.restarts > 0).then(|| numbers::counted(machine.restarts, "time", "times")));
    lines.extend(facts.lines());
    lines
}
