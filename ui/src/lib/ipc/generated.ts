// Generated from the types of the engine and the app by `cargo xtask types`. Not edited by hand.

export type Acceleration = { 
/**
 * Why not, as a sentence; `null` where it does.
 */
refused: string | null, 
/**
 * What would help; `null` where nothing has to, or nothing is known to.
 */
remedy: Remedy | null, };

export type Activity = { 
/**
 * The changes, the latest first, at most [`CHANGES_MAX`].
 */
changes: Array<ShareChange>, 
/**
 * The last [`INTERVALS_MAX`] intervals, the earliest first; the last one is still under way.
 */
intervals: Array<Interval>, 
/**
 * Length of an interval, in milliseconds.
 */
interval_ms: number, 
/**
 * Half of the changes in these intervals took no longer, in milliseconds; `null` where none was measured.
 */
p50_ms: number | null, 
/**
 * 95 of 100 took no longer.
 */
p95_ms: number | null, };

export type ActivityOf = { 
/**
 * Name or id of one share; all shares where `null`.
 */
share: string | null, };

export type AgentInfo = { 
/**
 * Its version.
 */
version: string, 
/**
 * Its process id, inside the machine.
 */
pid: number | null, 
/**
 * From the start of the machine until it answered, in milliseconds.
 */
ready_ms: number | null, };

export type Amount = { 
/**
 * How many entries.
 */
entries: number, 
/**
 * Bytes of content.
 */
bytes: number, };

export type ApiError = { 
/**
 * What went wrong.
 */
code: ErrorCode, 
/**
 * The same as a sentence that names the thing and the number.
 */
message: string, 
/**
 * What a person can do.
 */
remedy: Remedy | null, };

export type AppAbout = { 
/**
 * The app's version.
 */
version: string, 
/**
 * The person's home folder, which is shown as `~`; empty where there is none.
 */
home_folder: PathBytes, 
/**
 * Where Causeway keeps its files.
 */
causeway_home: PathBytes, 
/**
 * The engine's log.
 */
log_file: PathBytes, };

export type AppEvent = { "type": "engine", 
/**
 * The same.
 */
engine: EngineState, } | { "type": "snapshot", 
/**
 * All there is.
 */
snapshot: Snapshot, } | { "type": "delta", 
/**
 * What.
 */
delta: Delta, } | { "type": "drag_over", 
/**
 * Whether it is.
 */
over: boolean, } | { "type": "dropped", 
/**
 * Where they stand.
 */
paths: Array<PathBytes>, } | { "type": "show", 
/**
 * Which.
 */
page: ShownPage, } | { "type": "quit_asked", 
/**
 * The shares that running containers use.
 */
shares: Array<string>, };

export type AppPreferences = { 
/**
 * Whether the app starts when the person signs in. The system keeps this, not the app.
 */
start_at_login: boolean, 
/**
 * Whether a notification is shown when a conflict or problem persists.
 */
notifications: boolean, 
/**
 * How the window looks.
 */
theme: Theme, 
/**
 * Whether first run is over.
 */
introduced: boolean, };

export type AutoShare = "off" | "ask" | "on";

export type Because = "conflict" | "problem" | "mode" | "pending" | "unknown";

export type BinEmpty = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * Only this side's; both where `null`.
 */
side: Side | null, };

export type BinItem = { 
/**
 * What tells it from others of the same path. Opaque.
 */
id: string, 
/**
 * Whose bin it rests in.
 */
side: Side, 
/**
 * Where it stood.
 */
path: PathBytes, 
/**
 * What it is.
 */
entry: SideEntry, 
/**
 * What it holds, itself included.
 */
amount: Amount, 
/**
 * When it was taken away.
 */
at: Timestamp, 
/**
 * Why.
 */
reason: BinReason, };

export type BinReason = "deleted" | "replaced" | "resolved" | "pruned";

export type BinRestore = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * Which; for a path the latest of its items.
 */
which: WhichItems, };

export type Bins = { 
/**
 * On the host.
 */
host: Amount, 
/**
 * In the guest.
 */
guest: Amount, };

export type BothContents = { 
/**
 * On the host.
 */
host: SideContent, 
/**
 * In the guest.
 */
guest: SideContent, };

export type ChangeKind = "created" | "modified" | "deleted" | "renamed";

export type Check = { 
/**
 * What was looked at, stable, in snake_case: `agent_binary`, `inotify_watches`, …
 */
code: string, 
/**
 * The same in a few words.
 */
title: string, 
/**
 * How it ended.
 */
verdict: Verdict, 
/**
 * What was found, as a sentence that names the numbers.
 */
sentence: string, 
/**
 * What a person can do.
 */
remedy: Remedy | null, };

export type ComparePath = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * Where, relative to the share's root.
 */
path: PathBytes, };

export type ComposeProject = { 
/**
 * Its folder.
 */
folder: PathBytes, 
/**
 * Its name.
 */
name: string, 
/**
 * How many of its services have containers.
 */
services: number, 
/**
 * How many containers it has, also those that don't run.
 */
containers: number, };

export type ConfigureDocker = { 
/**
 * The Docker Engine's socket; empty for none.
 */
engine_socket: PathBytes | null, 
/**
 * Folders that containers may have from now on.
 */
allow: Array<PathBytes>, 
/**
 * Folders that they may not have any more.
 */
disallow: Array<PathBytes>, 
/**
 * Longest wait before a container starts.
 */
barrier_ms: number | null, 
/**
 * Whether folders of Docker Compose's projects become shares.
 */
compose_auto_share: AutoShare | null, };

export type ConfigureMachine = { 
/**
 * Which.
 */
kind: MachineChoice | null, 
/**
 * Processors.
 */
cpus: Setting | null, 
/**
 * Memory, in MiB.
 */
memory_mib: Setting | null, 
/**
 * Size of the data disk, in GiB.
 */
disk_gib: Setting | null, };

export type ConfigureShare = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * What settles changes on both sides from now on.
 */
mode: Mode, };

export type Conflict = { 
/**
 * Where, relative to the share's root.
 */
path: PathBytes, 
/**
 * What stands on the host.
 */
host: SideEntry, 
/**
 * What stands in the guest.
 */
guest: SideEntry, 
/**
 * When it was found.
 */
since: Timestamp, 
/**
 * The ways to settle this one.
 */
resolutions: Array<Keep>, };

export type ConsoleTail = { 
/**
 * The oldest first; none where the machine has no console.
 */
lines: Array<string>, };

export type Container = { 
/**
 * Docker's id.
 */
id: string, 
/**
 * Docker's name, without the leading slash.
 */
name: string, 
/**
 * The image, as the container was made with it.
 */
image: string, 
/**
 * Docker's word for the state: running, paused, exited, …
 */
state: string, 
/**
 * Since when it runs, or since when it has ended; `null` in other states, and until Docker has told.
 */
state_since: Timestamp | null, 
/**
 * The Compose project, where it belongs to one.
 */
compose_project: string | null, 
/**
 * The Compose service.
 */
compose_service: string | null, 
/**
 * Where the share, or the part of it, is mounted in the container.
 */
mounted_at: PathBytes, 
/**
 * Whether the mount is read-only.
 */
read_only: boolean, 
/**
 * Since when it runs, or a command runs in it, without what had been changed on the host before: that wasn't there in time. `null`
 * where it was, the last time.
 */
behind_since: Timestamp | null, };

export type CountFolder = { 
/**
 * The folder on this computer, absolute.
 */
host_path: PathBytes, 
/**
 * Patterns that the share is to have beside `.syncignore`.
 */
patterns: Patterns, };

export type CreateShare = { 
/**
 * The folder on this computer, absolute.
 */
host_path: PathBytes, 
/**
 * What to call it; after the folder where `null`.
 */
name: ShareName | null, 
/**
 * What settles changes on both sides.
 */
mode: Mode, 
/**
 * What becomes of symlinks.
 */
symlinks: Symlinks, 
/**
 * Patterns beside `.syncignore`.
 */
patterns: Patterns, 
/**
 * Share the home or root folder all the same.
 */
force: boolean, 
/**
 * Lines to add to the folder's `.syncignore` before anything is copied; those that stand there already aren't added.
 */
ignore_lines: Array<string>, };

export type Delta = { 
/**
 * `seq` of the snapshot or delta before.
 */
since: number, 
/**
 * Number of the last change that it holds.
 */
seq: number, 
/**
 * The machine, if it changed.
 */
machine: MachineInfo | null, 
/**
 * Docker's API, if anything of it changed.
 */
docker: DockerInfo | null, 
/**
 * The shares that are new or changed.
 */
shares: Array<ShareInfo>, 
/**
 * The shares that are gone.
 */
removed: Array<ShareId>, };

export type Difference = { 
/**
 * Where, relative to the share's root.
 */
path: PathBytes, 
/**
 * What stands on the host.
 */
host: SideEntry, 
/**
 * What stands in the guest.
 */
guest: SideEntry, 
/**
 * What is already known to keep the path apart. [`Because::Unknown`] is a defect or a change that came meanwhile.
 */
because: Because, };

export type DismissWanted = { 
/**
 * The folder.
 */
folder: PathBytes, };

export type DockerEngine = { 
/**
 * Containers that it has.
 */
containers: number, 
/**
 * Those of them that run.
 */
running: number, };

export type DockerInfo = { 
/**
 * The socket that programs use.
 */
socket: PathBytes, 
/**
 * The folders that containers may have.
 */
allowed: Array<PathBytes>, 
/**
 * Folders of Docker Compose's projects that containers wanted lately, and no share covers.
 */
wanted: Array<WantedFolder>, 
/**
 * Docker Compose's projects that the Docker Engine has containers of, and whose folders no share covers.
 */
projects: Array<ComposeProject>, 
/**
 * How it is set up.
 */
settings: DockerSettings, 
/**
 * The Docker Engine that runs the containers; `null` while it isn't reached.
 */
engine: DockerEngine | null, 
/**
 * Whether the docker command of this user has the context [`CONTEXT`] selected and it leads to `socket`. As it was when this was
 * asked for: nobody tells of it.
 */
context_selected: boolean, };

export type DockerSettings = { 
/**
 * The socket of the Docker Engine that runs the containers, where the machine is a directory of this computer. A VM has
 * its own.
 */
engine_socket: PathBytes | null, 
/**
 * The folders that containers may have, with all that is below them; `null` for the home folder alone.
 */
allowed: Array<PathBytes> | null, 
/**
 * Longest wait in milliseconds before a container starts or runs a command; 0 for none.
 */
barrier_ms: number | null, 
/**
 * Whether folders of Docker Compose's projects become shares.
 */
compose_auto_share: AutoShare, };

export type EngineState = { "is": "starting" } | { "is": "running", 
/**
 * Whether it runs in this process and ends with it.
 */
embedded: boolean, } | { "is": "stopped" } | { "is": "failed", 
/**
 * Why, as a sentence.
 */
sentence: string, };

export type EngineStatus = { 
/**
 * Its version.
 */
version: string, 
/**
 * [`PROTOCOL_VERSION`] of the engine.
 */
protocol: number, 
/**
 * Its process id.
 */
pid: number, 
/**
 * When it started.
 */
started: Timestamp, 
/**
 * Where its data is.
 */
home: PathBytes, 
/**
 * How many shares it has.
 */
shares: number, 
/**
 * The machine.
 */
machine: MachineInfo, };

export type Entries = { 
/**
 * Regular files.
 */
files: number, 
/**
 * Directories.
 */
directories: number, 
/**
 * Symlinks.
 */
symlinks: number, 
/**
 * Ignored, or of a kind that is never synchronised. What stands below an ignored directory isn't counted.
 */
untracked: number, };

export type ErrorCode = "parse" | "invalid_request" | "method_not_found" | "invalid_params" | "internal" | "line_too_long" | "reply_too_long" | "too_many_connections" | "stopping" | "no_such_share" | "name_taken" | "folder_missing" | "not_a_directory" | "folder_overlaps" | "folder_refused" | "invalid_pattern" | "permission_denied" | "no_space" | "read_only" | "share_paused" | "share_halted" | "share_disconnected" | "share_preparing" | "not_halted" | "guest_has_more" | "share_busy" | "share_in_use" | "timed_out" | "stopped" | "machine_unavailable" | "version_mismatch" | "io";

export type Estimate = { 
/**
 * In milliseconds, by how quickly shares with files of about the same length were prepared on this machine; `null` where there were
 * none.
 */
usable_ms: number | null, };

export type FlushShare = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * Longest wait in milliseconds; then the error is `timed_out` and says what is still on its way.
 */
timeout_ms: number, };

export type Flushed = { 
/**
 * How long it took, in milliseconds.
 */
took_ms: number, 
/**
 * Conflicts, whose paths the answer doesn't cover.
 */
conflicts: number, 
/**
 * Problems, whose paths the answer doesn't cover.
 */
problems: number, };

export type FolderTally = { 
/**
 * Whether all was looked at.
 */
done: boolean, 
/**
 * How long the count takes or took, in milliseconds.
 */
took_ms: number, 
/**
 * All that was found, the folder itself left out.
 */
found: Amount, 
/**
 * What of it the folder's `.syncignore` ignores already, or the patterns of the request leave out.
 */
ignored: Amount, 
/**
 * Folders that weigh much, no one inside another, the heaviest first. None of them is ignored already.
 */
heavy: Array<HeavyFolder>, 
/**
 * Files that look like secrets, the first [`EXAMPLES_MAX`] of them.
 */
secrets: Array<PathBytes>, 
/**
 * How many there are.
 */
secrets_total: number, 
/**
 * Sockets, FIFOs and devices, which stay untracked, the first [`EXAMPLES_MAX`] of them.
 */
special: Array<PathBytes>, 
/**
 * How many there are.
 */
special_total: number, 
/**
 * Directories that couldn't be read.
 */
unreadable: number, 
/**
 * Why the folder can't be shared, or not without force; `null` where it can.
 */
refusal: ApiError | null, 
/**
 * What is wrong with the folder's `.syncignore`, as a sentence; `null` where nothing is.
 */
syncignore_fault: string | null, };

export type Halt = { 
/**
 * What set it off.
 */
code: HaltCode, 
/**
 * On which side it happened.
 */
side: Side, 
/**
 * What happened, as a sentence: what would have been done, and that nothing was.
 */
sentence: string, 
/**
 * How many entries would have been deleted; 0 where the halt isn't about deletions.
 */
deletes: number, 
/**
 * When it halted.
 */
since: Timestamp, 
/**
 * The ways on, each with its command.
 */
remedies: Array<Remedy>, };

export type HaltCode = "root_missing" | "root_emptied" | "root_changed_type" | "replica_changed" | "mass_deletion";

export type HeavyFolder = { 
/**
 * The folder, relative to the share's root; the last part of it where there are several.
 */
name: string, 
/**
 * How many there are.
 */
places: number, 
/**
 * What they are, in a few words: `installed by npm`.
 */
origin: string, 
/**
 * What they hold, themselves included.
 */
amount: Amount, 
/**
 * The lines of `.syncignore` that leave them out.
 */
lines: Array<string>, 
/**
 * Whether a tool can make them again, so that leaving them out costs nothing.
 */
suggested: boolean, };

export type Interval = { 
/**
 * Paths that changed in the guest.
 */
to_guest: number, 
/**
 * Paths that changed on the host.
 */
to_host: number, 
/**
 * Half of the changes took no longer, in milliseconds; `null` where none was measured.
 */
p50_ms: number | null, 
/**
 * 95 of 100 took no longer.
 */
p95_ms: number | null, };

export type Keep = "host" | "guest" | "both";

export type LastChange = { 
/**
 * When it had reached it.
 */
at: Timestamp, 
/**
 * The side that it was carried out on.
 */
to: Side, 
/**
 * What changed; of several at once the last.
 */
path: PathBytes, 
/**
 * Where it was before, if it was renamed.
 */
from: PathBytes | null, 
/**
 * How.
 */
kind: ChangeKind, 
/**
 * How many paths changed together with it, itself included.
 */
paths: number, 
/**
 * How many entries are in a directory that was renamed; `null` for anything else, and where they are too many to be counted.
 */
entries: number | null, 
/**
 * Size of the files among them, in bytes; `null` where no file was put there.
 */
bytes: number | null, 
/**
 * From the event that announced it until it stood on the other side, in milliseconds; `null` where a crawl found it.
 */
latency_ms: number | null, };

export type ListOf = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * `next` of the page before; the first page where `null`.
 */
cursor: string | null, 
/**
 * Most items on the page, up to [`PAGE_ITEMS_MAX`]; [`PAGE_ITEMS_DEFAULT`] where `null`. There may be fewer though
 * more follow, so that a page stays far from the longest line.
 */
limit: number | null, };

export type LogLine = { 
/**
 * When, by RFC 3339.
 */
at: string, 
/**
 * ERROR, WARN, INFO, DEBUG or TRACE.
 */
level: string, 
/**
 * The part of the program.
 */
target: string, 
/**
 * What happened.
 */
message: string, 
/**
 * What goes with it: `share=web error=…`.
 */
fields: string, };

export type MachineChoice = "auto" | "local" | "vm";

export type MachineInfo = { 
/**
 * What it is.
 */
kind: MachineKind, 
/**
 * How it is.
 */
state: MachineState, 
/**
 * Since when it is so.
 */
state_since: Timestamp, 
/**
 * What there is to say about the state, as a sentence; `null` where the state says it all.
 */
detail: string | null, 
/**
 * What moves the state on; `null` where nothing has to.
 */
remedy: Remedy | null, 
/**
 * The agent, while it is connected.
 */
agent: AgentInfo | null, 
/**
 * Where its disk is on this computer; `null` where it is elsewhere.
 */
disk_path: PathBytes | null, 
/**
 * Bytes of its disk that are used; `null` while that isn't known.
 */
disk_used_bytes: number | null, 
/**
 * Bytes of its disk that are free.
 */
disk_free_bytes: number | null, 
/**
 * Times that the agent was started again because it ended, since the engine started.
 */
restarts: number, 
/**
 * Why it is of this kind, as a sentence.
 */
chosen_because: string, 
/**
 * What would let the processor run a VM here; `null` where it does, and where nothing is known to help.
 */
acceleration_remedy: Remedy | null, 
/**
 * How far the start is; `null` unless it is on the way up, and for machines that start in one step.
 */
start: MachineStart | null, 
/**
 * What only a VM has; `null` for other kinds, and before the first start.
 */
vm: VmInfo | null, };

export type MachineKind = "local" | "vm" | "attach";

export type MachineSettings = { 
/**
 * Which; from the next start of the engine on.
 */
kind: MachineChoice, 
/**
 * Processors of a VM; from its next start on, as all that follows.
 */
cpus: number | null, 
/**
 * Memory of a VM, in MiB.
 */
memory_mib: number | null, 
/**
 * Size of a VM's data disk, in GiB. It only grows.
 */
disk_gib: number | null, };

export type MachineStart = { 
/**
 * When it began.
 */
began: Timestamp, 
/**
 * How long the last one took that succeeded, in milliseconds; `null` before the first one of this engine.
 */
last_took_ms: number | null, 
/**
 * Its steps that have begun, in their order. Those of [`StartPhase::ALL`] that follow haven't.
 */
steps: Array<StartStep>, };

export type MachineState = "stopped" | "starting" | "running" | "stopping" | "failed";

export interface Methods {
  "engine.status": { params: Nothing; reply: EngineStatus };
  "engine.stop": { params: Nothing; reply: Nothing };
  "share.create": { params: CreateShare; reply: ShareInfo };
  "share.list": { params: Nothing; reply: Array<ShareInfo> };
  "share.show": { params: OfShare; reply: ShareInfo };
  "share.pause": { params: OfShare; reply: ShareInfo };
  "share.resume": { params: ResumeShare; reply: ShareInfo };
  "share.flush": { params: FlushShare; reply: Flushed };
  "share.remove": { params: RemoveShare; reply: Nothing };
  "share.reset": { params: OfShare; reply: ShareInfo };
  "share.configure": { params: ConfigureShare; reply: ShareInfo };
  "share.retry": { params: OfShare; reply: ShareInfo };
  "share.prune": { params: OfShare; reply: Amount };
  "share.prune_unused": { params: Nothing; reply: Array<ShareName> };
  "share.verify": { params: OfShare; reply: Verification };
  "share.stop_verifying": { params: OfShare; reply: Nothing };
  "share.conflicts": { params: ListOf; reply: Page<Conflict> };
  "share.resolve": { params: Resolve; reply: Resolved };
  "share.problems": { params: ListOf; reply: Page<Problem> };
  "share.rename_path": { params: RenamePath; reply: Nothing };
  "bin.list": { params: ListOf; reply: Page<BinItem> };
  "bin.restore": { params: BinRestore; reply: Restored };
  "bin.empty": { params: BinEmpty; reply: Amount };
  "share.compare": { params: ComparePath; reply: BothContents };
  "activity": { params: ActivityOf; reply: Activity };
  "rules.read": { params: OfShare; reply: RulesText };
  "rules.preview": { params: PreviewRules; reply: RulesPreview };
  "rules.try": { params: TryPath; reply: TriedPath };
  "rules.write": { params: WriteRules; reply: Nothing };
  "folder.count": { params: CountFolder; reply: FolderTally };
  "folder.estimate": { params: Amount; reply: Estimate };
  "machine.status": { params: Nothing; reply: MachineInfo };
  "machine.start": { params: Nothing; reply: MachineInfo };
  "machine.stop": { params: Nothing; reply: MachineInfo };
  "machine.configure": { params: ConfigureMachine; reply: MachineSettings };
  "machine.reset": { params: Nothing; reply: MachineInfo };
  "machine.usage": { params: UsageOf; reply: Usage };
  "machine.console": { params: Nothing; reply: ConsoleTail };
  "machine.try_acceleration": { params: Nothing; reply: Acceleration };
  "docker.status": { params: Nothing; reply: DockerInfo };
  "docker.configure": { params: ConfigureDocker; reply: DockerInfo };
  "docker.dismiss": { params: DismissWanted; reply: Nothing };
  "doctor": { params: Nothing; reply: Array<Check> };
}

export type Mode = "two-way-safe" | "two-way-resolved" | "one-way-safe" | "one-way-replica";

export type Nothing = Record<symbol, never>;

export type OfShare = { 
/**
 * Its name or id.
 */
share: string, };

export type Page<T> = { 
/**
 * The items, in the list's order: by path.
 */
items: Array<T>, 
/**
 * Where the next page begins; `null` on the last. Opaque. It stays good while the list changes: what is added or
 * leaves behind it isn't seen, nothing else is seen twice or left out.
 */
next: string | null, 
/**
 * How many items the whole list has now.
 */
total: number, };

export type PathBytes = string | { bytes: string, text?: string };

export type Patterns = { 
/**
 * Never synchronised.
 */
exclude: Array<string>, 
/**
 * Never from host to guest.
 */
upload_exclude: Array<string>, 
/**
 * Never from guest to host.
 */
download_exclude: Array<string>, };

export type Phase = "connecting" | "scanning" | "copying" | "finishing";

export type PhaseTimes = { 
/**
 * [`Phase::Connecting`].
 */
connecting_ms: number | null, 
/**
 * [`Phase::Scanning`].
 */
scanning_ms: number | null, 
/**
 * [`Phase::Copying`].
 */
copying_ms: number | null, };

export type PortProtocol = "tcp" | "udp";

export type PreviewRules = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * The text.
 */
text: string, };

export type Problem = { 
/**
 * Where, relative to the share's root; the root itself where the whole share is concerned.
 */
path: PathBytes, 
/**
 * The other path, where two are in each other's way.
 */
other_path: PathBytes | null, 
/**
 * On which side.
 */
side: Side, 
/**
 * What is in the way.
 */
code: ProblemCode, 
/**
 * Why, as a sentence that names the thing and the number.
 */
sentence: string, 
/**
 * What a person can do; `null` where only waiting helps.
 */
remedy: Remedy | null, 
/**
 * When it was found.
 */
since: Timestamp, 
/**
 * When it is tried again; `null` where that waits for a change and not for a time.
 */
next_try: Timestamp | null, };

export type ProblemCode = "no_space" | "quota_exceeded" | "read_only" | "permission_denied" | "file_exists" | "name_not_representable" | "symlink_not_portable" | "cannot_create_symlink" | "busy" | "being_written" | "occupied_by_untracked" | "too_large" | "path_too_long" | "watch_limit" | "invalid_rules" | "content_damaged" | "io";

export type Progress = { 
/**
 * What is being done.
 */
phase: Phase, 
/**
 * Entries that were scanned or copied in this phase.
 */
files_done: number, 
/**
 * How many there are; `null` while that isn't known.
 */
files_total: number | null, 
/**
 * Bytes that were copied in this phase.
 */
bytes_done: number, 
/**
 * How many there are; `null` while that isn't known.
 */
bytes_total: number | null, 
/**
 * Bytes a second, over the last seconds.
 */
bytes_per_second: number, 
/**
 * Time left in milliseconds; `null` for the first 2 s and while it isn't steady.
 */
left_ms: number | null, };

export type PublishedPort = { 
/**
 * Its number.
 */
port: number, 
/**
 * Of which kind it is.
 */
protocol: PortProtocol, 
/**
 * Why it can't be reached here, as a sentence: another program has it. `null` where it can.
 */
problem: string | null, };

export type Refused = { 
/**
 * The path, as the request named it.
 */
path: PathBytes, 
/**
 * Why, as a sentence.
 */
sentence: string, };

export type Remedy = { 
/**
 * As a sentence.
 */
sentence: string, 
/**
 * The command that does it, whole, for a shell; `null` where there is none.
 */
command: string | null, };

export type RemoveShare = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * Also where the guest holds content that the host doesn't have, where the agent can't be reached, or where containers have it.
 */
force: boolean, };

export type RenamePath = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * On which side.
 */
side: Side, 
/**
 * What, relative to the share's root.
 */
path: PathBytes, 
/**
 * Its new name, in the same directory.
 */
name: PathBytes, };

export type Resolve = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * Which conflicts.
 */
which: Which, 
/**
 * What is kept.
 */
keep: Keep, };

export type Resolved = { 
/**
 * Conflicts that are settled; their content crosses right after.
 */
resolved: number, 
/**
 * Paths that have no conflict, or none that can be settled so.
 */
refused: Array<Refused>, };

export type Restored = { 
/**
 * Items that stand where they stood.
 */
restored: number, 
/**
 * What isn't in the bin, or whose place is taken.
 */
refused: Array<Refused>, };

export type ResumeShare = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * The halt to let pass. Refused unless the share is Halted for just this.
 */
accept: HaltCode | null, };

export type RuleEffect = "none" | "ignores" | "includes" | "faulty";

export type RuleLine = { 
/**
 * What it is.
 */
effect: RuleEffect, 
/**
 * The entries that it decides about.
 */
amount: Amount, 
/**
 * How many of them stand on their own: what is below another one isn't counted.
 */
places: number, 
/**
 * Entries that it matches and that a later line decides about.
 */
overruled: number, 
/**
 * That later line, counted from 1.
 */
overruled_by: number | null, 
/**
 * What it decides about, the [`SAMPLES_MAX`] largest of the places.
 */
samples: Array<RuleSample>, 
/**
 * What is wrong with it, as a sentence.
 */
fault: string | null, };

export type RuleSample = { 
/**
 * Where.
 */
path: PathBytes, 
/**
 * What the line decides about there: the place, and below it.
 */
amount: Amount, };

export type RulesPreview = { 
/**
 * Line by line.
 */
lines: Array<RuleLine>, 
/**
 * What leaves the share, as compared with the file that stands there now.
 */
leaves: Amount, 
/**
 * What comes into it.
 */
comes: Amount, 
/**
 * What is in it then.
 */
remains: Amount, 
/**
 * Whether the text can't be a `.syncignore`, because of the line that says so.
 */
faulty: boolean, };

export type RulesText = { 
/**
 * Its text; `null` where there is no such file.
 */
text: string | null, };

export type Setting = "auto" | number;

export type ShareChange = { 
/**
 * The share.
 */
share: ShareId, 
/**
 * The change; of several that crossed together the last.
 */
change: LastChange, };

export type ShareId = string;

export type ShareInfo = { 
/**
 * What tells it from every other.
 */
id: ShareId, 
/**
 * What people call it.
 */
name: ShareName, 
/**
 * The folder on this computer, absolute.
 */
host_path: PathBytes, 
/**
 * Where its content stands inside the machine, absolute; on the `local` machine a directory of this computer.
 */
guest_path: PathBytes, 
/**
 * What settles changes on both sides.
 */
mode: Mode, 
/**
 * What becomes of symlinks.
 */
symlinks: Symlinks, 
/**
 * Patterns beside `.syncignore`.
 */
patterns: Patterns, 
/**
 * When it was created.
 */
created: Timestamp, 
/**
 * How it is.
 */
state: State, 
/**
 * Since when it is so.
 */
state_since: Timestamp, 
/**
 * What there is to say about the state, as a sentence that doesn't age; `null` where the state says it all.
 */
detail: string | null, 
/**
 * What moves the state on; `null` where nothing has to.
 */
remedy: Remedy | null, 
/**
 * How far it is, while it is Preparing or has a long way to go.
 */
progress: Progress | null, 
/**
 * How long its phases took that are over, also when none is under way any more.
 */
took: PhaseTimes, 
/**
 * What crosses at this moment, while there is progress to tell of.
 */
streams: Array<Stream>, 
/**
 * Bytes on both sides.
 */
space: Space, 
/**
 * Entries by kind, as on the host.
 */
entries: Entries, 
/**
 * What rests in the recycle bins.
 */
bin: Bins, 
/**
 * The containers that have it mounted.
 */
containers: Array<Container>, 
/**
 * How many conflicts wait.
 */
conflicts: number, 
/**
 * Since when the oldest of them waits.
 */
conflicts_since: Timestamp | null, 
/**
 * How many problems there are.
 */
problems: number, 
/**
 * The worst of them.
 */
worst_problem: Problem | null, 
/**
 * How many changes haven't reached the other side; 0 exactly when nothing is known to be on its way.
 */
pending: number, 
/**
 * Those of them that go to the guest.
 */
pending_to_guest: number, 
/**
 * Those of them that go to the host.
 */
pending_to_host: number, 
/**
 * The last change that reached the other side.
 */
last_change: LastChange | null, 
/**
 * Why it is Halted, and the ways on.
 */
halt: Halt | null, 
/**
 * How each side is watched; `null` while it isn't connected.
 */
watch: Watches | null, 
/**
 * Copies that newly excluded paths left in the guest, until they are pruned.
 */
prunable: Amount, 
/**
 * What the last verification found.
 */
verified: Verified | null, 
/**
 * The verification that is under way.
 */
verifying: Verifying | null, };

export type ShareName = string;

export type ShownPage = { "page": "share", 
/**
 * Which.
 */
id: ShareId, };

export type Side = "host" | "guest";

export type SideContent = { "is": "text", 
/**
 * All of it.
 */
text: string, } | { "is": "picture", 
/**
 * All of it, as a `data:` URL.
 */
url: string, } | { "is": "binary" } | { "is": "too_long" } | { "is": "no_file" } | { "is": "unreadable", 
/**
 * Why, as a sentence.
 */
sentence: string, };

export type SideEntry = { "kind": "absent" } | { "kind": "directory" } | { "kind": "file", 
/**
 * Length in bytes.
 */
size: number, 
/**
 * Modification time.
 */
mtime: Timestamp, 
/**
 * BLAKE3 of the content in lower-case hex; `null` while nobody has read it.
 */
digest: string | null, 
/**
 * Whether the owner may execute it.
 */
executable: boolean, } | { "kind": "symlink", 
/**
 * Where it points.
 */
target: PathBytes, } | { "kind": "untracked" };

export type Snapshot = { 
/**
 * Number of the last change that it holds.
 */
seq: number, 
/**
 * The machine.
 */
machine: MachineInfo, 
/**
 * Docker's API; `null` where nobody has told of it yet.
 */
docker: DockerInfo | null, 
/**
 * The shares, by name.
 */
shares: Array<ShareInfo>, };

export type Space = { 
/**
 * Content of the synchronised files on the host.
 */
host_bytes: number, 
/**
 * Content of the synchronised files in the guest.
 */
guest_bytes: number, 
/**
 * Free on the host folder's disk.
 */
host_free_bytes: number | null, 
/**
 * Free on the machine's disk.
 */
guest_free_bytes: number | null, };

export type StartPhase = "prepare" | "boot" | "guest" | "agent";

export type StartStep = { 
/**
 * Which.
 */
phase: StartPhase, 
/**
 * When it began.
 */
began: Timestamp, 
/**
 * How long it took, in milliseconds; `null` while it goes on.
 */
took_ms: number | null, 
/**
 * What the guest said of it last; `null` where it said nothing.
 */
detail: string | null, };

export type State = "preparing" | "watching" | "syncing" | "conflict" | "problem" | "halted" | "paused" | "disconnected";

export type Stream = { 
/**
 * The side that it goes to.
 */
to: Side, 
/**
 * The file, or the directory that all of the files are in; empty for the share's root.
 */
path: PathBytes, 
/**
 * How many files cross together.
 */
files: number, 
/**
 * Bytes of them that have been sent.
 */
bytes_done: number, 
/**
 * How many there are.
 */
bytes_total: number, };

export type Symlinks = "raw" | "portable" | "ignore";

export type Theme = "system" | "light" | "dark";

export type Timestamp = string;

export type TriedPath = { 
/**
 * Whether it is left out.
 */
ignored: boolean, 
/**
 * The line that decides about it, counted from 1; `null` where none does: it is in the share then, unless a pattern of the
 * share's own leaves it out.
 */
line: number | null, 
/**
 * Whether something stands there on the host.
 */
exists: boolean, };

export type TryPath = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * The text.
 */
text: string, 
/**
 * The path, relative to the share's root. It needn't be there; one that isn't is a directory if it ends in `/`.
 */
path: PathBytes, };

export type Usage = { 
/**
 * Time between two samples, in milliseconds.
 */
interval_ms: number, 
/**
 * [`SAMPLES`] of them, the oldest first; `null` while the machine didn't run, or nothing is known.
 */
samples: Array<UsageSample | null>, 
/**
 * As it is now; `null` while the machine doesn't run, or where this system doesn't tell.
 */
now: UsageSample | null, 
/**
 * Processors that it may take.
 */
cpus: number, 
/**
 * Memory that it may take at most; `null` for as much as there is.
 */
memory_bytes: number | null, 
/**
 * Space that it may take at most; `null` for as much as there is.
 */
disk_bytes: number | null, 
/**
 * Memory that it has given back: by how much it takes less now than at most since it started. `null` while that isn't known.
 */
given_back_bytes: number | null, };

export type UsageOf = { 
/**
 * How far back.
 */
span: UsageSpan, };

export type UsageSample = { 
/**
 * Processor time, in thousandths of what all processors that it has could give.
 */
cpu_permille: number, 
/**
 * Memory, in bytes.
 */
memory_bytes: number, 
/**
 * Space on the disk, in bytes; `null` where nobody counts it.
 */
disk_bytes: number | null, };

export type UsageSpan = "quarter_hour" | "hour" | "day";

export type Verdict = "good" | "warning" | "bad";

export type Verification = { 
/**
 * When it began.
 */
at: Timestamp, 
/**
 * How long it took, in milliseconds.
 */
took_ms: number, 
/**
 * Entries that were compared.
 */
entries: number, 
/**
 * Bytes of content that were read, of both sides together.
 */
bytes: number, 
/**
 * How many paths differ, whatever the reason.
 */
differ: number, 
/**
 * How many of them nothing known explains.
 */
unexplained: number, 
/**
 * The first of them, unexplained ones first, at most [`DIFFERENCES_MAX`].
 */
differences: Array<Difference>, };

export type Verified = { 
/**
 * When it began.
 */
at: Timestamp, 
/**
 * How many paths differed.
 */
differ: number, };

export type Verifying = { 
/**
 * When it began.
 */
since: Timestamp, 
/**
 * Whether both sides are read a second time, because they differed where nothing known explains it.
 */
again: boolean, 
/**
 * Entries that were compared.
 */
entries_done: number, 
/**
 * How many there are, as last counted; more may come.
 */
entries_total: number, 
/**
 * Bytes of content that were read, of both sides together, those of a file that isn't read whole yet among them.
 */
bytes_done: number, 
/**
 * How many there are, as last counted; more may come.
 */
bytes_total: number, 
/**
 * How many paths differ by now, whatever the reason.
 */
differ: number, 
/**
 * Time left in milliseconds; `null` for the first 2 s and while it isn't steady.
 */
left_ms: number | null, };

export type VmInfo = { 
/**
 * What runs it: `QEMU`.
 */
hypervisor: string, 
/**
 * Whether the processor runs it, and not an emulation, which is slow.
 */
accelerated: boolean, 
/**
 * Why the processor doesn't, as a sentence; `null` where it does.
 */
emulated_because: string | null, 
/**
 * Processors that it has.
 */
cpus: number, 
/**
 * Memory that it has at most, in bytes.
 */
memory_bytes: number, 
/**
 * Size of its data disk, in bytes. What its content takes is `disk_used_bytes` of the machine.
 */
disk_bytes: number, 
/**
 * Where Docker's API is on this computer.
 */
docker_socket: PathBytes, 
/**
 * Ports of containers that are reached at 127.0.0.1 and ::1 of this computer.
 */
ports: Array<PublishedPort>, };

export type WantedFolder = { 
/**
 * The project's folder, which would become a share.
 */
folder: PathBytes, 
/**
 * The project.
 */
project: string, 
/**
 * When a container wanted it last.
 */
at: Timestamp, 
/**
 * The mode that the project's files name in `x-causeway`; the usual one where they name none.
 */
mode: Mode, 
/**
 * The patterns that they name there.
 */
patterns: Patterns, };

export type Watch = { 
/**
 * How it learns of changes.
 */
kind: WatchKind, 
/**
 * What does it: fanotify, inotify, …
 */
by: string, 
/**
 * Why it polls, as a sentence; `null` where it doesn't.
 */
reason: string | null, 
/**
 * How many directories are polled.
 */
polled_directories: number, 
/**
 * What ends the polling.
 */
remedy: Remedy | null, };

export type WatchKind = "native" | "polling";

export type Watches = { 
/**
 * The host.
 */
host: Watch, 
/**
 * The guest.
 */
guest: Watch, };

export type Which = "all" | { "paths": Array<PathBytes> };

export type WhichItems = { "ids": Array<string> } | { "paths": Array<PathBytes> };

export type WriteRules = { 
/**
 * Name or id of the share.
 */
share: string, 
/**
 * The text.
 */
text: string, 
/**
 * The text that this replaces, as it was read. Refused where another one stands there by now.
 */
replaces: string | null, };
