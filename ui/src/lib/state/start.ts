import type { Backend } from "../ipc/backend";
import type { AppEvent } from "../ipc/generated";
import { text } from "../format/paths";
import { announcer } from "./announcer.svelte";
import { app } from "./app.svelte";
import { clock } from "./clock.svelte";
import { engine, use } from "./engine.svelte";
import { router } from "./router.svelte";

/** Joins the window to the app. */
export async function start(backend: Backend) {
  use(backend);
  clock.start();
  await Promise.all([app.load(), backend.attach(hear)]);
}

function hear(event: AppEvent) {
  switch (event.type) {
    case "engine":
      engine.setState(event.engine);
      break;
    case "snapshot":
      engine.begin(event.snapshot);
      announcer.look(engine.shares);
      break;
    case "delta":
      engine.apply(event.delta);
      announcer.look(engine.shares);
      break;
    case "drag_over":
      app.dragged = event.over;
      break;
    case "dropped":
      if (event.paths[0]) router.create(text(event.paths[0]));
      break;
    case "show":
      router.share(event.page.id);
      break;
    case "quit_asked":
      app.quitAsked = event.shares;
  }
}
