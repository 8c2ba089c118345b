import { mount } from "svelte";
import "./styles/index.css";
import App from "./App.svelte";
import { backend } from "./lib/ipc";
import { start } from "./lib/state/start";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no place for the app");
mount(App, { target });
void start(backend);
