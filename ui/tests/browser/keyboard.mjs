/** What the keyboard does, each from a fresh window. `check` throws where it isn't so. */
const focused = (page) =>
  page.evaluate(() => document.activeElement?.getAttribute("data-share") ?? document.activeElement?.id ?? "");
/** What a person asked for: what the machine takes is asked by the footer, again and again. */
const asked = (page) =>
  page.evaluate(() => window.fake.asked.map(({ method }) => method).filter((method) => method !== "machine.usage"));

function equal(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
}

async function press(page, ...keys) {
  for (const key of keys) await page.keyboard.press(key);
}

const row = (page, share) => page.locator(`[data-share="${share}"]`);

export const KEYS = [
  {
    name: "keys-list",
    scenario: "usual",
    async check(page) {
      await row(page, "firmware").focus();
      await press(page, "ArrowDown");
      equal(await focused(page), "billing-api", "the row below");
      await press(page, "End");
      equal(await focused(page), "notebooks", "the last row");
      await press(page, "Home", "ArrowRight");
      equal(await row(page, "firmware").getAttribute("aria-expanded"), "true", "the opened row");
      await press(page, "ArrowLeft");
      equal(await row(page, "firmware").getAttribute("aria-expanded"), "false", "the closed row");
      equal(await page.locator('[data-share][tabindex="0"]').count(), 1, "tab stops of the list");
    },
  },
  {
    name: "keys-page-and-back",
    scenario: "usual",
    async check(page) {
      await row(page, "storefront").focus();
      await press(page, "Enter");
      await page.getByRole("heading", { name: "storefront" }).waitFor();
      await press(page, "Escape");
      await page.getByRole("heading", { name: "Shares" }).waitFor();
      await page.waitForTimeout(50);
      equal(await focused(page), "storefront", "the row that it came from");
    },
  },
  {
    name: "keys-actions",
    scenario: "usual",
    async check(page) {
      await row(page, "storefront").focus();
      await press(page, "p", "f");
      equal(await asked(page), ["share.pause", "share.flush"], "what was asked");
      await press(page, "Delete");
      await page.getByRole("alertdialog").waitFor();
      equal(await page.evaluate(() => document.activeElement?.textContent), "Cancel", "the focus of a dialog that deletes");
      await press(page, "Escape");
      await page.getByRole("alertdialog").waitFor({ state: "detached" });
      equal(await focused(page), "storefront", "the focus behind the dialog");
    },
  },
  {
    name: "keys-letters-in-a-field",
    scenario: "usual",
    async check(page) {
      await press(page, "Control+f");
      await page.keyboard.type("pfv");
      equal(await page.getByPlaceholder("Filter").inputValue(), "pfv", "the field");
      equal(await asked(page), [], "what was asked");
      await press(page, "Escape");
      equal(await page.getByPlaceholder("Filter").inputValue(), "", "the field");
    },
  },
  {
    name: "keys-sections",
    scenario: "usual",
    async check(page) {
      for (const [keys, heading] of [
        ["Control+2", "Machine"],
        ["Control+3", "Activity"],
        ["Control+4", "Troubleshoot"],
        ["Control+,", "Settings"],
        ["Control+n", "Create share"],
        ["Control+1", "Shares"],
      ]) {
        await press(page, keys);
        await page.getByRole("heading", { name: heading, exact: true }).waitFor();
      }
    },
  },
  {
    name: "keys-conflicts",
    scenario: "usual",
    async check(page) {
      await row(page, "billing-api").getByRole("button", { name: "Review" }).click();
      const list = page.locator(".rows");
      const before = (await list.boundingBox()).height;
      await page.getByRole("separator", { name: "Height of the list" }).focus();
      await press(page, "ArrowUp");
      equal((await list.boundingBox()).height < before, true, "whether the list is smaller");
      await press(page, "Control+f");
      await page.keyboard.type("limits");
      await page.getByText("0 of 1 selected").waitFor();
      await press(page, "Escape");
      await page.getByText("0 of 3 selected").waitFor();
      await page.getByRole("grid").locator("tr[tabindex='0']").focus();
      await press(page, "ArrowDown", " ");
      await page.getByText("1 of 3 selected").waitFor();
      await press(page, "Control+a");
      await page.getByText("3 of 3 selected").waitFor();
      await press(page, "g");
      equal((await asked(page)).includes("share.resolve"), true, "whether a conflict is settled");
    },
  },
  {
    name: "two-hundred-shares-change",
    scenario: "many",
    /** Every share changes four times a second, as often as the engine tells: the page goes on being drawn between. */
    async check(page) {
      const late = await page.evaluate(async () => {
        const { fake } = window;
        const shares = fake.snapshot.shares;
        let n = 0;
        const timer = setInterval(() => {
          n += 1;
          const changed = shares.map((share) => ({
            ...share,
            state: n % 2 ? "syncing" : "watching",
            pending: n,
            pending_to_guest: n,
          }));
          fake.hear({ type: "delta", delta: { since: n, seq: n + 1, machine: null, shares: changed, removed: [] } });
        }, 250);
        const gaps = [];
        let last = performance.now();
        for (let frame = 0; frame < 120; frame += 1) {
          await new Promise(requestAnimationFrame);
          const now = performance.now();
          gaps.push(now - last);
          last = now;
        }
        clearInterval(timer);
        return gaps.filter((gap) => gap > 34).length;
      });
      // With eight changes in two seconds a few frames are late; on a busy computer more are, whatever the page does.
      if (late > 60) throw new Error(`${late} of 120 frames were late`);
    },
  },
];
