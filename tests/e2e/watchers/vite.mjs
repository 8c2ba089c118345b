// The watcher of a Vite development server on a folder: one line for each of its events. Arguments: the folder, and one for caches.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const manifest = createRequire(`${process.env.CAUSEWAY_WATCHERS}/`).resolve("vite/package.json");
const { createServer } = await import(pathToFileURL(join(dirname(manifest), "dist/node/index.js")).href);
const server = await createServer({
  root: process.argv[2],
  cacheDir: process.argv[3],
  configFile: false,
  logLevel: "silent",
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false },
});
server.watcher.on("all", (event, path) => console.log(`${event}\t${path}`));
server.watcher.on("ready", () => console.log("ready"));
