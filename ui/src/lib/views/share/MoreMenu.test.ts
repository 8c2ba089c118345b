import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test, vi } from "vitest";
import { t } from "../../strings";
import MoreMenu from "./MoreMenu.svelte";

afterEach(cleanup);

test("it opens with the focus on its first item, closes by Escape, and does what is chosen", async () => {
  const [onreset, onremove, user] = [vi.fn(), vi.fn(), userEvent.setup()];
  render(MoreMenu, { onreset, onremove });
  const more = screen.getByRole("button", { name: t.share.more });
  await user.click(more);
  expect(document.activeElement?.textContent?.trim()).toBe(t.share.reset);
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("menu")).toBeNull();
  expect(document.activeElement).toBe(more);
  await user.click(more);
  await user.click(screen.getByRole("menuitem", { name: t.share.remove }));
  expect([onreset.mock.calls.length, onremove.mock.calls.length]).toEqual([0, 1]);
  expect(screen.queryByRole("menu")).toBeNull();
});
