// chokidar on a folder: one line for each of its events. Arguments: the folder.
import { createRequire } from "node:module";

const chokidar = createRequire(`${process.env.CAUSEWAY_WATCHERS}/`)("chokidar");
const watcher = chokidar.watch(process.argv[2], { ignoreInitial: true });
watcher.on("all", (event, path) => console.log(`${event}\t${path}`));
watcher.on("ready", () => console.log("ready"));
