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

/** A share whose machine isn't there yet. */
const waiting = (share: ShareInfo): ShareInfo => ({ ...share, state: "disconnected", detail: "The machine is starting." });

function first(...made: Parameters<typeof fakeOf>): FakeBackend {
  const fake = fakeOf(...made);
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
  "first-run": () => {
    const fake = first([]);
    const docker = { ...fixtures.docker, projects: fixtures.projects };
    fake.snapshot = { ...fake.snapshot, machine: { ...fake.snapshot.machine, ...fixtures.vm }, docker };
    return fake;
  },
  "first-run-directory": () => {
    const fake = first([]);
    const { because, remedy } = fixtures.emulated;
    const machine = {
      ...fake.snapshot.machine,
      chosen_because: `A VM doesn’t suit this computer: ${because}`,
      acceleration_remedy: remedy,
    };
    fake.snapshot = { ...fake.snapshot, machine };
    return fake;
  },
  "first-run-using": () => {
    const made = { ...storefront, containers: [] };
    const fake = first([], {
      "share.create": () => {
        fake.change(made);
        return made;
      },
    });
    const docker = { ...fixtures.docker, context_selected: false };
    fake.snapshot = { ...fake.snapshot, machine: { ...fake.snapshot.machine, ...fixtures.vm }, docker };
    return fake;
  },
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
  "changed-rules": () => fakeOf(usual, { "rules.preview": () => ({ ...rules, leaves: { entries: 41_702, bytes: 8.12e8 } }) }),
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
  verifying: () => fakeOf([fixtures.verifying], { "share.verify": () => new Promise(() => {}) }),
  counting: () => fakeOf([fixtures.counting]),
  "no-conflicts": () => fakeOf([docs]),
  "machine-stopped": () =>
    new FakeBackend(
      fixtures.snapshot([disconnected], { state: "stopped", agent: null, disk_used_bytes: null, disk_free_bytes: null }),
    ),
  "machine-vm": () => new FakeBackend(fixtures.snapshot(usual, fixtures.vm)),
  "machine-emulated": () =>
    new FakeBackend(
      fixtures.snapshot(usual.map(waiting), {
        ...fixtures.vm,
        acceleration_remedy: fixtures.emulated.remedy,
        state: "starting",
        state_since: fixtures.start!.began,
        agent: null,
        detail: "Checking the data disk.",
        start: fixtures.start,
        vm: {
          ...fixtures.vm.vm!,
          accelerated: false,
          emulated_because: fixtures.emulated.because,
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
