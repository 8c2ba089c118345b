import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { FakeBackend, fakeOf, refused } from "../tests/fixtures/backend";
import { conflicts, problems, rules } from "../tests/fixtures/lists";
import {
  billing,
  disconnected,
  docker,
  docs,
  emulated,
  everyState,
  HOME,
  machine,
  preparing,
  projects,
  snapshot,
  start as starting,
  storefront,
  verifying,
  vm,
  wanted as wantedFolder,
} from "../tests/fixtures/shares";
import App from "./App.svelte";
import { app } from "./lib/state/app.svelte";
import { listView } from "./lib/state/list.svelte";
import { router } from "./lib/state/router.svelte";
import { start } from "./lib/state/start";
import { t } from "./lib/strings";

// jsdom has neither.
HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
};
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);

const plain = (text: string | null) => (text ?? "").replace(/\s+/g, " ");

async function open(fake: FakeBackend) {
  await start(fake);
  render(App);
  return { fake, user: userEvent.setup() };
}

const asked = (fake: FakeBackend, method: string) => fake.asked.filter((one) => one.method === method).map((one) => one.params);

beforeEach(() => {
  router.shares();
  router.last = null;
  router.introducing = null;
  app.error = null;
  app.quitAsked = null;
  listView.only([]);
  listView.open = new Set();
});

describe("every state", () => {
  test.each(Object.entries(everyState))("%s has its word in the list and on its page", async (state, share) => {
    const { user } = await open(fakeOf([share]));
    const row = screen.getByRole("button", { name: share.name }).closest<HTMLElement>("[data-share]")!;
    const word = t.states[state as keyof typeof t.states];
    expect(within(row).getByText(word)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: share.name }));
    expect(screen.getByRole("heading", { name: share.name })).toBeTruthy();
    expect(screen.getAllByText(word).length).toBeGreaterThan(0);
  });
});

describe("the list", () => {
  test("follows what the engine tells", async () => {
    const { fake } = await open(fakeOf([storefront, docs]));
    fake.change({ ...docs, state: "conflict", conflicts: 2, conflicts_since: docs.created });
    expect(await screen.findByText(t.states.conflict)).toBeTruthy();
    expect(screen.getByRole("button", { name: /1 in conflict/ })).toBeTruthy();
  });

  test("a link moves the state on", async () => {
    const { user, fake } = await open(fakeOf([everyState.paused]));
    await user.click(screen.getByRole("button", { name: t.shares.actions.resume }));
    expect(asked(fake, "share.resume")).toEqual([{ share: "notebooks", accept: null }]);
  });

  test("what is refused is said, with its remedy, until it is put away", async () => {
    const fake = fakeOf([everyState.paused], {
      "share.resume": () => {
        throw { ...refused("The share is busy."), remedy: { sentence: "Wait a moment.", command: null } };
      },
    });
    const { user } = await open(fake);
    await user.click(screen.getByRole("button", { name: t.shares.actions.resume }));
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("The share is busy. Wait a moment.");
    await user.click(within(alert).getByRole("button", { name: t.common.dismiss }));
    expect(screen.queryByRole("alert")).toBeNull();
  });
});

describe("conflicts", () => {
  test("one is settled by its button, several by ticks", async () => {
    const { user, fake } = await open(fakeOf([billing]));
    router.share(billing.id, "conflicts");
    await user.click(await screen.findByRole("button", { name: /Keep guest G/ }));
    await user.click(await screen.findByRole("checkbox", { name: "Select config/limits.json" }));
    await user.click(screen.getByRole("button", { name: "Keep host" }));
    expect(asked(fake, "share.resolve")).toEqual([
      { share: billing.id, which: { paths: ["src/rates/parse.ts"] }, keep: "guest" },
      { share: billing.id, which: { paths: ["config/limits.json"] }, keep: "host" },
    ]);
  });

  test("what is filtered out isn't settled, and all pages are filtered", async () => {
    const many = Array.from({ length: 450 }, (_, n) => ({ ...conflicts[0]!, path: `src/${n}.${n % 100 === 7 ? "md" : "ts"}` }));
    const fake = fakeOf([billing], {
      "share.conflicts": ({ cursor, limit }) => {
        const from = Number(cursor ?? 0);
        const items = many.slice(from, from + (limit ?? 200));
        const next = from + items.length < many.length ? String(from + items.length) : null;
        return { items, next, total: many.length };
      },
    });
    const { user } = await open(fake);
    router.share(billing.id, "conflicts");
    await user.click(await screen.findByRole("checkbox", { name: t.conflicts.selectAll }));
    expect(screen.getByText("450 of 450 selected")).toBeTruthy();
    await user.type(screen.getByRole("textbox", { name: t.conflicts.filterLabel }), ".MD");
    expect(await screen.findByText("2 of 5 selected")).toBeTruthy();
    await user.click(screen.getByRole("checkbox", { name: t.conflicts.selectAll }));
    await user.click(screen.getByRole("button", { name: "Keep host" }));
    const paths = ["src/7.md", "src/107.md", "src/207.md", "src/307.md", "src/407.md"];
    expect(asked(fake, "share.resolve")).toEqual([{ share: billing.id, which: { paths }, keep: "host" }]);
    await user.keyboard("{Escape}");
    expect(await screen.findByText("0 of 450 selected")).toBeTruthy();
  });

  test("both can be read below one another, and the host's opened in an editor", async () => {
    const { user, fake } = await open(fakeOf([billing]));
    router.share(billing.id, "conflicts");
    await user.click(await screen.findByRole("button", { name: t.conflicts.views.unified }));
    const shown = screen.getByRole("region", { name: t.conflicts.unifiedLabel });
    const lines = [...shown.querySelectorAll(".ch")].map((line) => plain(line.textContent).trim());
    expect(lines.slice(0, 4)).toEqual([
      "20Host const value = Number(raw);",
      "21Host if (!Number.isFinite(value)) {",
      '22Host throw new RateError(text, "not a number");',
      "20Guest const value = parseFloat(raw);",
    ]);
    await user.click(screen.getByRole("button", { name: t.conflicts.openInEditor }));
    expect(asked(fake, "open_in_editor")).toEqual([{ share: billing.id, path: "src/rates/parse.ts" }]);
    await user.click(screen.getByRole("button", { name: t.conflicts.views.sides }));
  });

  test("what can't be kept isn't offered", async () => {
    const { user } = await open(fakeOf([billing]));
    router.share(billing.id, "conflicts");
    await user.click(await screen.findByText("config/limits.json"));
    const both = await screen.findByRole("button", { name: /Keep both B/ });
    expect((both as HTMLButtonElement).disabled).toBe(true);
  });
});

describe("problems", () => {
  test("a name that the other side can't hold is changed where it stands", async () => {
    let taken = true;
    const fake = fakeOf([everyState.problem], {
      "share.rename_path": () => {
        if (!taken) return {};
        taken = false;
        throw refused('Something stands at "docs/SETUP.md".');
      },
    });
    const { user } = await open(fake);
    router.share("firmware", "problems");
    await user.click(await screen.findByRole("button", { name: t.problems.rename }));
    const dialog = within(screen.getByRole("dialog"));
    const field = dialog.getByRole("textbox", { name: t.problems.renameTo }) as HTMLInputElement;
    const done = dialog.getByRole("button", { name: t.problems.renameDo }) as HTMLButtonElement;
    expect([field.value, done.disabled]).toEqual(["setup.md", true]);
    await user.click(dialog.getByRole("radio", { name: "docs/Setup.md" }));
    await user.clear(field);
    await user.type(field, "a/b");
    expect(done.disabled).toBe(true);
    await user.clear(field);
    await user.type(field, "SETUP.md{Enter}");
    expect((await dialog.findByRole("alert")).textContent).toContain("Something stands at");
    await user.type(field, "2");
    await user.click(done);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    const asks = { share: "firmware", side: "guest", path: "docs/Setup.md" };
    expect(asked(fake, "share.rename_path")).toEqual([
      { ...asks, name: "SETUP.md" },
      { ...asks, name: "SETUP.md2" },
    ]);
  });
});

describe("what is in the way", () => {
  test("is renamed where it stands", async () => {
    const taken = { ...problems[2]!, code: "occupied_by_untracked" as const, side: "guest" as const, other_path: null };
    const fake = fakeOf([everyState.problem], { "share.problems": () => ({ items: [taken], next: null, total: 1 }) });
    const { user } = await open(fake);
    router.share("firmware", "problems");
    await user.click(await screen.findByRole("button", { name: t.problems.rename }));
    const dialog = within(screen.getByRole("dialog", { name: t.problems.renameTitle("guest") }));
    await user.type(dialog.getByRole("textbox", { name: t.problems.renameTo }), "2{Enter}");
    await waitFor(() => expect(asked(fake, "share.rename_path")).toMatchObject([{ side: "guest" }]));
  });
});

describe("first run", () => {
  const unintroduced = (fake: FakeBackend) => {
    fake.preferences = { ...fake.preferences, introduced: false };
    return fake;
  };

  test("offers the projects that Docker knows", async () => {
    const fake = unintroduced(fakeOf([]));
    fake.snapshot = { ...fake.snapshot, docker: { ...docker, projects } };
    const { user } = await open(fake);
    expect(plain(document.body.textContent)).toContain("storefront · 3 services, 4 containers");
    expect(plain(document.body.textContent)).toContain("backend · 1 service, 1 container");
    await user.click(screen.getByRole("button", { name: t.firstRun.shareProject(`${HOME}/src/billing/backend`) }));
    expect(screen.getByRole("textbox", { name: t.create.folder })).toHaveProperty("value", "~/src/billing/backend");
  });

  test("says what would let the processor run a VM, and looks again", async () => {
    const fake = unintroduced(
      new FakeBackend(snapshot([], { acceleration_remedy: emulated.remedy }), {
        "machine.try_acceleration": () => ({ refused: null, remedy: null }),
      }),
    );
    const { user } = await open(fake);
    expect(document.body.textContent).toContain(emulated.remedy.command);
    await user.click(screen.getByRole("button", { name: t.machine.checkAgain }));
    expect(await screen.findByText(t.machine.suits)).toBeTruthy();
    expect(document.body.textContent).not.toContain(emulated.remedy.command);
  });

  test("waits for a container that mounts the share", async () => {
    const fake = unintroduced(fakeOf([{ ...storefront, containers: [] }]));
    router.introducing = storefront.id;
    await open(fake);
    expect(screen.getByText(t.firstRun.waiting(storefront.name))).toBeTruthy();
    expect(document.body.textContent).toContain(`docker run --rm -it -v ${HOME}/src/storefront:/app`);
    fake.change(storefront);
    expect(await screen.findByText(t.firstRun.mounted("web", storefront.name))).toBeTruthy();
  });
});

describe("removing", () => {
  test("asks, names the containers, and asks again where the guest has more", async () => {
    let refuse = true;
    const fake = fakeOf([storefront], {
      "share.remove": () => {
        if (!refuse) return {};
        refuse = false;
        throw { code: "guest_has_more", message: "The guest holds 3 files that the host doesn’t have.", remedy: null };
      },
    });
    const { user } = await open(fake);
    router.share(storefront.id);
    await user.click(await screen.findByRole("button", { name: t.share.remove }));
    expect(screen.getByText(/3 containers use it: web, worker, tests/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: t.dialogs.removeDo }));
    await screen.findByText(/3 files/);
    await user.click(screen.getByRole("button", { name: t.dialogs.removeForceDo }));
    expect(asked(fake, "share.remove")).toEqual([
      { share: "storefront", force: false },
      { share: "storefront", force: true },
    ]);
  });
});

describe("Create share", () => {
  test("counts, takes what is ticked off what remains, and creates with those lines", async () => {
    const { user, fake } = await open(fakeOf([docs]));
    router.create(`${HOME}/src/storefront`);
    await screen.findByText(/486.213.entries/);
    // As what remains, and as what it starts with.
    expect(screen.getAllByText(/136.053.entries/)).toHaveLength(2);
    await user.click(screen.getByRole("checkbox", { name: "Ignore .git" }));
    expect(screen.getAllByText(/107.142.entries/)).toHaveLength(2);
    await user.click(screen.getByRole("button", { name: t.create.create }));
    await waitFor(() => expect(asked(fake, "share.create")).toHaveLength(1));
    expect(asked(fake, "share.create")[0]).toMatchObject({
      host_path: `${HOME}/src/storefront`,
      name: "storefront",
      mode: "two-way-safe",
      ignore_lines: ["target", "**/node_modules", ".next", ".git"],
    });
  });
});

describe("ignore rules", () => {
  test("are saved against what was read", async () => {
    const { user, fake } = await open(fakeOf([storefront], { "rules.read": () => ({ text: "a\n" }) }));
    router.share(storefront.id, "rules");
    const field = await screen.findByRole("textbox", { name: t.rules.label });
    await user.type(field, "b");
    const save = screen.getByRole("button", { name: /Save/ }) as HTMLButtonElement;
    await waitFor(() => expect(save.disabled).toBe(false));
    await user.click(save);
    expect(asked(fake, "rules.write")).toEqual([{ share: "storefront", text: "a\nb", replaces: "a\n" }]);
  });

  test("new lines are marked, and copies of what leaves are pruned once they are saved", async () => {
    const fake = fakeOf([storefront], {
      "rules.read": () => ({ text: "target\n" }),
      "rules.preview": () => ({ ...rules, leaves: { entries: 3, bytes: 9e6 } }),
    });
    const { user } = await open(fake);
    router.share(storefront.id, "rules");
    const field = await screen.findByRole("textbox", { name: t.rules.label });
    await user.type(field, "**/node_modules");
    expect(await screen.findAllByText(t.rules.isNew)).toHaveLength(1);
    await user.click(await screen.findByRole("checkbox", { name: t.rules.pruneAfter }));
    await user.click(screen.getByRole("button", { name: new RegExp(t.rules.save) }));
    await waitFor(() => expect(asked(fake, "share.prune")).toHaveLength(1));
    const order = fake.asked.map(({ method }) => method).filter((method) => /write|flush|prune/.test(method));
    expect(order).toEqual(["rules.write", "share.flush", "share.prune"]);
  });

  test("one path is tried with the lines as they stand in the editor", async () => {
    const { user, fake } = await open(fakeOf([storefront]));
    router.share(storefront.id, "rules");
    const lines = (await screen.findByRole("textbox", { name: t.rules.label })) as HTMLTextAreaElement;
    const path = screen.getByRole("textbox", { name: t.rules.tryPath });
    await user.type(path, "./target/debug");
    await user.click(await screen.findByRole("button", { name: t.rules.tried(true, 3) }));
    expect(lines.value.slice(lines.selectionStart, lines.selectionEnd)).toBe("target");
    expect(await screen.findByText(t.rules.lineIgnores(3))).toBeTruthy();
    expect(asked(fake, "rules.try").at(-1)).toEqual({ share: "storefront", text: lines.value, path: "target/debug" });
    await user.clear(path);
    await user.type(path, "none");
    expect((await screen.findByText(/no line matches/)).textContent).toContain(t.rules.notThere);
  });
});

describe("activity", () => {
  test("a renamed directory is one line with what is in it", async () => {
    await open(fakeOf([storefront]));
    router.share(storefront.id, "overview");
    const row = (await screen.findByTitle(t.activity.renamed("packages/ui", "packages/ui-kit"))).closest("tr")!;
    expect(plain(row.textContent)).toContain("directory renamed, 4 120 entries");
  });
});

describe("preparing", () => {
  test("says how long the phases before took, and what crosses now", async () => {
    await open(fakeOf([preparing]));
    router.share(preparing.id, "overview");
    const phases = await screen.findAllByRole("listitem");
    const says = phases.map((phase) => plain(phase.textContent).trim());
    expect(says).toContain("Connected 0.1 s");
    expect(says).toContain("Scanned 146 221 entries, 2.8 s");
    const rows = within(screen.getAllByRole("table").at(-1)!).getAllByRole("row");
    expect(rows.map((row) => plain(row.textContent).trim()).slice(1)).toEqual([
      "packages/icons/src 2 406 files 64 %8.1 MB",
      "packages/charts/src 318 files 22 %2.4 MB",
      "apps/gallery/video/tour.mp4 8 %412 MB",
    ]);
  });
});

describe("creating", () => {
  const draft = async (usable_ms: number | null) => {
    const { user, fake } = await open(fakeOf([docs], { "folder.estimate": () => ({ usable_ms }) }));
    router.create(`${HOME}/src/storefront`);
    await screen.findByText(t.create.inside);
    return { user, fake };
  };

  test("says how soon it is usable, of what remains", async () => {
    const { user, fake } = await draft(14_200);
    await waitFor(() => expect(plain(document.body.textContent)).toContain("About 14 s until it is usable."));
    const [first] = screen.getAllByRole("checkbox");
    const before = asked(fake, "folder.estimate").at(-1) as { entries: number };
    await user.click(first!);
    await waitFor(() =>
      expect((asked(fake, "folder.estimate").at(-1) as { entries: number }).entries).toBeGreaterThan(before.entries),
    );
  });

  test("says nothing where nothing is known", async () => {
    const { fake } = await draft(null);
    await waitFor(() => expect(asked(fake, "folder.estimate").length).toBeGreaterThan(0));
    expect(plain(document.body.textContent)).not.toContain("until it is usable");
  });
});

describe("verifying", () => {
  test("shows how far it is, and stops", async () => {
    let refuse: (error: unknown) => void = () => {};
    const { user, fake } = await open(
      fakeOf([storefront], {
        "share.verify": () => new Promise((_, reject) => (refuse = reject)),
        "share.stop_verifying": () => {
          refuse(refused("The verification was stopped.", "stopped"));
          return {};
        },
      }),
    );
    router.share(storefront.id, "overview");
    await user.click(await screen.findByRole("button", { name: t.share.verify }));
    const dialog = await screen.findByRole("dialog");
    fake.change(verifying);
    await waitFor(() => expect(within(dialog).getByRole("progressbar").getAttribute("aria-valuenow")).toBe("37"));
    expect(plain(dialog.textContent)).toContain("48 212 of 133 919 entries, 1.74 of 4.69 GB");
    fake.change({ ...verifying, verifying: { ...verifying.verifying!, again: true } });
    await within(dialog).findByText(t.dialogs.verifyAgain);
    await user.click(within(dialog).getByRole("button", { name: t.dialogs.stop }));
    await within(dialog).findByText(t.dialogs.verifyStopped);
    expect(within(dialog).queryByRole("button", { name: t.dialogs.stop })).toBeNull();
    expect(asked(fake, "share.verify")).toHaveLength(1);
    expect(asked(fake, "share.stop_verifying")).toEqual([{ share: storefront.id }]);
  });
});

describe("the machine", () => {
  test("a processor that runs the VM can be checked again", async () => {
    const answers = [
      { refused: null, remedy: null },
      { refused: emulated.because, remedy: emulated.remedy },
    ];
    const { user } = await open(new FakeBackend(snapshot([docs], vm), { "machine.try_acceleration": () => answers.shift()! }));
    router.go({ at: "machine" });
    const again = await screen.findByRole("button", { name: t.machine.checkAgain });
    await user.click(again);
    expect(await screen.findByText(t.machine.suitsStill)).toBeTruthy();
    await user.click(again);
    await waitFor(() => expect(document.body.textContent).toContain(emulated.because));
    expect(document.body.textContent).toContain(emulated.remedy.command);
  });

  test("what Compose may share is set there", async () => {
    const { user, fake } = await open(fakeOf([docs]));
    router.go({ at: "machine" });
    await user.click(await screen.findByRole("button", { name: t.machine.autoShare.on }));
    expect(asked(fake, "docker.configure")).toMatchObject([{ compose_auto_share: "on", engine_socket: null }]);
  });

  test("only what was changed of its settings is sent, and a refusal is said", async () => {
    const { user, fake } = await open(fakeOf([docs]));
    router.go({ at: "machine" });
    await user.click(await screen.findByRole("button", { name: t.machine.settings }));
    const cpus = screen.getByLabelText(t.machine.cpus) as HTMLInputElement;
    await waitFor(() => expect(cpus.disabled).toBe(false));
    await user.clear(cpus);
    await user.type(cpus, "900");
    await user.click(screen.getByRole("button", { name: t.machine.save }));
    expect((await screen.findByRole("alert")).textContent).toContain("between 1 and 256");
    await user.clear(cpus);
    await user.type(cpus, "4");
    await user.click(screen.getByRole("button", { name: t.machine.save }));
    await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
    expect(asked(fake, "machine.configure").at(-1)).toEqual({ kind: null, cpus: 4, memory_mib: null, disk_gib: null });
    expect(fake.sizes).toMatchObject({ cpus: 4, memory_mib: 4096 });
  });

  test("what was set goes back to automatic, by its button and by an emptied field", async () => {
    const { user, fake } = await open(fakeOf([docs]));
    router.go({ at: "machine", settings: true });
    const cpus = (await screen.findByLabelText(t.machine.cpus)) as HTMLInputElement;
    await waitFor(() => expect(cpus.value).toBe("6"));
    await user.clear(cpus);
    await user.click(screen.getByRole("button", { name: t.machine.makeAutomatic(t.machine.memory) }));
    expect(screen.queryByRole("button", { name: t.machine.makeAutomatic(t.machine.diskSize) })).toBeNull();
    await user.click(screen.getByRole("button", { name: t.machine.save }));
    await waitFor(() => expect(fake.sizes).toMatchObject({ cpus: null, memory_mib: null }));
    expect(asked(fake, "machine.configure").at(-1)).toEqual({
      kind: null,
      cpus: "auto",
      memory_mib: "auto",
      disk_gib: null,
    });
  });

  test("the footer says what it takes, and a start how many wait for it", async () => {
    const { fake } = await open(new FakeBackend(snapshot([disconnected], vm)));
    const footer = screen.getByRole("contentinfo");
    await waitFor(() => expect(plain(footer.textContent)).toContain("VM CPU 11 % 3.1 of 8 GB"));
    fake.hear({
      type: "delta",
      delta: {
        since: 1,
        seq: 2,
        machine: { ...machine, ...vm, state: "starting", agent: null, start: starting },
        docker: null,
        shares: [],
        removed: [],
      },
    });
    await waitFor(() => expect(plain(footer.textContent)).toContain("1 wait for the machine"));
    expect(plain(footer.textContent)).toContain("Step 3 of 6");
  });

  test("shows each step of its start", async () => {
    const fake = fakeOf([docs]);
    fake.snapshot = { ...fake.snapshot, machine: { ...machine, ...vm, state: "starting", agent: null, start: starting } };
    await open(fake);
    router.go({ at: "machine" });
    const step = (await screen.findByText(t.machine.steps.guest)).closest("li")!;
    expect(step.getAttribute("aria-current")).toBe("step");
    expect(step.textContent).toContain("checking the data disk");
    expect(await screen.findByText(/EXT4-fs/)).toBeTruthy();
  });
});

describe("folders that containers wanted", () => {
  const at = docs.created;
  const wanting = () => {
    const fake = fakeOf([docs]);
    const wanted = [{ ...wantedFolder, folder: `${HOME}/src/shop`, project: "shop", at }];
    fake.snapshot = { ...fake.snapshot, docker: { ...docker, wanted } };
    return fake;
  };

  test("lead to Create share", async () => {
    const { user } = await open(wanting());
    const notice = await screen.findByRole("list", { name: t.wanted.label });
    await user.click(within(notice).getByRole("button", { name: t.wanted.create }));
    const field = (await screen.findByRole("textbox", { name: t.create.folder })) as HTMLInputElement;
    expect(field.value).toBe("~/src/shop");
  });

  test("become shares as the project's files say", async () => {
    const { user, fake } = await open(wanting());
    const notice = await screen.findByRole("list", { name: t.wanted.label });
    await user.click(within(notice).getByRole("button", { name: t.wanted.create }));
    await screen.findByText(t.create.inside);
    expect(screen.getByText("node_modules", { selector: "p code" })).toBeTruthy();
    await user.click(screen.getByRole("button", { name: t.create.create }));
    const { mode, patterns } = wantedFolder;
    expect(asked(fake, "folder.count")[0]).toEqual({ host_path: `${HOME}/src/shop`, patterns });
    expect(asked(fake, "share.create")).toMatchObject([{ host_path: `${HOME}/src/shop`, mode, patterns }]);
  });

  test("are put away, and leave when Docker’s API says so", async () => {
    const { user, fake } = await open(wanting());
    await user.click(await screen.findByRole("button", { name: t.wanted.dismiss }));
    expect(asked(fake, "docker.dismiss")).toEqual([{ folder: `${HOME}/src/shop` }]);
    fake.hear({ type: "delta", delta: { since: 1, seq: 2, machine: null, docker, shares: [], removed: [] } });
    await waitFor(() => expect(screen.queryByRole("list", { name: t.wanted.label })).toBeNull());
  });
});

/** A share in a VM whose worst problem isn't the first by its path. */
function fakeProblems() {
  const worst = everyState.problem.worst_problem!;
  const other = { ...worst, path: "a", code: "io" as const };
  const answers = { "share.problems": () => ({ items: [other, worst], next: null, total: 2 }) };
  return new FakeBackend(snapshot([everyState.problem], vm), answers);
}

describe("a share's mode and problems", () => {
  test("another mode is chosen in a dialog", async () => {
    const { user, fake } = await open(fakeOf([storefront]));
    router.share(storefront.id);
    await user.click(await screen.findByRole("button", { name: t.overview.changeMode }));
    await user.click(screen.getByRole("radio", { name: new RegExp(t.modes["one-way-safe"]) }));
    await user.click(screen.getByRole("button", { name: t.dialogs.modeDo }));
    expect(asked(fake, "share.configure")).toEqual([{ share: "storefront", mode: "one-way-safe" }]);
  });

  test("what is in the way can be left out, with its name escaped, behind the lines that stand", async () => {
    const found = {
      ...everyState.problem.worst_problem!,
      path: "secrets/dev[1].pem",
      side: "host" as const,
      code: "permission_denied" as const,
    };
    const { user, fake } = await open(
      fakeOf([everyState.problem], {
        "share.problems": () => ({ items: [found], next: null, total: 1 }),
        "rules.read": () => ({ text: "target" }),
      }),
    );
    router.share("firmware", "problems");
    await user.click(await screen.findByRole("button", { name: t.problems.ignoreIt }));
    await waitFor(() =>
      expect(asked(fake, "rules.write")).toEqual([
        { share: "firmware", text: "target\nsecrets/dev\\[1\\].pem\n", replaces: "target" },
      ]),
    );
  });

  test("the worst problem comes first; a VM's disk that is full can be enlarged from there", async () => {
    const { user } = await open(fakeProblems());
    router.share("firmware", "problems");
    const titles = (await screen.findAllByRole("heading", { level: 2 })).map((one) => one.textContent);
    expect(titles[0]).toContain(t.problems.titles.no_space);
    expect(titles).toHaveLength(2);
    await user.click(screen.getByRole("button", { name: t.problems.enlargeDisk }));
    expect(await screen.findByRole("heading", { name: t.machine.settingsTitle })).toBeTruthy();
  });

  test("all problems are tried again at once", async () => {
    const { user, fake } = await open(fakeOf([everyState.problem]));
    router.share("firmware", "problems");
    await user.click(await screen.findByRole("button", { name: t.problems.tryAll }));
    expect(asked(fake, "share.retry")).toEqual([{ share: "firmware" }]);
  });
});

describe("the menu of a row", () => {
  test("opens by the keyboard's own key, moves, and acts", async () => {
    const { user, fake } = await open(fakeOf([storefront, docs]));
    const row = screen.getByRole("button", { name: storefront.name }).closest<HTMLElement>("[data-share]")!;
    await fireEvent.contextMenu(row);
    const menu = screen.getByRole("menu");
    expect(document.activeElement?.textContent).toContain(t.common.open);
    await user.keyboard("{ArrowDown}{ArrowDown}{ArrowDown}{Enter}");
    expect(asked(fake, "share.flush")).toHaveLength(1);
    expect(menu.isConnected).toBe(false);
    await fireEvent.contextMenu(row);
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("menu")).toBeNull();
    expect(document.activeElement).toBe(row);
  });
});

describe("the app", () => {
  test("asks before it quits where containers use shares", async () => {
    const { user, fake } = await open(fakeOf([storefront]));
    fake.hear({ type: "quit_asked", shares: ["storefront"] });
    await user.click(await screen.findByRole("button", { name: t.dialogs.quitDo }));
    expect(asked(fake, "quit")).toEqual([{ force: true }]);
  });

  test("a folder that is dropped leads to Create share", async () => {
    const { fake } = await open(fakeOf([docs]));
    fake.hear({ type: "dropped", paths: [`${HOME}/src/new`] });
    const field = (await screen.findByRole("textbox", { name: t.create.folder })) as HTMLInputElement;
    expect(field.value).toBe("~/src/new");
  });

  test("says when the engine is stopped, and starts it", async () => {
    const { user, fake } = await open(fakeOf([docs]));
    fake.hear({ type: "engine", engine: { is: "stopped" } });
    await user.click(await screen.findByRole("button", { name: t.engine.start }));
    expect(asked(fake, "start_engine")).toHaveLength(1);
  });
});
