import { untrack } from "svelte";
import type {
  ApiError,
  CreateShare,
  FolderTally,
  HeavyFolder,
  Mode,
  Patterns,
  ShareInfo,
  WantedFolder,
} from "../../ipc/generated";
import { errorOf } from "../../ipc/backend";
import { ignoreLine } from "../../format/ignoreLine";
import { expand, name as lastName, text } from "../../format/paths";
import { app } from "../../state/app.svelte";
import { backend, engine } from "../../state/engine.svelte";

/** How soon a count that isn't done is asked for again. */
const ASK_AGAIN_MS = 250;
/** After a keystroke in the path, counting begins when none has followed for so long. */
const QUIET_MS = 300;

/** A share that a person is about to create. */
export class Draft {
  folder = $state("");
  name = $state("");
  mode = $state<Mode>("two-way-safe");
  force = $state(false);
  tally = $state.raw<FolderTally | null>(null);
  /** What was ticked or unticked by hand, by the folder's lines. */
  #ticked = $state.raw<ReadonlyMap<string, boolean>>(new Map());
  ignoreSecrets = $state(false);
  /** How soon what remains would be usable, by the engine; `null` where it can't say. */
  usable_ms = $state<number | null>(null);
  error = $state.raw<ApiError | null>(null);
  creating = $state(false);
  #named = false;
  #counting = 0;

  /** The folder whole, as it is asked for. */
  get path(): string {
    return expand(this.folder, app.home);
  }

  /** What a Compose project says about this folder, where a container of it wanted the folder. */
  get wanted(): WantedFolder | null {
    return engine.docker?.wanted.find((one) => text(one.folder) === this.path) ?? null;
  }

  get patterns(): Patterns {
    return this.wanted?.patterns ?? { exclude: [], upload_exclude: [], download_exclude: [] };
  }

  isTicked(heavy: HeavyFolder): boolean {
    return this.#ticked.get(heavy.lines.join("\n")) ?? heavy.suggested;
  }

  tick(heavy: HeavyFolder, on: boolean) {
    this.#ticked = new Map(this.#ticked).set(heavy.lines.join("\n"), on);
  }

  /** What the ticked folders hold and what is ignored already. */
  get ignored(): { entries: number; bytes: number } {
    const sum = { ...(this.tally?.ignored ?? { entries: 0, bytes: 0 }) };
    for (const heavy of this.tally?.heavy ?? []) {
      if (!this.isTicked(heavy)) continue;
      sum.entries += heavy.amount.entries;
      sum.bytes += heavy.amount.bytes;
    }
    return sum;
  }

  get remains(): { entries: number; bytes: number } {
    const found = this.tally?.found ?? { entries: 0, bytes: 0 };
    return { entries: found.entries - this.ignored.entries, bytes: found.bytes - this.ignored.bytes };
  }

  /** The lines that are to be added to `.syncignore`. */
  get lines(): string[] {
    const heavy = (this.tally?.heavy ?? []).filter((one) => this.isTicked(one)).flatMap((one) => one.lines);
    const secrets = (this.tally?.secrets ?? []).map(ignoreLine).filter((line) => line !== null);
    return this.ignoreSecrets ? [...heavy, ...secrets] : heavy;
  }

  rename(name: string) {
    this.name = name;
    this.#named = name !== "";
  }

  /** Counts what is in the folder, as long as it stays the same. Returns what ends it. */
  count(): () => void {
    const path = this.path;
    const counting = (this.#counting += 1);
    this.tally = null;
    this.error = null;
    this.#ticked = new Map();
    if (!this.#named) this.name = suggest(lastName(path));
    if (path === "") return () => {};
    const { wanted, patterns } = untrack(() => ({ wanted: this.wanted, patterns: this.patterns }));
    if (wanted) this.mode = wanted.mode;
    const ask = async () => {
      try {
        const tally = await backend().call("folder.count", { host_path: path, patterns });
        if (counting !== this.#counting) return;
        this.tally = tally;
        if (!tally.done && tally.refusal?.code !== "folder_missing" && tally.refusal?.code !== "not_a_directory") {
          timer = setTimeout(ask, ASK_AGAIN_MS);
        }
      } catch (thrown) {
        if (counting === this.#counting) this.error = errorOf(thrown);
      }
    };
    let timer = setTimeout(ask, QUIET_MS);
    return () => {
      this.#counting += 1;
      clearTimeout(timer);
    };
  }

  /** Asks how soon what remains would be usable. Returns what makes the answer void. */
  estimate(): () => void {
    const remains = this.remains;
    let wanted = true;
    if (remains.entries === 0) this.usable_ms = null;
    else {
      backend()
        .call("folder.estimate", remains)
        .then(({ usable_ms }) => {
          if (wanted) this.usable_ms = usable_ms;
        })
        // Without an answer nothing is said.
        .catch(() => (this.usable_ms = null));
    }
    return () => (wanted = false);
  }

  /** Whether force would let the folder be shared. */
  get forcible(): boolean {
    return this.tally?.refusal?.code === "folder_refused";
  }

  get ready(): boolean {
    const refusal = this.tally?.refusal ?? null;
    return this.path !== "" && this.tally !== null && !this.creating && (refusal === null || (this.forcible && this.force));
  }

  /** Creates it; `null` where that was refused. */
  async create(): Promise<ShareInfo | null> {
    this.creating = true;
    this.error = null;
    try {
      const wish: CreateShare = {
        host_path: this.path,
        name: this.name === "" ? null : this.name,
        mode: this.mode,
        symlinks: "raw",
        patterns: this.patterns,
        force: this.force,
        ignore_lines: this.lines,
      };
      return await backend().call("share.create", wish);
    } catch (thrown) {
      this.error = errorOf(thrown);
      return null;
    } finally {
      this.creating = false;
    }
  }
}

/** A share's name after its folder, as the engine makes it. */
export function suggest(folder: string): string {
  const name = folder.replace(/^[^A-Za-z0-9]+/, "").replace(/[^A-Za-z0-9._-]+/g, "-");
  return name.slice(0, 64).replace(/-+$/, "");
}
