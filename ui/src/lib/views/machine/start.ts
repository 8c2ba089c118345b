import type { MachineStart, StartPhase } from "../../ipc/generated";

/** The steps of a VM's start, in their order. */
export const PHASES: StartPhase[] = ["prepare", "boot", "guest", "agent"];

/** How many steps have begun. */
export const stepsOf = (start: MachineStart) => start.steps.length;
