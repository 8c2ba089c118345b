import type { ShareInfo } from "../../ipc/generated";
import type { MenuItem } from "../../components/menu";
import { text } from "../../format/paths";
import { router } from "../../state/router.svelte";
import { t } from "../../strings";
import { flush, openFolder, pauseOrResume } from "../share/actions";

/** What the menu of a row does beside what every share can. */
export type RowActions = { open: boolean; toggle: () => void; verify: () => void; reset: () => void; remove: () => void };

/** The menu of a share's row. */
export function rowMenu(share: ShareInfo, row: RowActions): MenuItem[] {
  const off = ["preparing", "paused", "halted", "disconnected"].includes(share.state);
  const paused = share.state === "paused";
  return [
    { label: t.common.open, key: "Enter", choose: () => router.share(share.id) },
    { label: row.open ? t.shares.hideDetails : t.shares.showDetails, key: row.open ? "←" : "→", choose: row.toggle },
    {
      label: paused ? t.share.resume : t.share.pause,
      key: "P",
      apart: true,
      disabled: share.state === "halted",
      choose: () => void pauseOrResume(share),
    },
    { label: t.share.flush, key: "F", disabled: off, choose: () => void flush(share) },
    { label: t.share.verify, key: "V", disabled: off, choose: row.verify },
    {
      label: t.shares.copyHost,
      key: "Ctrl C",
      apart: true,
      choose: () => void navigator.clipboard.writeText(text(share.host_path)),
    },
    { label: t.overview.openFolder, choose: () => void openFolder(share) },
    { label: t.share.reset, apart: true, choose: row.reset },
    { label: t.share.remove, key: "Del", danger: true, choose: row.remove },
  ];
}
