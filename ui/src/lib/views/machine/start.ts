import type { MachineStart, StartPhase } from "../../ipc/generated";

/** The steps of a VM's start, in their order. */
export const PHASES: StartPhase[] = ["prepare", "boot", "guest", "agent"];

/** How many steps there are, with those that follow once the agent is there: the shares', if there are any, and Docker's. */
export const stepsIn = (shares: number) => PHASES.length + (shares > 0 ? 2 : 1);

/** How many steps have begun. */
export const stepsOf = (start: MachineStart) => start.steps.length;
