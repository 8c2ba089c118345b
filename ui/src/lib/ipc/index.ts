/** The only module that imports Tauri. */
import { Channel, invoke } from "@tauri-apps/api/core";
import type { Backend } from "./backend";
import type { AppEvent } from "./generated";

export const backend: Backend = {
  attach(hear) {
    const events = new Channel<AppEvent>();
    events.onmessage = hear;
    return invoke("attach", { events });
  },
  call: (method, params) => invoke("call", { method, params }),
  about: () => invoke("about"),
  startEngine: () => invoke("start_engine"),
  chooseFolder: () => invoke("choose_folder"),
  openFolder: (share) => invoke("open_folder", { share }),
  openInEditor: (share, path) => invoke("open_in_editor", { share, path }),
  readLog: () => invoke("read_log"),
  saveBundle: () => invoke("save_bundle"),
  readPreferences: () => invoke("read_preferences"),
  writePreferences: (preferences) => invoke("write_preferences", { preferences }),
  quit: (force) => invoke("quit", { force }),
};
