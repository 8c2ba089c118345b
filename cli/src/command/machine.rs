//! `causeway machine`.

use std::pin::pin;

use causeway_api::{
    Acceleration, CallError, Client, ConfigureMachine, Home, MachineChoice, MachineInfo, MachineKind, MachineSettings,
    MachineState, Nothing, PortProtocol, PublishedPort, Timestamp, VmInfo,
};

use crate::{
    args::{Config, Logs},
    connect,
    exit::{Exit, Usage},
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
    let machine = start_with(&bar, client).await?;
    drop(bar);
    show(&machine, screen)
}

/// Starts the machine, and says meanwhile how far it is.
async fn start_with(bar: &Bar, client: &Client) -> anyhow::Result<MachineInfo> {
    bar.say("Starting the machine");
    with_progress(bar, client, client.machine_start(&Nothing {})).await
}

/// Waits for the machine to be as it was asked to be, and shows what the engine tells of it until then.
async fn with_progress(
    bar: &Bar,
    client: &Client,
    asked: impl Future<Output = Result<MachineInfo, CallError>>,
) -> anyhow::Result<MachineInfo> {
    let mut asked = pin!(asked);
    let mut follower = client.follow().await?;
    loop {
        bar.say(step(&follower.current().machine));
        tokio::select! {
            machine = &mut asked => return Ok(machine?),
            changed = follower.changed() => { changed?; }
        }
    }
}

/// What the machine is doing, in a line.
fn step(machine: &MachineInfo) -> String {
    match &machine.detail {
        Some(detail) => format!("{}: {}", machine.state.words(), paths::safe(detail)),
        None => machine.state.words().to_owned(),
    }
}

/// Stops the machine.
pub async fn stop(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say("Stopping the machine");
    let machine = client.machine_stop(&Nothing {}).await?;
    drop(bar);
    show(&machine, screen)
}

/// Stops the machine and starts it again.
pub async fn restart(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say("Stopping the machine");
    client.machine_stop(&Nothing {}).await?;
    let machine = start_with(&bar, client).await?;
    drop(bar);
    show(&machine, screen)
}

/// Shows what the machine has printed.
pub async fn logs(client: &Client, home: &Home, screen: Screen, logs: &Logs) -> anyhow::Result<Exit> {
    let log = match client.machine_status(&Nothing {}).await?.kind {
        MachineKind::Vm => home.console_log_file(),
        MachineKind::Local | MachineKind::Attach => home.agent_log_file(),
    };
    super::logs::show(&log, screen, logs)
}

/// Changes how the machine is set up, and shows it. Where no engine runs, one runs for this alone, and starts no machine: that would
/// be one as it isn't to be.
pub async fn config(home: &Home, screen: Screen, config: &Config) -> anyhow::Result<Exit> {
    let Config { kind, cpus, memory, disk } = *config;
    let wish = ConfigureMachine { kind: kind.map(|kind| kind.0), cpus, memory_mib: memory, disk_gib: disk };
    let (settings, to_be_told) = match connect::start_without_machine(home).await? {
        Some(client) => {
            let settings = client.machine_configure(&wish).await;
            connect::stop(home, client).await?;
            (settings?, ConfigureMachine::default())
        }
        None => (connect::reach(home).await?.machine_configure(&wish).await?, wish),
    };
    screen.show(&settings, |settings| settings_lines(settings, &to_be_told))?;
    Ok(Exit::Done)
}

/// The settings, and from when on those hold that were changed while the engine ran.
fn settings_lines(settings: &MachineSettings, changed: &ConfigureMachine) -> Vec<String> {
    let unasked = || "as suits this computer".to_owned();
    let mut facts = Facts::default();
    facts.add(
        "Kind",
        match settings.kind {
            MachineChoice::Auto => "a VM where the processor runs it, else a directory",
            MachineChoice::Local => "a directory on this computer",
            MachineChoice::Vm => "a VM",
        },
    );
    facts.add("Processors", settings.cpus.map_or_else(unasked, |cpus| cpus.to_string()));
    facts.add("Memory", settings.memory_mib.map_or_else(unasked, |mib| numbers::bytes(mib << 20)));
    facts.add("Disk", settings.disk_gib.map_or_else(unasked, |gib| numbers::bytes(gib << 30)));
    let mut lines = facts.lines();
    if changed.kind.is_some() {
        lines.push("The kind holds from the next start of the engine: causeway engine stop".to_owned());
    }
    if changed.cpus.or(changed.memory_mib).or(changed.disk_gib).is_some() {
        lines.push("A VM's size holds from its next start: causeway machine restart".to_owned());
    }
    lines
}

/// Tries again whether the processor runs VMs.
pub async fn try_acceleration(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say("Booting a VM to try");
    let found = client.machine_try_acceleration(&Nothing {}).await?;
    drop(bar);
    screen.show(&found, acceleration_lines)?;
    Ok(Exit::attention_if(found.refused.is_some()))
}

fn acceleration_lines(found: &Acceleration) -> Vec<String> {
    match &found.refused {
        None => vec![
            "The processor runs VMs. A machine that is one is fast from its next start on: causeway machine restart"
                .to_owned(),
        ],
        Some(why_not) => {
            let mut lines = vec![format!("The processor runs no VMs. {}", paths::safe(why_not))];
            lines.extend(found.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
            lines
        }
    }
}

/// Deletes the machine's disk, once a person has said so.
pub async fn reset(client: &Client, screen: Screen, force: bool) -> anyhow::Result<Exit> {
    if !force && !confirmed()? {
        return Err(Usage("Nothing was deleted. With --force it is, unasked.".to_owned()).into());
    }
    let bar = Bar::new(screen.json);
    bar.say("Deleting the machine's disk and starting the machine");
    let machine = with_progress(&bar, client, client.machine_reset(&Nothing {})).await?;
    drop(bar);
    show(&machine, screen)
}

/// Asks at a terminal; elsewhere nobody can answer.
fn confirmed() -> std::io::Result<bool> {
    use std::io::{BufRead, IsTerminal, Write};
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(false);
    }
    eprint!(
        "All containers, images and volumes of the machine are deleted, and what shares keep in the guest alone. Go on? [y/N] "
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn show(machine: &MachineInfo, screen: Screen) -> anyhow::Result<Exit> {
    screen.show(machine, |machine| lines(machine, Timestamp::now()))?;
    Ok(Exit::attention_if(machine.state == MachineState::Failed))
}

fn add_vm(facts: &mut Facts, vm: &VmInfo) {
    let how = if vm.accelerated { "by the processor" } else { "emulated, which is slow" };
    facts.add("Runs", format!("by {}, {how}", paths::safe(&vm.hypervisor)));
    facts.add_some("", vm.emulated_because.as_ref().map(|because| paths::safe(because)));
    let (memory, disk) = (numbers::bytes(vm.memory_bytes), numbers::bytes(vm.disk_bytes));
    facts.add(
        "Size",
        format!("{}, memory {memory}, disk {disk}", numbers::counted(vm.cpus.into(), "processor", "processors")),
    );
    facts.add("Docker", paths::on_host(&vm.docker_socket));
    for PublishedPort { port, protocol, problem } in &vm.ports {
        let problem = problem.as_ref().map(|problem| format!(": {}", paths::safe(problem))).unwrap_or_default();
        let protocol = match protocol {
            PortProtocol::Tcp => "",
            PortProtocol::Udp => "/udp",
        };
        facts.add("Port", format!("{port}{protocol}{problem}"));
    }
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
    facts.add("Because", paths::safe(&machine.chosen_because));
    for line in machine.acceleration_remedy.iter().flat_map(|remedy| remedy_lines(remedy, 0)) {
        facts.add("", line);
    }
    if let Some(vm) = &machine.vm {
        add_vm(&mut facts, vm);
    }
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
