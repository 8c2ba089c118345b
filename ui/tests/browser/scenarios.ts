import type { ShareInfo } from "../../src/lib/ipc/generated";
import { FakeBackend, fakeOf } from "../fixtures/backend";
import { noActivity, rules } from "../fixtures/lists";
import * as fixtures from "../fixtures/shares";

const { billing, disconnected, docs, firmware, halted, paused, preparing, share, storefront, syncing } = fixtures;
const usual = [billing, firmware, preparing, syncing, storefront, docs, paused];

function many(): ShareInfo[] {
  return Array.from({ length: 200 }, (_, n) =>
    share(`project-${n.toString().padStart(3, "0")}`, `src/group-${n % 7}/project-${n}`, {
      space: { ...storefront.space, host_bytes: n * 7e6 },
    }),
  );
}

function first(shares: ShareInfo[]): FakeBackend {
  const fake = fakeOf(shares);
  fake.preferences = { ...fake.preferences, introduced: false };
  return fake;
}

function inState(engine: FakeBackend["engine"]): FakeBackend {
  const fake = fakeOf([]);
  fake.engine = engine;
  return fake;
}

/** What the window finds, by name. */
export const scenarios: Record<string, () => FakeBackend> = {
  usual: () => fakeOf(usual),
  states: () => fakeOf([...usual, halted, disconnected]),
  empty: () => fakeOf([]),
  "first-run": () => first([]),
  many: () => fakeOf(many()),
  quiet: () => fakeOf([docs], { activity: () => noActivity }),
  "faulty-rules": () =>
    fakeOf(usual, {
      "rules.read": () => ({ text: "target\nsrc/[a-\n" }),
      "rules.preview": () => ({
        ...rules,
        lines: [rules.lines[2]!, { ...rules.lines[0]!, effect: "faulty", fault: 'A "[" has no "]".' }, rules.lines[0]!],
        faulty: true,
      }),
    }),
  "refused-folder": () =>
    fakeOf(usual, {
      "folder.count": () => ({
        done: true,
        took_ms: 12,
        found: { entries: 210, bytes: 4e6 },
        ignored: { entries: 0, bytes: 0 },
        heavy: [],
        secrets: [],
        secrets_total: 0,
        special: [],
        special_total: 0,
        unreadable: 0,
        refusal: {
          code: "folder_overlaps",
          message: "The folder lies inside the share billing-api.",
          remedy: { sentence: "Choose a folder beside it.", command: null },
        },
        syncignore_fault: null,
      }),
    }),
  counting: () => fakeOf([fixtures.counting]),
  "no-conflicts": () => fakeOf([docs]),
  "machine-stopped": () =>
    new FakeBackend(
      fixtures.snapshot([disconnected], { state: "stopped", agent: null, disk_used_bytes: null, disk_free_bytes: null }),
    ),
  "machine-vm": () => new FakeBackend(fixtures.snapshot(usual, fixtures.vm)),
  "machine-emulated": () =>
    new FakeBackend(
      fixtures.snapshot(usual, {
        ...fixtures.vm,
        state: "starting",
        state_since: fixtures.start!.began,
        agent: null,
        detail: "Checking the data disk.",
        start: fixtures.start,
        vm: {
          ...fixtures.vm.vm!,
          accelerated: false,
          emulated_because: "/dev/kvm is there, but you are not in the group kvm.",
          ports: [],
        },
      }),
    ),
  "folder-wanted": () => {
    const fake = fakeOf(usual);
    const wanted = fixtures.wanted;
    fake.snapshot = { ...fake.snapshot, docker: { ...fixtures.docker, wanted: [wanted] } };
    return fake;
  },
  "machine-failed": () =>
    new FakeBackend(
      fixtures.snapshot([disconnected], {
        state: "failed",
        agent: null,
        detail: "The agent ended with code 1 and is started again in 4 s.",
        remedy: { sentence: "See what it said.", command: "causeway logs" },
        restarts: 3,
      }),
    ),
  starting: () => inState({ is: "starting" }),
  stopped: () => inState({ is: "stopped" }),
  failed: () =>
    inState({ is: "failed", sentence: "Can’t lock /home/ada/.local/share/causeway/run/engine.lock: permission denied." }),
};
