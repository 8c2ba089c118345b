import { engine } from "./state/engine.svelte";
import { router, TABS, type Page } from "./state/router.svelte";

const SECTIONS: Page[] = [
  { at: "shares" },
  { at: "machine" },
  { at: "activity", share: null },
  { at: "troubleshoot" },
  { at: "settings" },
];

/** The keys that work on every page. */
export function shortcuts(event: KeyboardEvent) {
  if (document.querySelector("dialog[open]")) return;
  const control = event.ctrlKey || event.metaKey;
  const page = router.page;
  if (control && event.key === "n") {
    event.preventDefault();
    router.create();
  } else if (control && event.key === ",") {
    event.preventDefault();
    router.go({ at: "settings" });
  } else if (control && /^[1-5]$/.test(event.key)) {
    const section = SECTIONS[Number(event.key) - 1];
    if (section) router.go(section);
    event.preventDefault();
  } else if (control && event.key === "Tab" && page.at === "share") {
    const at = TABS.indexOf(page.tab) + (event.shiftKey ? TABS.length - 1 : 1);
    router.share(page.id, TABS[at % TABS.length]);
    event.preventDefault();
  } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown") && page.at === "share") {
    const at = engine.shares.findIndex((share) => share.id === page.id);
    const next = engine.shares[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) router.share(next.id, page.tab);
    event.preventDefault();
  } else if (event.key === "Escape" && page.at !== "shares" && !event.defaultPrevented) {
    router.shares();
  }
}
