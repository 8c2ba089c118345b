import { cleanup } from "@testing-library/svelte";
import { afterEach } from "vitest";
import { clock } from "../src/lib/state/clock.svelte";

afterEach(() => {
  cleanup();
  clock.stop();
});
