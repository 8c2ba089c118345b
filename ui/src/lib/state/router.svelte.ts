/** Which page is shown. There are no addresses: the window has one page at a time, and a way back to the list. */
export type Tab = "overview" | "conflicts" | "problems" | "rules" | "bin";

export type Page =
  | { at: "shares" }
  | { at: "share"; id: string; tab: Tab }
  | { at: "create"; folder: string }
  | { at: "machine"; settings?: boolean }
  | { at: "activity"; share: string | null }
  | { at: "troubleshoot" }
  | { at: "settings" };

export const TABS: Tab[] = ["overview", "conflicts", "problems", "rules", "bin"];

class Router {
  page = $state.raw<Page>({ at: "shares" });
  /** The share whose page was shown last: its row gets the focus when the list is back. */
  last = $state<string | null>(null);
  /** The share that first run made, while its last step is shown. */
  introducing = $state<string | null>(null);

  go(page: Page) {
    if (page.at === "share") this.last = page.id;
    this.page = page;
  }

  share(id: string, tab: Tab = "overview") {
    this.go({ at: "share", id, tab });
  }

  create(folder = "") {
    this.go({ at: "create", folder });
  }

  shares() {
    this.go({ at: "shares" });
  }
}

export const router = new Router();
