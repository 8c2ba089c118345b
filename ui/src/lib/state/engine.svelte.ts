import type { Backend } from "../ipc/backend";
import type { Delta, DockerInfo, EngineState, MachineInfo, ShareInfo, Snapshot } from "../ipc/generated";

/** What is known of the engine: a snapshot, kept up to date by deltas. A share that didn't change stays the same object. */
class Engine {
  state = $state.raw<EngineState>({ is: "starting" });
  machine = $state.raw<MachineInfo | null>(null);
  docker = $state.raw<DockerInfo | null>(null);
  shares = $state.raw<ShareInfo[]>([]);
  /** Whether there was a snapshot, so that no shares means that there are none. */
  known = $state(false);

  share(id: string): ShareInfo | undefined {
    return this.shares.find((share) => share.id === id);
  }

  setState(state: EngineState) {
    this.state = state;
    if (state.is !== "running") this.known = false;
  }

  begin(snapshot: Snapshot) {
    this.machine = snapshot.machine;
    this.docker = snapshot.docker;
    this.shares = snapshot.shares;
    this.known = true;
  }

  /** The app holds the copy that deltas are measured against, and sends a snapshot after each gap: none is missing here. */
  apply(delta: Delta) {
    if (delta.machine) this.machine = delta.machine;
    if (delta.docker) this.docker = delta.docker;
    if (delta.shares.length === 0 && delta.removed.length === 0) return;
    const changed = new Map(delta.shares.map((share) => [share.id, share]));
    const gone = new Set(delta.removed);
    const shares = this.shares.filter((share) => !gone.has(share.id)).map((share) => take(changed, share.id) ?? share);
    if (changed.size > 0) {
      shares.push(...changed.values());
      shares.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    }
    this.shares = shares;
  }
}

function take<K, V>(map: Map<K, V>, key: K): V | undefined {
  const value = map.get(key);
  map.delete(key);
  return value;
}

export const engine = new Engine();

let used: Backend | undefined;

/** The way to the app and the engine. */
export function backend(): Backend {
  if (!used) throw new Error("the window asks before it is started");
  return used;
}

export function use(theirs: Backend) {
  used = theirs;
}
