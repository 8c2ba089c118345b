/** Stands where Tauri would, in a browser: hands the window's calls to a double. Loaded before the window's own script. */
import type { AppEvent, Methods } from "../../src/lib/ipc/generated";
import { scenarios } from "./scenarios";

type Callback = (message: unknown) => void;
type Arguments = Record<string, unknown>;

const made = scenarios[(window as unknown as { scenario: string }).scenario];
if (!made) throw new Error("there is no such scenario");
const fake = made();
const callbacks = new Map<number, Callback>();
let sent = 0;

const commands: Record<string, (given: Arguments) => Promise<unknown>> = {
  attach: ({ events }) =>
    fake.attach((message: AppEvent) => {
      callbacks.get((events as { id: number }).id)?.({ index: sent, message });
      sent += 1;
    }),
  call: ({ method, params }) => fake.call(method as keyof Methods, params as never),
  about: () => fake.about(),
  start_engine: () => fake.startEngine(),
  choose_folder: () => fake.chooseFolder(),
  open_folder: ({ share }) => fake.openFolder(share as string),
  read_log: () => fake.readLog(),
  save_bundle: () => fake.saveBundle(),
  read_preferences: () => fake.readPreferences(),
  write_preferences: ({ preferences }) => fake.writePreferences(preferences as never),
  quit: ({ force }) => fake.quit(force as boolean),
};

Object.assign(window, {
  fake,
  __TAURI_INTERNALS__: {
    transformCallback(callback: Callback) {
      const id = callbacks.size + 1;
      callbacks.set(id, callback);
      return id;
    },
    unregisterCallback: (id: number) => callbacks.delete(id),
    invoke(command: string, given: Arguments) {
      const known = commands[command];
      return known
        ? known(given)
        : Promise.reject(new Error(`the window calls ${command}, which is none of Causeway's commands`));
    },
  },
});
