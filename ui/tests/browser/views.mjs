/** Every view in its states: the scenario that it is shown in, and how one comes to it. */
const section = (name) => (page) => page.getByRole("navigation").getByRole("button", { name }).click();
const open = (share, tab) => async (page) => {
  await page.locator(`[data-share="${share}"]`).getByRole("button", { name: share, exact: true }).click();
  if (tab) await page.getByRole("tab", { name: tab }).click();
};
const create = async (page) => {
  await page.getByRole("button", { name: "Create share" }).click();
  await page.getByRole("textbox", { name: "Folder" }).fill("~/src/storefront");
  await page.getByText("What is in it").or(page.getByRole("alert")).first().waitFor();
};
const both =
  (...steps) =>
  async (page) => {
    for (const step of steps) await step(page);
  };

export const VIEWS = [
  {
    name: "shares",
    scenario: "usual",
    go: (page) => page.getByRole("button", { name: "Show details of storefront" }).click(),
    readme: true,
  },
  { name: "shares-every-state", scenario: "states" },
  { name: "shares-empty", scenario: "empty" },
  { name: "shares-200", scenario: "many" },
  { name: "shares-wanted", scenario: "folder-wanted", go: (page) => page.getByText("newsletter").first().waitFor() },
  {
    name: "create-share-compose",
    scenario: "folder-wanted",
    go: both(
      (page) => page.getByLabel("Folders that containers wanted").getByRole("button", { name: "Create share" }).click(),
      (page) => page.getByText("What is in it").waitFor(),
    ),
  },
  {
    name: "shares-row-menu",
    scenario: "usual",
    go: (page) => page.locator('[data-share="storefront"]').click({ button: "right", position: { x: 260, y: 20 } }),
  },
  { name: "shares-filtered-out", scenario: "usual", go: (page) => page.getByPlaceholder("Filter").fill("nothing like it") },
  { name: "first-run", scenario: "first-run", readme: true },
  { name: "first-run-directory", scenario: "first-run-directory" },
  {
    name: "first-run-using",
    scenario: "first-run-using",
    go: both(
      (page) => page.getByRole("button", { name: "Choose folder…" }).click(),
      (page) => page.getByText("What is in it").waitFor(),
      (page) => page.locator("form").getByRole("button", { name: "Create share" }).click(),
      (page) => page.getByText("storefront is shared").waitFor(),
    ),
  },
  { name: "share", scenario: "usual", go: open("storefront"), readme: true },
  { name: "share-preparing", scenario: "usual", go: open("design-system") },
  { name: "share-counting", scenario: "counting", go: open("design-system") },
  { name: "share-quiet", scenario: "quiet", go: open("docs-site") },
  { name: "share-halted", scenario: "states", go: open("website") },
  { name: "share-paused", scenario: "usual", go: open("notebooks") },
  { name: "share-disconnected", scenario: "states", go: open("scripts") },
  {
    name: "share-conflicts",
    scenario: "usual",
    go: both(open("billing-api", "Conflicts"), (page) => page.getByText("2 places differ").waitFor()),
    readme: true,
  },
  {
    name: "share-conflicts-unified",
    scenario: "usual",
    go: both(open("billing-api", "Conflicts"), (page) => page.getByRole("button", { name: "Unified" }).click()),
  },
  {
    name: "share-conflicts-pictures",
    scenario: "usual",
    go: both(
      open("billing-api", "Conflicts"),
      (page) => page.getByText("invoice-header.png").first().click(),
      (page) => page.getByRole("img", { name: "The picture on the host" }).waitFor(),
    ),
  },
  { name: "share-conflicts-none", scenario: "no-conflicts", go: open("docs-site", "Conflicts") },
  { name: "share-problems", scenario: "machine-vm", go: open("firmware", "Problems"), readme: true },
  {
    name: "dialog-rename",
    scenario: "usual",
    go: both(open("firmware", "Problems"), (page) => page.getByRole("button", { name: "Rename…" }).click()),
  },
  { name: "share-problems-none", scenario: "no-conflicts", go: open("docs-site", "Problems") },
  {
    name: "share-ignore",
    scenario: "usual",
    go: both(
      open("storefront", "Ignore rules"),
      (page) => page.getByText("212").first().waitFor(),
      (page) => page.getByRole("textbox", { name: "Try a path" }).fill("target/debug"),
      (page) => page.getByRole("button", { name: "Left out by line 3" }).click(),
    ),
  },
  {
    name: "share-ignore-changed",
    scenario: "changed-rules",
    go: both(
      open("storefront", "Ignore rules"),
      (page) => page.getByText("212").first().waitFor(),
      async (page) => {
        const field = page.getByRole("textbox", { name: "Lines of .syncignore" });
        await field.fill((await field.inputValue()).replace(".next/cache", ".next"));
        await page.getByText("Prune after saving").waitFor();
        await page.getByText("new", { exact: true }).waitFor();
      },
    ),
  },
  {
    name: "share-ignore-fault",
    scenario: "faulty-rules",
    go: both(open("storefront", "Ignore rules"), (page) => page.getByText("Line 2 has an error").waitFor()),
  },
  { name: "share-bin", scenario: "usual", go: open("storefront", "Recycle bin") },
  { name: "share-bin-empty", scenario: "no-conflicts", go: open("docs-site", "Recycle bin") },
  { name: "create-share", scenario: "usual", go: create, readme: true },
  { name: "create-share-refused", scenario: "refused-folder", go: create },
  { name: "machine", scenario: "usual", go: section("Machine") },
  { name: "machine-vm", scenario: "machine-vm", go: section("Machine"), readme: true },
  { name: "machine-emulated", scenario: "machine-emulated", go: section("Machine") },
  {
    name: "machine-settings",
    scenario: "usual",
    go: both(
      section("Machine"),
      (page) => page.getByRole("button", { name: "Settings…" }).click(),
      (page) => page.getByRole("spinbutton", { name: "Memory in MiB" }).fill("64"),
      (page) => page.getByRole("button", { name: "Save" }).click(),
      (page) => page.getByRole("alert").waitFor(),
    ),
  },
  { name: "machine-stopped", scenario: "machine-stopped", go: section("Machine") },
  { name: "machine-failed", scenario: "machine-failed", go: section("Machine") },
  { name: "activity", scenario: "usual", go: section("Activity") },
  {
    name: "activity-opened",
    scenario: "usual",
    go: both(section("Activity"), (page) => page.getByRole("button", { name: "paths in src" }).click()),
  },
  { name: "troubleshoot", scenario: "usual", go: section("Troubleshoot") },
  { name: "settings", scenario: "usual", go: section("Settings") },
  {
    name: "dialog-remove",
    scenario: "usual",
    go: both(open("storefront"), (page) => page.getByRole("button", { name: "Remove…" }).click()),
  },
  {
    name: "dialog-mode",
    scenario: "usual",
    go: both(open("storefront"), (page) => page.getByRole("button", { name: "Change mode…" }).click()),
  },
  {
    name: "dialog-verify",
    scenario: "usual",
    go: both(open("storefront"), (page) => page.getByRole("button", { name: "Verify" }).click()),
  },
  {
    name: "dialog-verifying",
    scenario: "verifying",
    go: both(open("storefront"), (page) => page.getByRole("button", { name: "Verify" }).click()),
  },
  { name: "engine-starting", scenario: "starting" },
  { name: "engine-stopped", scenario: "stopped" },
  { name: "engine-failed", scenario: "failed" },
];

export const NARROW = [
  "shares",
  "share",
  "share-preparing",
  "share-conflicts",
  "share-conflicts-unified",
  "share-problems",
  "share-ignore",
  "create-share",
  "first-run",
  "machine-vm",
];
